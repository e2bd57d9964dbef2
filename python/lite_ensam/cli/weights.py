"""`lite-ensam export` and `lite-ensam import`: folders of weights that every command takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from lite_ensam.core.extras import require_packages

OverwriteExport: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace the files of an earlier export; other files of the folder stay as they are",
    ),
]


def export(
    weights: Annotated[
        Path, typer.Argument(help="weights.safetensors or best.safetensors of a run", show_default=False)
    ],
    folder: Annotated[
        Path, typer.Argument(help="Folder for graph, weights and manifest", show_default=False)
    ],
    overwrite: OverwriteExport = False,
) -> None:
    """Export trained weights to a folder, which commands take with --weights (extra `export`)."""
    _require_export_extra()
    from lite_ensam.export import export_weights

    export_weights(weights, folder, overwrite)
    typer.echo(f"exported to {folder}")


def import_(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            help="Checkpoint of the paper's authors, e.g. lite_ensam_flare25.pth", show_default=False
        ),
    ],
    folder: Annotated[
        Path,
        typer.Option("--output", "-o", help="Folder for graph, weights and manifest", show_default=False),
    ],
    overwrite: OverwriteExport = False,
) -> None:
    """Import the checkpoint that the paper's authors released (extra `export`)."""
    _require_export_extra()
    from lite_ensam.export import import_weights

    import_weights(checkpoint, folder, overwrite)
    typer.echo(f"imported to {folder}; use it with --weights {folder}")


def _require_export_extra() -> None:
    """Say which extra is missing before anything is imported halfway."""
    require_packages("export", ("torch", "safetensors", "onnx", "onnxscript"), "export")
