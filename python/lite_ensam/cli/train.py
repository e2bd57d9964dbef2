"""`lite-ensam train` and `lite-ensam export`: weights from data, and the files inference reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer


def train(
    data: Annotated[Path, typer.Argument(help="Folder with train/<source>/<case>, backgrounds/, shapes/")],
    run: Annotated[Path, typer.Option(help="Folder of the run; one that exists is resumed")],
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps [default: the config's]")] = None,
    synthetic: Annotated[int, typer.Option(min=0, help="Synthetic lesions in the bank")] = 700,
    seed: Annotated[int, typer.Option(help="Of the weights and the draws")] = 2025,
    synthetic_seed: Annotated[int, typer.Option(help="Of the synthetic lesions")] = 1,
    lr: Annotated[
        float | None, typer.Option(min=0.0, help="Highest learning rate [default: the config's]")
    ] = None,
    weight: Annotated[
        list[str] | None, typer.Option(help="SOURCE=SHARE, how often a source is drawn [default: all alike]")
    ] = None,
    start: Annotated[Path | None, typer.Option(help="Weights of an earlier run to begin from")] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of the network")] = 1,
    processes: Annotated[int, typer.Option(min=1, help="Processes that draw synthetic lesions")] = 2,
) -> None:
    """Train the network on crops of real and synthetic lesions (extra `train`)."""
    require_train_extra()
    import torch

    from lite_ensam.model.checkpoint import load_weights
    from lite_ensam.training.bank import Bank
    from lite_ensam.training.config import TrainingConfig
    from lite_ensam.training.sources import prepare_banks
    from lite_ensam.training.trainer import Trainer

    torch.set_num_threads(threads)
    typer.echo("preparing crops ...")
    bank = Bank(prepare_banks(data, run / "bank", synthetic, synthetic_seed, processes=processes))
    for source, members in bank.by_source.items():
        typer.echo(f"{source}: {len(members)} crops")
    config = replace(TrainingConfig(), seed=seed)
    config = replace(config, source_weights=dict(map(parse_weight, weight or ())))
    config = replace(config, steps=steps or config.steps, lr=config.lr if lr is None else lr)
    trainer = Trainer(config, bank, run, None if start is None else load_weights(start))
    typer.echo(f"step {trainer.step} of {config.steps}; log: {run / 'log.jsonl'}")
    trainer.run()
    typer.echo(f"weights: {run / 'weights.safetensors'}")


def parse_weight(text: str) -> tuple[str, float]:
    """`SOURCE=SHARE` to a name and a number."""
    source, _, share = text.partition("=")
    try:
        number = float(share)
    except ValueError:
        number = -1.0
    if not source or not number > 0:
        raise typer.BadParameter(f"expected SOURCE=SHARE such as sts=0.3, got {text!r}")
    return source, number


def export(
    weights: Annotated[Path, typer.Argument(help="weights.safetensors of a run")],
    folder: Annotated[Path, typer.Argument(help="Where graph, weights and manifest go")],
) -> None:
    """Export trained weights for OpenVINO (extra `train`)."""
    require_train_extra()
    from lite_ensam.export import export_weights

    export_weights(weights, folder)
    typer.echo(f"exported to {folder}")


def require_train_extra() -> None:
    """Say which extra is missing before anything is imported halfway."""
    from importlib.util import find_spec

    from lite_ensam.errors import MissingExtraError

    missing = [name for name in ("torch", "safetensors", "scipy", "onnxscript") if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"training needs {', '.join(missing)}, not installed: pip install 'lite-ensam[train]'"
        )
