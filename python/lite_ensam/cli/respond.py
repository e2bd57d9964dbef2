"""`lite-ensam respond`: sizes over time to RECIST 1.1's response, by diameter and by volume."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lite_ensam.cli.options import Border, BorderName, Overwrite, Repeats, Weights
from lite_ensam.cli.tables import console, print_table

if TYPE_CHECKING:
    from lite_ensam.reporting import Course


class VolumeLimits(StrEnum):
    """Which limits `--volume` takes."""

    sphere = "sphere"
    reliability = "reliability"


def respond(
    study: Annotated[
        Path, typer.Argument(help="Sizes or reports over time: .json or .csv", show_default=False)
    ],
    json: Annotated[Path | None, typer.Option(help="JSON to write")] = None,
    csv: Annotated[Path | None, typer.Option(help="CSV to write, a row for each visit")] = None,
    html: Annotated[Path | None, typer.Option(help="Page with plots to write, one file")] = None,
    volume: Annotated[
        VolumeLimits, typer.Option(help="sphere: -65.7 % / +72.8 %; reliability: -35 % / +55 %")
    ] = VolumeLimits.sphere,
    confirmation: Annotated[
        bool, typer.Option("--confirmation", help="CR and PR count if seen again after four weeks")
    ] = False,
    stable_days: Annotated[
        int, typer.Option(min=0, help="How long SD must last to be the best response")
    ] = 42,
    repeats: Repeats = 0,
    border: Border = BorderName.readers,
    weights: Weights = None,
    identifiers: Annotated[
        bool, typer.Option("--identifiers", help="Name patients as the file does, instead of counting them")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Judge response over time: RECIST 1.1, and the same rules by volume where volumes are given."""
    from lite_ensam import _kernels
    from lite_ensam.core.about import DISCLAIMER
    from lite_ensam.engines.backend import WEIGHTS
    from lite_ensam.io import check_outputs, write_report, write_table, write_text
    from lite_ensam.reporting import judge, read_study, study_inputs, study_page
    from lite_ensam.response import VOLUME, VOLUME_RELIABILITY

    outputs = ((json, (".json",)), (csv, (".csv",)), (html, (".html",)))
    check_outputs(outputs, (study, *study_inputs(study), weights), overwrite)
    patients = read_study(
        study, repeats, draw=html is not None, border=border.value, weights=weights or WEIGHTS
    )
    courses = judge(
        patients,
        VOLUME if volume is VolumeLimits.sphere else VOLUME_RELIABILITY,
        confirmation=confirmation,
        least_stable_days=stable_days,
        identifiers=identifiers,
    )
    how = (
        f"CR and PR {'confirmed after at least 28 days' if confirmation else 'need no confirmation'}; SD must last "
        f"{stable_days} days from baseline"
    )
    notes = [f"patient {n}: {note}" for n, patient in enumerate(patients, start=1) for note in patient.notes]
    if json is not None:
        record = {
            "disclaimer": DISCLAIMER,
            "version": _kernels.__version__,
            "best_response": how,
            "notes": notes,
        }
        write_report(json, record | {"courses": [course.to_dict() for course in courses]}, overwrite)
    if csv is not None:
        write_table(csv, [row for course in courses for row in course.rows()], overwrite)
    if html is not None:
        write_text(html, study_page(courses, how), overwrite)
    show(courses)
    for note in notes:
        console().print(f"note: {note}")
    console().print(f"best response: {how}")
    console().print(DISCLAIMER, style="dim")


def show(courses: Sequence[Course]) -> None:
    """Print a row for each visit, and the best response on each course's last one."""
    rows = []
    for course in courses:
        for one in course.visits:
            is_last = one is course.visits[-1]
            rows.append(
                (
                    course.name,
                    course.criteria.name,
                    str(one.day),
                    "-" if one.sum is None else f"{one.sum:.1f} {course.criteria.unit}",
                    "-" if one.change_from_baseline is None else f"{one.change_from_baseline:+.0%}",
                    "-" if one.change_from_nadir is None else f"{one.change_from_nadir:+.0%}",
                    one.overall + (" (within noise)" if one.is_uncertain else ""),
                    course.best.response if is_last else "",
                )
            )
    print_table(("patient", "by"), ("day", "sum", "to baseline", "to nadir", "response", "best"), rows)
