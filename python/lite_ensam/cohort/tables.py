"""Tables made from the records, in the order of the manifest: the same bits whatever happened on the way.

`cases` has a row for each case, failures included, `tumors` one for each tumour of the cases that are done.
`timing`, which is another one each time, stands apart. Rows pass through one by one: a million fit.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from lite_ensam.cohort.manifest import CohortCase
from lite_ensam.cohort.notes import CaseNotes
from lite_ensam.cohort.record import MASK, Record, case_folder, obstacle, read_record
from lite_ensam.datasets.manifest_table import load_parquet
from lite_ensam.io import atomic_write, rounded
from lite_ensam.io.csv_tables import csv_text
from lite_ensam.measurements import CONFIDENCE

__all__ = ["CASES", "TIMING", "TUMORS", "Tables", "read_records", "review_priority", "write_tables"]

CASES = {
    "case": "string", "patient": "string", "date": "string", "status": "string", "step": "string", "error": "string",
    "n_tumors": "int64", "volume_ml": "double", "flags": "string", "flag_sentences": "string", "notes": "string",
    "mean_dsc": "double",
    "mask": "string", "mask_sha256": "string", "identity": "string",
}  # fmt: skip
"""Columns of the table of cases. `step` and `error` say what failed, `volume_ml` is the sum over tumours, `mask` is
relative to the cohort's folder, `identity` is the hash of parameters and weights."""

TUMORS = {
    "case": "string", "patient": "string", "date": "string", "label": "int64", "name": "string", "recist_mm": "double",
    "recist_slice": "int64", "longest_diameter_mm": "double", "longest_diameter_slice": "int64",
    "short_axis_mm": "double", "volume_ml": "double", "n_voxels": "int64", "n_pieces": "int64",
    "recovery_offset": "double", **dict.fromkeys(CONFIDENCE, "double"), "flags": "string",
    "flag_sentences": "string", "review_priority": "double",
    "dsc": "double",
}  # fmt: skip
"""Columns of the table of tumours; see `TumorMeasurement`, `TumorConfidence` and `review_priority`. `flags` are codes,
`flag_sentences` the same for people. `dsc` is against the reference."""

TIMING = {
    "case": "string", "hash_s": "double", "read_s": "double", "network_s": "double", "write_s": "double",
    "total_s": "double", "peak_mb": "double", "attempts": "int64", "worker": "string",
}  # fmt: skip
"""Columns of the table of times, one row for each case that was segmented. `peak_mb` is the worker's until then."""

_BATCH = 5000
_WAITED = ("load engine", "wait for scan")
"""Steps outside of a case's own work, or that overlap with another."""


def review_priority(tumor: Mapping[str, Any]) -> float:
    """How much a tumour asks to be looked at.

    One for each flag, how far mask and line are apart (the absolute binary logarithm of longest diameter over line, at
    most 5), and how far the expected Dice is below 1, if there is one. A tumour without voxels has 10 and more.
    """
    line, longest = float(tumor["recist_mm"]), float(tumor["longest_diameter_mm"])
    apart = abs(math.log2(longest / line)) if line > 0 and longest > 0 else 5.0
    unsure = 1 - float(tumor.get("expected_dice") or 1)
    return round(len(tumor["flags"]) + min(apart, 5.0) + unsure + (10 if tumor["n_voxels"] == 0 else 0), 6)


def read_records(
    rows: Iterable[CohortCase], folder: str | os.PathLike[str]
) -> Iterator[tuple[CohortCase, Record]]:
    """Rows with their records; one that has none yet has failed at the step "not run", perhaps with a reason."""
    for row in rows:
        record = read_record(folder, row)
        if record is None:
            why = obstacle(folder, row)
            record = {"status": "failed", "step": "not run", "error": why, "identity": "", "case": row.case}
        yield row, record


class Tables(NamedTuple):
    """Tables that were written, and the notes in them."""

    paths: tuple[Path, ...]
    notes: CaseNotes


def write_tables(rows: Sequence[CohortCase], folder: str | os.PathLike[str]) -> Tables:
    """Write cases, tumours and timing, each as CSV (floats rounded) and as Parquet, whole or not at all.

    Raises
    ------
    OutputError
        If one cannot be written.
    MissingExtraError
        If pyarrow is not installed.
    """
    place, notes = Path(folder), CaseNotes()
    with (
        _table(place / "cases", CASES) as cases,
        _table(place / "tumors", TUMORS) as tumors,
        _table(place / "timing", TIMING) as timing,
    ):
        for row, record in read_records(rows, place):
            who = {"case": row.case, "patient": row.patient, "date": row.date}
            cases.add(who | _case(row, record, place))
            notes.add(row.case, record.get("notes", ()))
            for tumor in record.get("tumors", ()):
                tumors.add(who | tumor | _flags([tumor]) | {"review_priority": review_priority(tumor)})
            if record["status"] == "done":
                timing.add(_timing(row, record.get("run", {})))
    return Tables(
        tuple(path for name in ("cases", "tumors", "timing") for path in _paths(place / name)), notes
    )


def _case(row: CohortCase, record: Record, place: Path) -> dict[str, Any]:
    if record["status"] != "done":
        return {name: record.get(name, "") for name in ("status", "step", "error", "identity")}
    tumors = record["tumors"]
    scores = [tumor["dsc"] for tumor in tumors if tumor.get("dsc") is not None]
    mask = case_folder(place, row) / MASK
    return {
        "status": "done",
        "n_tumors": len(tumors),
        "volume_ml": math.fsum(tumor["volume_ml"] for tumor in tumors),
        **_flags(tumors),
        "notes": "; ".join(record["notes"]),
        "mean_dsc": math.fsum(scores) / len(scores) if scores else None,
        "mask": mask.relative_to(place).as_posix(),
        "mask_sha256": record["mask"]["sha256"],
        "identity": record["identity"],
    }


def _flags(tumors: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Codes and sentences of the tumours' flags, each one once."""
    return {
        name: "; ".join(dict.fromkeys(text for tumor in tumors for text in tumor[name]))
        for name in ("flags", "flag_sentences")
    }


def _timing(row: CohortCase, run: Mapping[str, Any]) -> dict[str, Any]:
    steps = run.get("seconds", {})
    named = {f"{name}_s": steps.get(name) for name in ("hash", "read", "network", "write")}
    total = math.fsum(seconds for name, seconds in steps.items() if name not in _WAITED)
    return {"case": row.case, **named, "total_s": round(total, 4)} | {
        name: run.get(name) for name in ("peak_mb", "attempts", "worker")
    }


class _Table:
    """Rows on their way into a CSV and a Parquet file."""

    def __init__(self, columns: Mapping[str, str], csv_file: BinaryIO, parquet: Any) -> None:
        self._columns, self._csv, self._parquet = columns, csv_file, parquet
        self._rows: list[dict[str, Any]] = []
        csv_file.write(_csv_text([list(columns)]))

    def add(self, row: Mapping[str, Any]) -> None:
        """Take a row; keys without a column are left out, and what is missing is empty."""
        self._rows.append({name: row.get(name) for name in self._columns})
        if len(self._rows) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what was taken."""
        import pyarrow

        self._csv.write(_csv_text([row[name] for name in self._columns] for row in self._rows))
        texts = {name for name, kind in self._columns.items() if kind == "string"}
        plain = [{n: v or None if n in texts else v for n, v in row.items()} for row in self._rows]
        self._parquet.write_table(pyarrow.Table.from_pylist(plain, schema=self._parquet.schema))
        self._rows.clear()


@contextmanager
def _table(stem: Path, columns: Mapping[str, str]) -> Iterator[_Table]:
    """A table as CSV and as Parquet; the files appear when the block ends well."""
    parquet = load_parquet()
    import pyarrow

    schema = pyarrow.schema([(name, pyarrow.type_for_alias(kind)) for name, kind in columns.items()])
    csv_path, parquet_path = _paths(stem)
    with (
        atomic_write(csv_path, overwrite=True) as csv_file,
        atomic_write(parquet_path, overwrite=True) as parquet_file,
        parquet.ParquetWriter(parquet_file, schema) as writer,
    ):
        table = _Table(columns, csv_file, writer)
        yield table
        table.flush()


def _paths(stem: Path) -> tuple[Path, Path]:
    return stem.with_suffix(".csv"), stem.with_suffix(".parquet")


def _csv_text(rows: Iterable[Sequence[Any]]) -> bytes:
    return csv_text([rounded(cell) for cell in row] for row in rows).encode(errors="backslashreplace")
