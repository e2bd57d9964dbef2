"""Where the cases to train on lie: three layouts.

- a folder with `train/<source>/<case>/{ct.nii.gz, labels.nii.gz, marks.json}`
- FLARE's, with `train_npz/*.npz`, or such a folder of `.npz` itself: lines are drawn on `gts`, the file's name says
  the source
- a CSV file with a row for each case and the columns `ct, labels, marks, source, patient, split`: only `ct` is
  needed, paths are relative to the file, `split` is `train` or `val`
"""

from __future__ import annotations

import csv
from pathlib import Path

from lite_ensam.core.errors import CaseError, TrainingError, printable
from lite_ensam.datasets import CaseFiles, find_cases

__all__ = ["TRAINING_LIST_COLUMNS", "find_training_cases", "read_training_list"]

TRAINING_LIST_COLUMNS = ("ct", "labels", "marks", "source", "patient", "split")
TRAIN, VAL = "train", "val"


def find_training_cases(data: Path) -> tuple[list[CaseFiles], list[CaseFiles]]:
    """Cases to train on, and those that a manifest holds out; in the other layouts that is none.

    Raises
    ------
    CaseError
        If there is no case to train on.
    TrainingError
        If a manifest makes no sense.
    """
    if data.suffix.lower() == ".csv":
        return read_training_list(data)
    for part in ("train", "train_npz"):
        if (data / part).is_dir():
            # a folder of .npz alone is found from above, a folder of sources by itself
            return find_cases(data / part), []
    return find_cases(data), []


def read_training_list(path: Path) -> tuple[list[CaseFiles], list[CaseFiles]]:
    """Cases of a CSV file, to train on and to validate on.

    Raises
    ------
    CaseError
        If the file cannot be read.
    TrainingError
        If a column is unknown, a row names no scan or another split, a file is missing, or no row is to be
        trained on. The row is named.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns, rows = list(reader.fieldnames or ()), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CaseError(f"{printable(path)}: cannot be read as a CSV file ({error})") from error
    if "ct" not in columns or set(columns) - set(TRAINING_LIST_COLUMNS):
        raise TrainingError(
            f"{printable(path)}: the columns must be ct and any of {', '.join(TRAINING_LIST_COLUMNS[1:])}, got "
            f"{', '.join(map(printable, columns)) or 'none'}"
        )
    split: dict[str, list[CaseFiles]] = {TRAIN: [], VAL: []}
    for number, row in enumerate(rows, start=2):
        where = f"{printable(path)}, line {number}"
        cells = {name: (row.get(name) or "").strip() for name in TRAINING_LIST_COLUMNS}
        part = cells["split"] or TRAIN
        if part not in split:
            raise TrainingError(f"{where}: split must be {TRAIN} or {VAL}, got {printable(part)!r}")
        split[part].append(_case_of(cells, path.parent, where))
    if not split[TRAIN]:
        raise TrainingError(f"{printable(path)}: no row is to be trained on")
    return split[TRAIN], split[VAL]


def _case_of(cells: dict[str, str], folder: Path, where: str) -> CaseFiles:
    paths: dict[str, Path | None] = {}
    for column in ("ct", "labels", "marks"):
        paths[column] = folder / cells[column] if cells[column] else None
        there = paths[column]
        if there is not None and not there.exists():
            raise TrainingError(f"{where}: {column}: no such file {printable(there)}")
    ct = paths["ct"]
    if ct is None:
        raise TrainingError(f"{where}: names no ct")
    named = ct.parent if ct.name == "ct.nii.gz" else ct
    name = named.name.removesuffix(".gz").removesuffix(".nii").removesuffix(".npz")
    return CaseFiles(
        source=cells["source"] or folder.name,
        name=name,
        ct=ct,
        marks=paths["marks"],
        labels=paths["labels"],
        patient=cells["patient"] or f"{cells['source']}/{name}",
    )
