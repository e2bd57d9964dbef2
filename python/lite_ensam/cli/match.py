"""`lite-ensam match`: marks of a later scan get the names of the lesions of baseline that they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lite_ensam.cli.archives import Cache, fetch
from lite_ensam.cli.options import Overwrite
from lite_ensam.cli.tables import console, print_table

if TYPE_CHECKING:
    from lite_ensam.core.case import Case
    from lite_ensam.response import TrackedLesions


def match(
    baseline_ct: Annotated[
        str,
        typer.Argument(
            metavar="BASELINE_CT",
            help="Scan of baseline: a file, a DICOM folder or a study in an archive",
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
        Path, typer.Option("--output", "-o", help="The later scan's lines, named: .json", show_default=False)
    ],
    near_mm: Annotated[
        float, typer.Option(min=0, help="How far a lesion may lie from its place at baseline")
    ] = 20.0,
    cache: Cache = None,
    overwrite: Overwrite = False,
) -> None:
    """Find the lesions of baseline again in a later scan: by tracking UID or name, else by place (extra `register`)."""
    from lite_ensam.core.about import DISCLAIMER
    from lite_ensam.io import check_outputs, read_case, write_marks
    from lite_ensam.io.places import marks_at_hand
    from lite_ensam.response import track_lesions

    check_outputs([(output, (".json",))], (baseline_ct, baseline_marks, ct, marks), overwrite)
    before, now = (
        read_case(fetch(scan, marks=(lines := marks_at_hand(given, cache=cache)), cache=cache), lines)
        for scan, given in ((baseline_ct, baseline_marks), (ct, marks))
    )
    followed = track_lesions(before, now, near_mm)
    write_marks(output, followed.marks, now.source, overwrite)
    show(followed, now)
    console().print(f"marks: {output}")
    console().print(f"known by {followed.how}")
    console().print(DISCLAIMER, style="dim")


def show(followed: TrackedLesions, now: Case) -> None:
    """Print a row for each mark, and for each lesion that was not found again."""
    rows = []
    for given, mark, one in zip(now.marks, followed.marks, followed.matches, strict=True):
        doubt = "another lesion of baseline lies near" if one.is_doubtful else ""
        new = "none of baseline's: a new lesion?" if one.before is None else doubt
        distance = "-" if one.distance_mm is None else f"{one.distance_mm:.1f}"
        rows.append(
            (f"{given.label} {given.name}".strip(), f"{mark.label} {mark.name}".strip(), distance, new)
        )
    rows += [("-", f"{mark.label} {mark.name}".strip(), "-", "not marked again") for mark in followed.lost]
    print_table(("mark", "lesion"), ("mm away", "look at"), rows)
