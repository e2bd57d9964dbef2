"""`lite-ensam adjudicate`: two readers of one trial side by side, and what the adjudicator decided."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lite_ensam.cli.archives import Cache, fetcher
from lite_ensam.cli.options import AsJson, Overwrite
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
from lite_ensam.cli.tables import console, print_json, print_table

if TYPE_CHECKING:
    from lite_ensam.reporting import Comparison


def adjudicate(
    first: Annotated[Path, typer.Argument(help="Study of the first reader", show_default=False)],
    second: Annotated[Path, typer.Argument(help="Study of the second reader", show_default=False)],
    decisions: Annotated[
        Path | None,
        typer.Option(
            help="CSV of decisions: the table of --csv with decided_for (1 or 2), adjudicator, reason"
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a CSV table with a row for each patient")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page, for printing on A4")] = None,
    as_json: AsJson = False,
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
    identifiers: Annotated[
        bool, typer.Option("--identifiers", help="Show patients by the names in the files instead of numbers")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Compare two readers' studies of the same patients, and apply an adjudicator's decisions."""
    from lite_ensam.core.about import DISCLAIMER
    from lite_ensam.io import check_outputs, write_table, write_text
    from lite_ensam.reporting import (
        adjudication_page,
        adjudication_rows,
        compare_readers,
        judge,
        read_decisions,
        read_study,
        study_inputs,
    )

    limits = parse_limits(volume)
    protocol = parse_protocol(
        confirmation, confirmation_days, stable_days, keep_pr, irecist, irecist_days, mrecist, choi
    )
    inputs = (decisions, *study_inputs(first), *study_inputs(second))
    check_outputs([(csv, (".csv",)), (html, (".html",))], inputs, overwrite)
    known = {} if decisions is None else read_decisions(decisions)
    both = [
        judge(read_study(path, fetch=fetcher(cache)), limits, protocol, identifiers=identifiers)
        for path in (first, second)
    ]
    comparisons = compare_readers(both[0], both[1], known)
    if csv is not None:
        write_table(csv, adjudication_rows(comparisons), overwrite)
    if html is not None:
        write_text(html, adjudication_page(comparisons, protocol.sentence), overwrite)
    if as_json:
        print_json(
            {
                "disclaimer": DISCLAIMER,
                "best_response": protocol.sentence,
                "comparisons": adjudication_rows(comparisons),
            }
        )
        return
    show(comparisons)
    console().print(f"best response: {protocol.sentence}")
    console().print(DISCLAIMER, style="dim")


def show(comparisons: tuple[Comparison, ...]) -> None:
    """Print a row for each patient and set of criteria."""
    rows = []
    for one in comparisons:
        first, second = one.courses
        decided = one.decision.adjudicator if one.decision else ("open" if one.differences else "")
        final = one.final.best.response if one.final else "open"
        rows.append(
            (
                first.name,
                first.criteria.name,
                first.best.response,
                second.best.response,
                ", ".join(one.differences),
                decided,
                final,
            )
        )
    print_table(("patient", "by"), ("reader 1", "reader 2", "differs", "decided by", "best"), rows)
