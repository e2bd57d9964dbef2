"""`lite-ensam demo`: see it work at once, on the built-in phantom or on four real tumours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    folder: Annotated[Path, typer.Argument(help="Where scan, mask, picture and report go")] = Path(
        "lite-ensam-demo"
    ),
    real: Annotated[
        bool,
        typer.Option("--real", help="Four real lung tumours out of the pycerr 2.5.1 wheel, fetched by pip"),
    ] = False,
) -> None:
    """Segment a phantom (no download), or four real lung tumours."""
    raise NotImplementedError
