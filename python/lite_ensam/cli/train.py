"""`lite-ensam train` and `lite-ensam export`: weights from data, and the files inference reads."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from lite_ensam.core.errors import MissingExtraError

if TYPE_CHECKING:
    from lite_ensam.model.checkpoint import Weights
    from lite_ensam.training.config import TrainingConfig
    from lite_ensam.training.devices import Devices
    from lite_ensam.training.folds import Fold
    from lite_ensam.training.setup import RunSetup
    from lite_ensam.training.trainer import Trainer


class PresetName(StrEnum):
    """Names that `--preset` takes; `training.presets.PRESETS` without importing it."""

    paper = "paper"
    cpu = "cpu"
    gpu = "gpu"


class AcceleratorName(StrEnum):
    """Names that `--accelerator` takes; `training.devices.ACCELERATORS` without importing it."""

    auto = "auto"
    cpu = "cpu"
    gpu = "gpu"


def require_train_extra() -> None:
    """Say which extra is missing before anything is imported halfway."""
    from importlib.util import find_spec

    missing = [name for name in ("torch", "safetensors", "scipy", "onnxscript") if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"training needs {', '.join(missing)}, not installed: pip install 'lite-ensam[train]'"
        )


def _show_settings(wanted: bool) -> None:
    """Print each setting with its type, its value in the presets, and what it is."""
    if not wanted:
        return
    require_train_extra()
    from lite_ensam.training.presets import PRESETS
    from lite_ensam.training.settings import list_settings

    for first, *others in zip(*map(list_settings, PRESETS.values()), strict=True):
        values = [f"{name} {_plain(one.value)}" for name, one in zip(PRESETS, (first, *others), strict=True)]
        typer.echo(f"{first.name}: {first.takes} [{'; '.join(values)}]\n    {first.text}")
    raise typer.Exit


def _plain(value: object) -> str:
    """A value as `--set` takes it."""
    if isinstance(value, tuple) and value:
        return ",".join(map(_plain, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


Val: TypeAlias = Annotated[
    Path | None, typer.Option(help="Cases to validate on: folder of <source>/<case>, of .npz, or CSV")
]
ValShare: TypeAlias = Annotated[
    float | None, typer.Option(help="Validate on this share of each source's patients instead")
]
FoldName: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NUMBER/COUNT", help="Hold out this part of all patients, shapes and all"),
]


def train(
    data: Annotated[
        Path,
        typer.Argument(
            help="Folder with train/<source>/<case>, or an archive that pack made of one; or FLARE's, with "
            "train_npz/*.npz; or a CSV file with the columns ct,labels,marks,source,patient,split",
            show_default=False,
        ),
    ],
    run: Annotated[
        Path, typer.Option(help="Folder of the run; one that exists is resumed", show_default=False)
    ],
    preset: Annotated[
        PresetName, typer.Option(help="paper: whole scans, for GPUs; cpu, gpu: cubes around lesions")
    ] = PresetName.paper,
    val: Val = None,
    val_share: ValShare = None,
    fold: FoldName = None,
    synthetic: Annotated[
        int, typer.Option(min=0, help="Synthetic lesions in the bank (presets cpu and gpu)")
    ] = 700,
    synthetic_seed: Annotated[int, typer.Option(help="Of the synthetic lesions")] = 1,
    weight: Annotated[
        list[str] | None, typer.Option(help="SOURCE=SHARE, how often a source is drawn [default: all alike]")
    ] = None,
    start: Annotated[Path | None, typer.Option(help="Weights of an earlier run to begin from")] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps [default: the preset's]")] = None,
    batch: Annotated[int | None, typer.Option(help="Patches a step [default: the preset's]")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate [default: the preset's]")] = None,
    cooldown: Annotated[
        float | None, typer.Option(help="Share of steps over which the rate falls [default: the preset's]")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(help="Stop after as many validations without a better one [default: never]")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything [default: the preset's]")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other setting, such as patch.side_voxels=40"),
    ] = None,
    list_settings: Annotated[
        bool,
        typer.Option("--list-settings", is_eager=True, callback=_show_settings, help="List what --set takes"),
    ] = False,
    accelerator: Annotated[
        AcceleratorName, typer.Option(help="Where the network runs")
    ] = AcceleratorName.auto,
    devices: Annotated[int, typer.Option(min=1, help="GPUs (extra `fabric`)")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of the network")] = 1,
    processes: Annotated[int, typer.Option(min=1, help="Processes that draw synthetic lesions")] = 2,
    loaders: Annotated[int, typer.Option(min=1, help="Threads that read and cut ahead")] = 1,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write TensorBoard's logs (extra `tensorboard`)")
    ] = False,
) -> None:
    """Train the network on crops of real and synthetic lesions (extra `train`)."""
    require_train_extra()
    import torch

    from lite_ensam.io import refuse_inputs
    from lite_ensam.model.checkpoint import load_weights
    from lite_ensam.training.devices import find_devices
    from lite_ensam.training.packing import unpack
    from lite_ensam.training.setup import RunSetup
    from lite_ensam.training.trainer import FILES

    plain = {
        "steps": steps, "batch": batch, "lr": lr, "cooldown": cooldown, "patience": patience, "seed": seed,
    }  # fmt: skip
    config = _configured(preset, plain, weight or (), settings or ())
    refuse_inputs([run, *(run / name for name in FILES)], [data, val, start])
    torch.set_num_threads(threads)
    if data.name.endswith(".tar.xz"):
        data = unpack(data, run / "data")
    plan = RunSetup(config, data, run, val, val_share, fold_of(fold), synthetic, synthetic_seed, processes)
    weights = None if start is None else load_weights(start)
    notes = {"preset": preset.value}
    _train(plan, run, weights, find_devices(accelerator.value, devices), loaders, notes, tensorboard)


def _configured(
    preset: PresetName, plain: Mapping[str, Any], weight: Sequence[str], settings: Sequence[str]
) -> TrainingConfig:
    """The preset with what was given in place of its own; `--set` comes last and wins."""
    from lite_ensam.training.presets import PRESETS
    from lite_ensam.training.settings import apply_settings

    given = [f"{name}={value}" for name, value in plain.items() if value is not None]
    given += [f"source_weights={dict(map(parse_weight, weight))}"] if weight else []
    try:
        return apply_settings(PRESETS[preset.value], [*given, *settings])
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _train(
    plan: RunSetup,
    run: Path,
    start: Weights | None,
    machine: Devices,
    loaders: int,
    notes: dict[str, Any],
    tensorboard: bool,
) -> None:
    """Prepare the crops and run, with what is told to people from the first process alone."""
    from lite_ensam.training.callbacks import ProgressBar, TensorBoard
    from lite_ensam.training.trainer import Trainer

    with machine.first():
        if machine.rank == 0:
            for note in plan.cases.notes:
                typer.echo(f"note: {note}")
            typer.echo("preparing crops ...")
        draws, validation = plan.prepare(machine)
    trainer = Trainer(
        plan.config,
        draws,
        run,
        start,
        validation=validation,
        machine=machine,
        loaders=loaders,
        notes={**notes, **plan.notes},
    )
    if machine.rank == 0:
        watchers = [ProgressBar(trainer.step, plan.config.steps)]
        trainer.watchers = [*watchers, TensorBoard(run / "tensorboard")] if tensorboard else watchers
        tell(trainer)
    trainer.run()
    if machine.rank == 0:
        tell_result(trainer)


def tell(trainer: Trainer) -> None:
    """Say what is going to be done."""
    for source, count in trainer.draws.counts.items():
        typer.echo(f"{source}: {count}")
    if trainer.validation is not None:
        typer.echo(f"validation: {len(trainer.validation)} lesions")
    numbers = "bfloat16" if trainer.bf16 else "float32"
    typer.echo(
        f"step {trainer.step} of {trainer.config.steps} on {trainer.machine.count} x {trainer.machine.device} in "
        f"{numbers}; log: {trainer.folder / 'log.jsonl'}"
    )


def tell_result(trainer: Trainer) -> None:
    """Say where the weights are."""
    typer.echo(f"weights: {trainer.folder / 'weights.safetensors'}")
    if trainer.validation is not None:
        best, path = trainer.best, trainer.folder / "best.safetensors"
        typer.echo(f"best validation DSC {best['dsc']:.4f} at step {best['step']:.0f}: {path}")


def fold_of(text: str | None) -> Fold | None:
    """`NUMBER/COUNT` to a fold."""
    from lite_ensam.training.folds import Fold

    if text is None:
        return None
    try:
        number, count = map(int, text.split("/"))
    except ValueError:
        raise typer.BadParameter(f"expected --fold NUMBER/COUNT such as 0/5, got {text!r}") from None
    return Fold(number, count)


def parse_weight(text: str) -> tuple[str, float]:
    """`SOURCE=SHARE` to a name and a number."""
    source, _, share = text.partition("=")
    try:
        number = float(share)
    except ValueError:
        number = -1.0
    if not source or not 0 <= number < math.inf:
        raise typer.BadParameter(f"expected SOURCE=SHARE such as sts=0.3, got {text!r}")
    return source, number


def pack(
    data: Annotated[Path, typer.Argument(help="Folder with train/<source>/<case>")],
    archive: Annotated[Path, typer.Argument(help="The .tar.xz to write")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an archive that is there")] = False,
) -> None:
    """Pack what training cuts out of a folder's scans into an archive that `train` takes (extra `train`)."""
    require_train_extra()
    from lite_ensam.training.packing import pack as write_archive

    size = write_archive(data, archive, overwrite)
    typer.echo(f"{archive}: {size / 1e6:.1f} MB")


def export(
    weights: Annotated[Path, typer.Argument(help="weights.safetensors of a run")],
    folder: Annotated[Path, typer.Argument(help="Where graph, weights and manifest go")],
) -> None:
    """Export trained weights for OpenVINO (extra `train`)."""
    require_train_extra()
    from lite_ensam.export import export_weights

    export_weights(weights, folder)
    typer.echo(f"exported to {folder}")
