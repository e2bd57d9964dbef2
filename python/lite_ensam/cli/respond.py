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
    from lite_ensam.reporting import Course, Patient
    from lite_ensam.response import Criteria, Wait


class EvaluatorName(StrEnum):
    """Who read, for `--sdtm`; CDISC's terms in lower case."""

    investigator = "investigator"
    independent = "independent"


def respond(
    study: Annotated[
        Path, typer.Argument(help="Sizes or reports over time: .json or .csv", show_default=False)
    ],
    json: Annotated[Path | None, typer.Option(help="JSON to write")] = None,
    csv: Annotated[Path | None, typer.Option(help="CSV to write, a row for each visit")] = None,
    html: Annotated[Path | None, typer.Option(help="Page with plots to write, one file")] = None,
    lesions: Annotated[
        Path | None, typer.Option(help="CSV to write, a row for each lesion at each visit")
    ] = None,
    rates: Annotated[
        Path | None,
        typer.Option(help="CSV to write: ORR, DCR, duration of response, time to progression by cohort"),
    ] = None,
    sdtm: Annotated[
        Path | None, typer.Option(help="Folder for CDISC's domains TU, TR and RS: tu.csv, tr.csv, rs.csv")
    ] = None,
    evaluator: Annotated[
        EvaluatorName, typer.Option(help="Who read, for --sdtm: the investigator or independent assessors")
    ] = EvaluatorName.investigator,
    volume: Annotated[
        str,
        typer.Option(
            help="Limits of volume: sphere (-65.7 % / +72.8 %), reliability (-35 % / +55 %), or PR,PD in percent "
            "such as 40,60"
        ),
    ] = "sphere",
    confirmation: Annotated[
        bool, typer.Option("--confirmation", help="Count CR and PR only if they are seen again")
    ] = False,
    confirmation_days: Annotated[
        str | None,
        typer.Option(
            help="The same, with the days between: LEAST or LEAST,MOST, such as 28,84 [default: at least 28]"
        ),
    ] = None,
    stable_days: Annotated[
        int, typer.Option(min=0, help="How long SD must last to be the best response, in days")
    ] = 42,
    keep_pr: Annotated[
        bool,
        typer.Option("--keep-pr", help="Keep PR until PD, as EORTC does [default: each visit by its sum]"),
    ] = False,
    irecist: Annotated[bool, typer.Option("--irecist", help="Judge by iRECIST, too")] = False,
    irecist_days: Annotated[
        str | None,
        typer.Option(
            help="The same, with the days from iUPD to iCPD: LEAST,MOST, or LEAST without an end [default: 28,56]"
        ),
    ] = None,
    repeats: Repeats = 0,
    border: Border = BorderName.readers,
    weights: Weights = None,
    identifiers: Annotated[
        bool, typer.Option("--identifiers", help="Name patients as the file does, instead of counting them")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Judge response over time: RECIST 1.1, iRECIST, and the rules of RECIST 1.1 by volume where volumes are given."""
    from lite_ensam import _kernels
    from lite_ensam.core.about import DISCLAIMER
    from lite_ensam.engines.backend import WEIGHTS
    from lite_ensam.io import check_outputs, write_report, write_table, write_text
    from lite_ensam.reporting import (
        judge,
        lesion_rows,
        rates_of,
        rates_rows,
        rates_section,
        read_study,
        study_inputs,
        study_page,
    )
    from lite_ensam.response import Protocol

    limits = parse_limits(volume)
    protocol = Protocol(
        confirmation=confirmation or confirmation_days is not None,
        confirming_wait=parse_wait(confirmation_days or "28", "--confirmation-days"),
        least_stable_days=stable_days,
        keeps_response=keep_pr,
        immune=irecist or irecist_days is not None,
        progression_wait=parse_wait(irecist_days or "28,56", "--irecist-days"),
    )
    tables = (csv, lesions, rates, *domain_files(sdtm).values())
    outputs = ((json, (".json",)), (html, (".html",)), *((table, (".csv",)) for table in tables))
    check_outputs(outputs, (study, *study_inputs(study), weights), overwrite)
    patients = read_study(
        study, repeats, draw=html is not None, border=border.value, weights=weights or WEIGHTS
    )
    courses = judge(patients, limits, protocol, identifiers=identifiers)
    how = protocol.sentence
    by_cohort = rates_of(courses)
    notes = [f"patient {n}: {note}" for n, patient in enumerate(patients, start=1) for note in patient.notes]
    if json is not None:
        record = {
            "disclaimer": DISCLAIMER,
            "version": _kernels.__version__,
            "best_response": how,
            "notes": notes,
        }
        results = {"courses": [course.to_dict() for course in courses], "rates": rates_rows(by_cohort)}
        write_report(json, record | results, overwrite)
    if csv is not None:
        write_table(csv, [row for course in courses for row in course.rows()], overwrite)
    if html is not None:
        write_text(html, study_page(courses, how, [rates_section(by_cohort)]), overwrite)
    if lesions is not None:
        write_table(lesions, lesion_rows(patients, identifiers), overwrite)
    if rates is not None:
        write_table(rates, [row | {"rules": how} for row in rates_rows(by_cohort)], overwrite)
    if sdtm is not None:
        write_domains(sdtm, patients, courses, evaluator, identifiers, overwrite)
    show(courses)
    for note in notes:
        console().print(f"note: {note}")
    console().print(f"best response: {how}")
    console().print(DISCLAIMER, style="dim")


def domain_files(folder: Path | None) -> dict[str, Path]:
    """Files of the domains in a folder, which is made; none without one."""
    from lite_ensam.core.errors import OutputError, printable
    from lite_ensam.reporting import DOMAINS

    if folder is None:
        return {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {printable(folder)}: {error.strerror or error}") from error
    return {name: folder / f"{name}.csv" for name in DOMAINS}


def write_domains(
    folder: Path,
    patients: Sequence[Patient],
    courses: Sequence[Course],
    evaluator: EvaluatorName,
    identifiers: bool,
    overwrite: bool,
) -> None:
    """Write TU, TR and RS."""
    from lite_ensam.io import write_table
    from lite_ensam.reporting import sdtm_tables

    is_independent = evaluator is EvaluatorName.independent
    tables = sdtm_tables(
        patients, courses, "INDEPENDENT ASSESSOR" if is_independent else "INVESTIGATOR", identifiers
    )
    for name, path in domain_files(folder).items():
        write_table(path, tables[name], overwrite)


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
