"""One HTML page for a cohort: how many, how large, what failed, and what to look at first."""

from __future__ import annotations

import heapq
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from lite_ensam import _kernels
from lite_ensam.cohort.manifest import CohortCase
from lite_ensam.cohort.notes import CaseNotes
from lite_ensam.cohort.record import Record
from lite_ensam.cohort.tables import read_records, review_priority
from lite_ensam.cohort.thumbnails import thumbnails
from lite_ensam.core.errors import LiteEnsamError
from lite_ensam.figures import html
from lite_ensam.figures.histogram import histogram
from lite_ensam.io import write_text

__all__ = ["write_page"]

_MOST_SHOWN = 20
_MOST_FAILURES = 200
_PRIORITY = (
    "Review priority is 1 for each flag, plus |log2(longest diameter / line)| (at most 5), plus 1 - expected Dice. "
    "Tumours without a voxel come first. No flag does not mean a good mask."
)


@dataclass
class _Numbers:
    """Numbers that are kept of the records as they pass."""

    statuses: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    flags: Counter[str] = field(default_factory=Counter)
    notes: CaseNotes = field(default_factory=CaseNotes)
    values: dict[str, list[float]] = field(default_factory=dict)
    odd: list[tuple[float, int, CohortCase, Mapping[str, Any]]] = field(default_factory=list)
    n_tumors: int = 0

    def add(self, row: CohortCase, record: Record) -> None:
        self.statuses[record["status"]] += 1
        if record["status"] != "done":
            self.failures.append((row.case, record.get("step", ""), record.get("error", "")))
            return
        self.notes.add(row.case, record["notes"])
        run = record.get("run", {})
        steps = run.get("seconds", {})
        self._note(
            "seconds",
            sum(steps.get(name, 0) for name in ("hash", "read", "cut", "network", "paint", "write")),
        )
        self._note("peak_mb", run.get("peak_mb"))
        self._note("slice_mm", record["spacing_mm_zyx"][0])
        for tumor in record["tumors"]:
            self.n_tumors += 1
            self.flags.update(tumor["flag_sentences"])
            self._note("volume_ml", tumor["volume_ml"])
            self._note("longest_diameter_mm", tumor["longest_diameter_mm"])
            self._note("dsc", tumor.get("dsc"))
            if tumor["recist_mm"]:
                self._note("apart", tumor["longest_diameter_mm"] / tumor["recist_mm"])
            # the number breaks ties: of equals the first stays
            entry = (review_priority(tumor), -self.n_tumors, row, tumor)
            (heapq.heappush if len(self.odd) < _MOST_SHOWN else heapq.heappushpop)(self.odd, entry)

    def _note(self, name: str, value: float | None) -> None:
        if value is not None:
            self.values.setdefault(name, []).append(value)


def write_page(
    rows: Sequence[CohortCase],
    folder: str | os.PathLike[str],
    notes: Sequence[str] = (),
    name: str = "index.html",
) -> Path:
    """Write the page of a cohort from its records; scans are opened again only for the tumours that most need review.

    Parameters
    ----------
    rows : Sequence[CohortCase]
        All cases.
    folder : str or os.PathLike[str]
        Folder of the cohort.
    notes : Sequence[str], default ()
        Sentences on the cohort as a whole.
    name : str, default "index.html"
        File name.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    numbers = _Numbers()
    about: Record = {}
    for row, record in read_records(rows, folder):
        numbers.add(row, record)
        about = about or (record if record["status"] == "done" else {})
    odd = sorted(numbers.odd, key=lambda entry: entry[:2], reverse=True)
    parts = [
        html.section("The run", html.facts(_facts(numbers, about))),
        html.section("Distributions", _distributions(numbers.values)),
        html.section("Flags", _flags(numbers)),
        html.section("Failures", _failures(numbers.failures)),
        html.section("Notes", *map(html.paragraph, notes), _notes(numbers.notes, bool(notes))),
        html.section(
            f"The {len(odd)} tumours that most need review", html.paragraph(_PRIORITY), _gallery(odd, folder)
        ),
    ]
    path = Path(folder) / name
    write_text(path, html.page("Cohort", parts), overwrite=True)
    return path


def _facts(numbers: _Numbers, about: Record) -> dict[str, str]:
    total = sum(numbers.statuses.values())
    facts = {
        "Cases": f"{total}: {numbers.statuses['done']} done, {total - numbers.statuses['done']} failed",
        "Tumours": str(numbers.n_tumors),
        "Program": f"lite-ensam {_kernels.__version__}",
    }
    if about:
        facts["Parameters"] = ", ".join(f"{name} {value}" for name, value in about["parameters"].items())
        facts["Weights"] = f"{about.get('weights', '')} {about['weights_sha256']}".strip()
    return facts


def _distributions(values: Mapping[str, Sequence[float]]) -> str:
    charts = [
        histogram(values.get("volume_ml", ()), "Volume", "ml", log=True),
        histogram(values.get("longest_diameter_mm", ()), "Longest diameter", "mm"),
        histogram(values.get("apart", ()), "Longest diameter / line", "", log=True),
        histogram(values.get("dsc", ()), "DSC with reference", ""),
        histogram(values.get("slice_mm", ()), "Slice distance", "mm"),
        histogram(values.get("seconds", ()), "Time of a case in its worker", "s"),
        histogram(values.get("peak_mb", ()), "Peak memory of the worker", "MB"),
    ]
    return "\n".join(charts) if any(charts) else html.paragraph("No case is done.")


def _flags(numbers: _Numbers) -> str:
    if not numbers.flags:
        return html.paragraph("No tumour has one.")
    rows = [(flag, str(n), f"{n / numbers.n_tumors:.1%}") for flag, n in numbers.flags.most_common()]
    return html.table(("flag", "tumours", "share"), rows)


def _failures(failures: Sequence[tuple[str, str, str]]) -> str:
    if not failures:
        return html.paragraph("None.")
    table = html.table(("case", "step", "error"), failures[:_MOST_FAILURES], text_columns=(1, 2))
    more = len(failures) - _MOST_FAILURES
    return table + (html.paragraph(f"and {more} more: see cases.csv") if more > 0 else "")


def _notes(notes: CaseNotes, has_others: bool) -> str:
    if not notes.n_cases:
        return "" if has_others else html.paragraph("None.")
    more = notes.n_cases - len(notes.listed)
    table = html.table(("case", "notes"), notes.listed, text_columns=(1,))
    return table + (html.paragraph(f"and {more} more: see cases.csv") if more else "")


def _gallery(
    odd: Sequence[tuple[float, int, CohortCase, Mapping[str, Any]]], folder: str | os.PathLike[str]
) -> str:
    style = "display:inline-block;width:264px;margin:0 12px 16px 0;vertical-align:top;font-size:13px"
    figures = []
    pictures = thumbnails([(row, tumor) for *_, row, tumor in odd], folder)
    for (score, _, row, tumor), picture in zip(odd, pictures, strict=True):
        title = f"{row.case}, tumour {tumor['label']}"
        if isinstance(picture, LiteEnsamError):
            shown = html.paragraph(f"no picture: {picture}")
        else:
            shown = html.picture(picture, f"axial slice of {title}")
        text = (
            f"review_priority {score:.2f}; {tumor['volume_ml']:.2f} ml; longest {tumor['longest_diameter_mm']:.1f} mm, "
            f"line {tumor['recist_mm']:.1f} mm; {'; '.join(tumor['flag_sentences']) or 'no flag'}"
        )
        figures.append(
            f'<figure style="{style}">{shown}<figcaption><b>{escape(title)}</b><br>{escape(text)}</figcaption></figure>'
        )
    return "\n".join(figures) if figures else html.paragraph("No tumour was measured.")
