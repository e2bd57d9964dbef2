"""`lite-ensam listen`: an archive pushes CT and report, and gets SEG and SR back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from lite_ensam.cli.archives import PickDate, PickDescription, PickMaker, parse_choice
from lite_ensam.cli.options import Border, BorderName, Repeats, Weights


def listen(
    inbox: Annotated[
        Path, typer.Argument(help="Folder for the studies; made if missing", show_default=False)
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="ADDRESS",
            help="Send SEG and SR here: ae://AET@HOST:PORT or dicomweb+https://HOST/dicom-web",
            show_default=False,
        ),
    ],
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 lets other machines in")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at")] = 11112,
    title: Annotated[str, typer.Option("--aet", help="Our AE title, which senders must call")] = "LITE-ENSAM",
    senders: Annotated[
        list[str] | None,
        typer.Option(
            "--only-from",
            help="Accept studies from this AE title only; repeat it for more",
            show_default="all",
        ),
    ] = None,
    quiet: Annotated[
        float,
        typer.Option(
            "--quiet-seconds", min=0, help="Seconds without a new file after which a study is complete"
        ),
    ] = 10.0,
    keep_days: Annotated[
        float, typer.Option(min=0, help="Days that a study is kept after its results were sent")
    ] = 1.0,
    keep_free_gb: Annotated[
        float, typer.Option(min=0, help="Refuse files that would leave less than so many GB free on the disk")
    ] = 1.0,
    pick_description: PickDescription = None,
    pick_date: PickDate = None,
    pick_maker: PickMaker = None,
    border: Border = BorderName.readers,
    repeats: Repeats = 0,
    weights: Weights = None,
) -> None:
    """Receive studies by C-STORE, segment the tumours that their reports mark, send SEG and SR back (extra `pacs`)."""
    from lite_ensam.core.about import DISCLAIMER
    from lite_ensam.engines.backend import WEIGHTS
    from lite_ensam.listener import Inbox, Listener, ListenerSettings

    choice = parse_choice(pick_description, pick_date, pick_maker)
    settings = ListenerSettings(to, quiet, keep_days, choice, border.value, repeats, weights or WEIGHTS)
    listener = Listener(Inbox(inbox, int(keep_free_gb * 1e9)), settings, say)
    typer.echo(DISCLAIMER)
    try:
        listener.run(host, port, title, tuple(senders or ()))
    except KeyboardInterrupt:
        typer.echo("stopped; what is not done is done when it is started again")


def say(text: str) -> None:
    """A line of the log."""
    typer.echo(f"{datetime.now():%H:%M:%S} {text}")
