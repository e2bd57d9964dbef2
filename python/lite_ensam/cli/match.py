"""`lite-ensam match`: marks of a later scan get the names of the lesions of baseline that they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lite_ensam.cli.archives import Cache, fetch
from lite_ensam.cli.default_outputs import lines_beside
from lite_ensam.cli.options import AsJson, Overwrite
from lite_ensam.cli.tables import console, print_json, print_table

if TYPE_CHECKING:
    from lite_ensam.core.case import Case
    from lite_ensam.core.recist import RecistMark
    from lite_ensam.response import TrackedLesions


def match(
    baseline_ct: Annotated[
        str,
        typer.Argument(
            metavar="BASELINE_CT",
            help="Baseline scan: a file, a DICOM folder or a study in an archive",
            show_default=False,
        ),
    ],
    baseline_marks: Annotated[
        str, typer.Argument(metavar="BASELINE_MARKS", help="Its RECIST lines", show_default=False)
    ],
    ct: Annotated[str, typer.Argument(metavar="CT", help="The later scan", show_default=False)],
    marks: Annotated[
        str, typer.Argument(metavar="MARKS", help="Its RECIST lines, named or not", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write the named lines here: .json",
            show_default="beside the later scan's lines",
        ),
    ] = None,
    near_mm: Annotated[
        float,
        typer.Option(min=0, help="Largest distance in mm between a line and its lesion's place at baseline"),
    ] = 20.0,
    cache: Cache = None,
    as_json: AsJson = False,
    overwrite: Overwrite = False,
) -> None:
    """Match the lines of a later scan to the lesions of baseline by tracking UID, name or place (extra `register`)."""
    from lite_ensam.core.about import DISCLAIMER
    from lite_ensam.io import check_outputs, read_case, write_marks
    from lite_ensam.io.places import marks_at_hand
    from lite_ensam.response import track_lesions

    output = output or lines_beside(marks)
    check_outputs([(output, (".json",))], (baseline_ct, baseline_marks, ct, marks), overwrite)
    before, now = (
        read_case(fetch(scan, marks=(lines := marks_at_hand(given, cache=cache)), cache=cache), lines)
        for scan, given in ((baseline_ct, baseline_marks), (ct, marks))
    )
    followed = track_lesions(before, now, near_mm)
    write_marks(output, followed.marks, now.source, overwrite)
    if as_json:
        print_json(
            {
                "disclaimer": DISCLAIMER,
                "marks": output,
                "matched_by": followed.how,
                "lesions": _rows(followed, now),
            }
        )
        return
    show(followed, now)
    console().print(f"marks: {output}")
    console().print(f"matched by {followed.how}")
    console().print(DISCLAIMER, style="dim")


def show(followed: TrackedLesions, now: Case) -> None:
    """Print a row for each mark, and for each lesion that has no mark in the later scan."""
    rows = [
        (
            one["mark"] or "-",
            one["lesion"] or "-",
            "-" if one["distance_mm"] is None else f"{one['distance_mm']:.1f}",
            one["check"],
        )
        for one in _rows(followed, now)
    ]
    print_table(("mark", "lesion"), ("mm away",), rows, ("check",))


def _rows(followed: TrackedLesions, now: Case) -> list[dict[str, Any]]:
    """Each mark with its lesion, then the lesions without a mark."""
    rows: list[dict[str, Any]] = []
    for given, mark, one in zip(now.marks, followed.marks, followed.matches, strict=True):
        doubt = "another lesion of baseline lies near" if one.is_doubtful else ""
        check = "no lesion of baseline: a new lesion?" if one.before is None else doubt
        rows.append(_row(given, mark, one.distance_mm, check))
    return rows + [_row(None, mark, None, "not marked in the later scan") for mark in followed.lost]


def _row(
    given: RecistMark | None, lesion: RecistMark, distance_mm: float | None, check: str
) -> dict[str, Any]:
    mark = None if given is None else f"{given.label} {given.name}".strip()
    return {
        "mark": mark,
        "lesion": f"{lesion.label} {lesion.name}".strip(),
        "distance_mm": distance_mm,
        "check": check,
    }
