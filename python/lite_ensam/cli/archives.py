"""Options of commands that fetch from and send to archives (PACS), and that choose one of several reports or masks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from lite_ensam.cli.verbosity import say_aside

if TYPE_CHECKING:
    from lite_ensam.core.types import PathLike
    from lite_ensam.io.object_choice import ObjectChoice

Cache: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="Keep files that were fetched from an archive in this folder",
        show_default="nothing is kept",
        envvar="LITE_ENSAM_CACHE",
    ),
]
To: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="ADDRESS",
        help="Also store the DICOM results in an archive: dicomweb+https://HOST/dicom-web or ae://AET@HOST:PORT",
    ),
]
PickDescription: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Of several reports or masks, take the one whose description contains this text"),
]
PickDate: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Of several reports or masks, take the newest, the oldest, or that of a day (YYYY-MM-DD)"
    ),
]
PickMaker: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Of several reports or masks, take the one whose manufacturer or model contains this text"
    ),
]

PROGRESS_EACH = 50
"""Files between two lines of progress, without a terminal."""


def parse_choice(description: str | None, date: str | None, maker: str | None) -> ObjectChoice | None:
    """The choice of `--pick-...`; None if none is given."""
    if description is None and date is None and maker is None:
        return None
    from lite_ensam.core.errors import ArgumentError
    from lite_ensam.io.object_choice import ObjectChoice

    try:
        return ObjectChoice(description or "", date or "", maker or "")
    except ArgumentError as error:
        raise typer.BadParameter(str(error), param_hint="'--pick-date'") from None


def check_sending(to: str | None, *outputs: Path | None) -> None:
    """Refuse `--to` before long work if it is not such an address, or none of the outputs is DICOM."""
    if to is None:
        return
    from lite_ensam.core.errors import ArgumentError
    from lite_ensam.io.pacs import check_destination

    if not any(one is not None and one.name.lower().endswith(".dcm") for one in outputs):
        raise typer.BadParameter("sends DICOM: give an output that ends in .dcm", param_hint="'--to'")
    try:
        check_destination(to)
    except ArgumentError as error:
        raise typer.BadParameter(str(error), param_hint="'--to'") from None


def fetch(
    ct: PathLike, series: str | None = None, marks: object = None, cache: Path | None = None
) -> PathLike:
    """The scan on this machine; progress goes to stderr."""
    from lite_ensam.io.places import is_address, scan_at_hand

    if not is_address(ct):
        return ct
    is_terminal = sys.stderr.isatty()

    def show(n_done: int, n_all: int) -> None:
        if is_terminal:
            say_aside(f"\rfetched {n_done} of {n_all} files", nl=n_done == n_all)
        elif n_all > PROGRESS_EACH and (n_done % PROGRESS_EACH == 0 or n_done == n_all):
            say_aside(f"fetched {n_done} of {n_all} files")

    return scan_at_hand(ct, series, marks, cache, show)


def fetcher(cache: Path | None) -> Callable[[PathLike, str | None, object], PathLike]:
    """`fetch` into a cache, as `read_study` takes it."""
    return lambda ct, series, marks: fetch(ct, series, marks, cache)


def send_results(
    to: str | None, files: Sequence[PathLike | None], known: Sequence[PathLike] = (), says: bool = True
) -> None:
    """Store those results that are DICOM in the archive of `--to`, and say so unless stdout is to hold JSON only."""
    dicom = [Path(one) for one in files if one is not None and str(one).lower().endswith(".dcm")]
    if to is None or not dicom:
        return
    from lite_ensam.io.pacs import send

    send(dicom, to, known)
    if says:
        tell_stored(dicom)


def tell_stored(files: Sequence[Path]) -> None:
    """Say which files are in the archive now."""
    typer.echo(f"stored in the archive: {', '.join(path.name for path in files)}")
