"""Options of what a trial's protocol chooses, which `respond` and `adjudicate` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from lite_ensam.response import Criteria, Protocol, Wait

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
        help="Count CR and PR only if they are confirmed within these days: LEAST or LEAST,MOST, e.g. 28,84",
        show_default="off; with --confirmation alone at least 28",
    ),
]
KeepPr: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--keep-pr", help="Keep PR until PD, as EORTC advises", show_default="each visit by its sum"
    ),
]
IrecistDays: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Judge by iRECIST as well, with these days from iUPD to iCPD: LEAST or LEAST,MOST",
        show_default="off; with --irecist alone 28,56",
    ),
]
Mrecist: TypeAlias = Annotated[
    bool, typer.Option("--mrecist", help="Judge by mRECIST as well; targets need viable_mm")
]
Choi: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--choi", help="Judge by Choi as well; targets need mean_hu, which reports of segmented scans have"
    ),
]
Confirmation: TypeAlias = Annotated[
    bool, typer.Option("--confirmation", help="Count CR and PR only if a later visit confirms them")
]
StableDays: TypeAlias = Annotated[
    int, typer.Option(min=0, help="Days from baseline that SD must last to be the best response")
]
Irecist: TypeAlias = Annotated[bool, typer.Option("--irecist", help="Judge by iRECIST as well")]


def parse_protocol(
    confirmation: bool,
    confirmation_days: str | None,
    stable_days: int,
    keep_pr: bool,
    irecist: bool,
    irecist_days: str | None,
    mrecist: bool,
    choi: bool,
) -> Protocol:
    """The protocol that the options choose; a number of days switches on what it is of."""
    from lite_ensam.response import Protocol

    return Protocol(
        confirmation=confirmation or confirmation_days is not None,
        confirming_wait=parse_wait(confirmation_days or "28", "--confirmation-days"),
        least_stable_days=stable_days,
        keeps_response=keep_pr,
        immune=irecist or irecist_days is not None,
        progression_wait=parse_wait(irecist_days or "28,56", "--irecist-days"),
        viable=mrecist,
        density=choi,
    )


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
