"""`lite-ensam export` and `lite-ensam import`: folders of weights that every command takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lite_ensam.core.errors import MissingExtraError


def export(
    weights: Annotated[Path, typer.Argument(help="weights.safetensors of a run", show_default=False)],
    folder: Annotated[Path, typer.Argument(help="Where graph, weights and manifest go", show_default=False)],
) -> None:
    """Export trained weights for OpenVINO (extra `export`)."""
    _require_export_extra()
    from lite_ensam.export import export_weights

    export_weights(weights, folder)
    typer.echo(f"exported to {folder}")


def import_(
    checkpoint: Annotated[
        Path, typer.Argument(help="The authors' .pth, such as lite_ensam_flare25.pth", show_default=False)
    ],
    folder: Annotated[
        Path,
        typer.Option("--output", "-o", help="Where graph, weights and manifest go", show_default=False),
    ],
) -> None:
    """Make a folder of weights of the checkpoint that the paper's authors released (extra `export`)."""
    _require_export_extra()
    from lite_ensam.export import import_weights

    import_weights(checkpoint, folder)
    typer.echo(f"imported to {folder}; use it by --weights {folder}")


def _require_export_extra() -> None:
    """Say which extra is missing before anything is imported halfway."""
    from importlib.util import find_spec

    missing = [name for name in ("torch", "safetensors", "onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"exporting needs {', '.join(missing)}, not installed: pip install 'lite-ensam[export]'"
        )
