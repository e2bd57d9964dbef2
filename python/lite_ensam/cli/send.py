"""`lite-ensam send`: DICOM results that were written before to an archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lite_ensam.cli.archives import tell_stored


def send(
    files: Annotated[
        list[Path],
        typer.Argument(help="DICOM files; put a SEG before the SR that refers to it", show_default=False),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="ADDRESS",
            help="dicomweb+https://HOST/dicom-web or ae://AET@HOST:PORT",
            show_default=False,
        ),
    ],
) -> None:
    """Store DICOM files in an archive, for example results that could not be sent before (extra `pacs`)."""
    from lite_ensam.io import pacs

    pacs.send(files, to)
    tell_stored(files)
