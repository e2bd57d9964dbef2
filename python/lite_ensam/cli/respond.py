"""`lite-ensam respond`: sizes over time to RECIST 1.1's response, by diameter and by volume."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from lite_ensam.cli.archives import Cache, PickDate, PickDescription, PickMaker, fetcher, parse_choice
from lite_ensam.cli.options import AsJson, Border, BorderName, Overwrite, Repeats, Weights
from lite_ensam.cli.protocol_options import (
    Choi,
    Confirmation,
    ConfirmationDays,
    Irecist,
    IrecistDays,
    KeepPr,
    Mrecist,
    StableDays,
    Volume,
    parse_limits,
    parse_protocol,
)
from lite_ensam.cli.respond_outputs import EvaluatorName, ResponseOutputs, response_record
from lite_ensam.cli.tables import console, print_json, print_table

if TYPE_CHECKING:
    from lite_ensam.reporting import Course

Board: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="Write a page for the tumour board: every lesion at every visit, for printing on A4"),
]
Rates: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="Write a CSV table: ORR, DCR, duration of response and time to progression of each cohort"
    ),
]
Sdtm: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="Write CDISC's domains TU, TR and RS into this folder: tu.csv, tr.csv, rs.csv"),
]
Redcap: TypeAlias = Annotated[
    Path | None, typer.Option(help="Write redcap_data.csv and redcap_dictionary.csv into this folder")
]
Evaluator: TypeAlias = Annotated[
    EvaluatorName,
    typer.Option(help="Readers of the scans, for --sdtm: the investigator or independent assessors"),
]
Lesions: TypeAlias = Annotated[
    Path | None, typer.Option(help="Write a CSV table with a row for each lesion at each visit")
]


def respond(
    study: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY...",
            help="A study file (.json, .csv), a folder of visits, or the visits of one patient: DICOM folders or "
            "studies in an archive (dicomweb+https://HOST/dicom-web/studies/UID)",
            show_default=False,
        ),
    ],
    report: Annotated[Path | None, typer.Option(help="Write all results as JSON")] = None,
    as_json: AsJson = False,
    csv: Annotated[Path | None, typer.Option(help="Write a CSV table with a row for each visit")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with plots, in one file")] = None,
    board: Board = None,
    lesions: Lesions = None,
    rates: Rates = None,
    sdtm: Sdtm = None,
    redcap: Redcap = None,
    evaluator: Evaluator = EvaluatorName.investigator,
    volume: Volume = "sphere",
    confirmation: Confirmation = False,
    confirmation_days: ConfirmationDays = None,
    stable_days: StableDays = 42,
    keep_pr: KeepPr = False,
    irecist: Irecist = False,
    irecist_days: IrecistDays = None,
    mrecist: Mrecist = False,
    choi: Choi = False,
    cache: Cache = None,
    pick_description: PickDescription = None,
    pick_date: PickDate = None,
    pick_maker: PickMaker = None,
    repeats: Repeats = 0,
    border: Border = BorderName.readers,
    weights: Weights = None,
    identifiers: Annotated[
        bool, typer.Option("--identifiers", help="Show patients by the names in the file instead of numbers")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Assess response across visits by RECIST 1.1, iRECIST, mRECIST and Choi, and by volume."""
    from lite_ensam.core.about import DISCLAIMER
    from lite_ensam.engines.backend import WEIGHTS
    from lite_ensam.io.places import is_address
    from lite_ensam.reporting import judge, read_study, study_inputs
    from lite_ensam.reporting.sdtm import sdtm_doubts

    limits = parse_limits(volume)
    protocol = parse_protocol(
        confirmation, confirmation_days, stable_days, keep_pr, irecist, irecist_days, mrecist, choi
    )
    outputs = ResponseOutputs(report, csv, html, board, lesions, rates, sdtm, redcap)
    course = study[0] if len(study) == 1 and not is_address(study[0]) else study
    outputs.check((*study_inputs(course), weights), overwrite)
    patients = read_study(
        course, repeats, draw=html is not None, slices=board is not None, border=border.value,
        weights=weights or WEIGHTS, choice=parse_choice(pick_description, pick_date, pick_maker), fetch=fetcher(cache),
    )  # fmt: skip
    courses = judge(patients, limits, protocol, identifiers=identifiers)
    notes = [f"patient {n}: {note}" for n, patient in enumerate(patients, start=1) for note in patient.notes]
    if sdtm is not None:
        notes += sdtm_doubts(patients)
    outputs.write(
        patients,
        courses,
        protocol.sentence,
        notes,
        evaluator=evaluator,
        identifiers=identifiers,
        overwrite=overwrite,
    )
    if as_json:
        print_json(response_record(patients, courses, protocol.sentence, notes, identifiers))
        return
    show(courses)
    for note in notes:
        console().print(f"note: {note}")
    console().print(f"best response: {protocol.sentence}")
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
