"""`lite-ensam respond`: sizes over time to RECIST 1.1's response, by diameter and by volume."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from lite_ensam.cli.options import Border, BorderName, Overwrite, Repeats, Weights
from lite_ensam.cli.respond_outputs import EvaluatorName, ResponseOutputs
from lite_ensam.cli.tables import console, print_table

if TYPE_CHECKING:
    from lite_ensam.reporting import Course
    from lite_ensam.response import Criteria, Wait


Volume: TypeAlias = Annotated[
    str,
    typer.Option(
        help="Limits of volume: sphere (-65.7 % / +72.8 %), reliability (-35 % / +55 %), or PR,PD in percent "
        "such as 40,60"
    ),
]
ConfirmationDays: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="The same, with the days between: LEAST or LEAST,MOST, such as 28,84 [default: at least 28]"
    ),
]
KeepPr: TypeAlias = Annotated[
    bool,
    typer.Option("--keep-pr", help="Keep PR until PD, as EORTC does [default: each visit by its sum]"),
]
IrecistDays: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="The same, with the days from iUPD to iCPD: LEAST,MOST, or LEAST without an end [default: 28,56]"
    ),
]
Mrecist: TypeAlias = Annotated[
    bool, typer.Option("--mrecist", help="Judge by mRECIST, too: targets need viable_mm")
]
Choi: TypeAlias = Annotated[
    bool, typer.Option("--choi", help="Judge by Choi, too: targets need mean_hu, which reports have")
]
Rates: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="CSV to write: ORR, DCR, duration of response, time to progression by cohort"),
]
Sdtm: TypeAlias = Annotated[
    Path | None, typer.Option(help="Folder for CDISC's domains TU, TR and RS: tu.csv, tr.csv, rs.csv")
]
Evaluator: TypeAlias = Annotated[
    EvaluatorName, typer.Option(help="Who read, for --sdtm: the investigator or independent assessors")
]
Lesions: TypeAlias = Annotated[
    Path | None, typer.Option(help="CSV to write, a row for each lesion at each visit")
]


def respond(
    study: Annotated[
        Path, typer.Argument(help="Sizes or reports over time: .json or .csv", show_default=False)
    ],
    json: Annotated[Path | None, typer.Option(help="JSON to write")] = None,
    csv: Annotated[Path | None, typer.Option(help="CSV to write, a row for each visit")] = None,
    html: Annotated[Path | None, typer.Option(help="Page with plots to write, one file")] = None,
    board: Annotated[
        Path | None, typer.Option(help="Page for the tumour board: every lesion at every visit; prints on A4")
    ] = None,
    lesions: Lesions = None,
    rates: Rates = None,
    sdtm: Sdtm = None,
    evaluator: Evaluator = EvaluatorName.investigator,
    volume: Volume = "sphere",
    confirmation: Annotated[
        bool, typer.Option("--confirmation", help="Count CR and PR only if they are seen again")
    ] = False,
    confirmation_days: ConfirmationDays = None,
    stable_days: Annotated[
        int, typer.Option(min=0, help="How long SD must last to be the best response, in days")
    ] = 42,
    keep_pr: KeepPr = False,
    irecist: Annotated[bool, typer.Option("--irecist", help="Judge by iRECIST, too")] = False,
    irecist_days: IrecistDays = None,
    mrecist: Mrecist = False,
    choi: Choi = False,
    repeats: Repeats = 0,
    border: Border = BorderName.readers,
    weights: Weights = None,
    identifiers: Annotated[
        bool, typer.Option("--identifiers", help="Name patients as the file does, instead of counting them")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Judge response over time: RECIST 1.1, iRECIST, mRECIST, Choi, and the rules of RECIST 1.1 by volume."""
    from lite_ensam.core.about import DISCLAIMER
    from lite_ensam.engines.backend import WEIGHTS
    from lite_ensam.reporting import judge, read_study, study_inputs
    from lite_ensam.response import Protocol

    limits = parse_limits(volume)
    protocol = Protocol(
        confirmation=confirmation or confirmation_days is not None,
        confirming_wait=parse_wait(confirmation_days or "28", "--confirmation-days"),
        least_stable_days=stable_days,
        keeps_response=keep_pr,
        immune=irecist or irecist_days is not None,
        progression_wait=parse_wait(irecist_days or "28,56", "--irecist-days"),
        viable=mrecist,
        density=choi,
    )
    outputs = ResponseOutputs(json, csv, html, board, lesions, rates, sdtm)
    outputs.check((study, *study_inputs(study), weights), overwrite)
    patients = read_study(
        study,
        repeats,
        draw=html is not None,
        slices=board is not None,
        border=border.value,
        weights=weights or WEIGHTS,
    )
    courses = judge(patients, limits, protocol, identifiers=identifiers)
    notes = [f"patient {n}: {note}" for n, patient in enumerate(patients, start=1) for note in patient.notes]
    outputs.write(
        patients,
        courses,
        protocol.sentence,
        notes,
        evaluator=evaluator,
        identifiers=identifiers,
        overwrite=overwrite,
    )
    show(courses)
    for note in notes:
        console().print(f"note: {note}")
    console().print(f"best response: {protocol.sentence}")
    console().print(DISCLAIMER, style="dim")


def parse_limits(text: str) -> Criteria:
    """Limits of volume by their name, or of numbers such as 40,60: -40 % is PR, +60 % is PD."""
    from lite_ensam.response import VOLUME, VOLUME_RELIABILITY, Criteria

    named = {"sphere": VOLUME, "reliability": VOLUME_RELIABILITY}
    if text in named:
        return named[text]
    try:
        fall, rise = (abs(float(part)) for part in text.split(","))
        return Criteria(f"volume, -{fall:g} % / +{rise:g} %", "volume", -fall / 100, rise / 100)
    except ValueError:
        raise typer.BadParameter(
            f"must be sphere, reliability, or two percentages PR,PD such as 40,60 (PR below 100), got {text!r}",
            param_hint="'--volume'",
        ) from None


def parse_wait(text: str, option: str) -> Wait:
    """Days as LEAST or LEAST,MOST."""
    from lite_ensam.response import Wait

    try:
        days = [int(part) for part in text.split(",")]
        wait = Wait(*days)
    except (ValueError, TypeError):
        wait = Wait(-1)
    if wait.least < 0 or (wait.most is not None and wait.most < wait.least):
        raise typer.BadParameter(
            f"must be days as LEAST or LEAST,MOST such as 28,84, got {text!r}", param_hint=f"'{option}'"
        )
    return wait


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
