"""`lite-ensam train` and `lite-ensam pack`: weights from data."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lite_ensam.cli.train_options import (
    Accelerator,
    AcceleratorName,
    Batch,
    Cooldown,
    CpuThreads,
    Data,
    DrawingProcesses,
    GpuCount,
    HeldOutFold,
    ListSettings,
    LoaderThreads,
    Patience,
    Preset,
    PresetName,
    Rate,
    RunFolder,
    Seed,
    Settings,
    SourceWeights,
    StartWeights,
    Steps,
    SyntheticLesions,
    SyntheticSeed,
    TensorBoardLogs,
    ValidationData,
    ValidationShare,
    require_train_extra,
)

if TYPE_CHECKING:
    from lite_ensam.model.checkpoint import Weights
    from lite_ensam.training.config import TrainingConfig
    from lite_ensam.training.devices import Devices
    from lite_ensam.training.folds import Fold
    from lite_ensam.training.setup import RunSetup
    from lite_ensam.training.trainer import Trainer


_MANY_STEPS = 100_000
"""A CPU takes half a second for a step."""


def train(
    data: Data,
    run: RunFolder,
    preset: Preset = PresetName.paper,
    val: ValidationData = None,
    val_share: ValidationShare = None,
    fold: HeldOutFold = None,
    synthetic: SyntheticLesions = 700,
    synthetic_seed: SyntheticSeed = 1,
    weight: SourceWeights = None,
    start: StartWeights = None,
    steps: Steps = None,
    batch: Batch = None,
    lr: Rate = None,
    cooldown: Cooldown = None,
    patience: Patience = None,
    seed: Seed = None,
    settings: Settings = None,
    list_settings: ListSettings = False,
    accelerator: Accelerator = AcceleratorName.auto,
    devices: GpuCount = 1,
    threads: CpuThreads = 1,
    processes: DrawingProcesses = 2,
    loaders: LoaderThreads = 1,
    tensorboard: TensorBoardLogs = False,
) -> None:
    """Train the network on crops of real and synthetic lesions (extra `train`)."""
    require_train_extra()
    import torch

    from lite_ensam.io import refuse_inputs
    from lite_ensam.training.devices import find_devices
    from lite_ensam.training.packing import unpack
    from lite_ensam.training.setup import RunSetup
    from lite_ensam.training.trainer import FILES

    plain = {
        "steps": steps, "batch": batch, "lr": lr, "cooldown": cooldown, "patience": patience, "seed": seed,
    }  # fmt: skip
    config = _configured(preset, plain, weight or (), settings or ())
    refuse_inputs([run, *(run / name for name in FILES)], [data, val, start])
    held_out = fold_of(fold)
    weights = None if start is None else _start_weights(start, config)
    torch.set_num_threads(threads)
    if data.name.endswith(".tar.xz"):
        _make_run_folder(run)
        data = unpack(data, run / "data")
    plan = RunSetup(config, data, run, val, val_share, held_out, synthetic, synthetic_seed, processes)
    _ = plan.cases  # a wrong folder leaves no run behind
    _make_run_folder(run)
    notes = {"preset": preset.value}
    _train(plan, run, weights, find_devices(accelerator.value, devices), loaders, notes, tensorboard)


def _configured(
    preset: PresetName, plain: Mapping[str, Any], weight: Sequence[str], settings: Sequence[str]
) -> TrainingConfig:
    """The preset with what was given in place of its own, by options of its own and by `--set`."""
    from lite_ensam.training.presets import PRESETS
    from lite_ensam.training.settings import apply_settings

    given = [f"{name}={value}" for name, value in plain.items() if value is not None]
    given += [f"source_weights={dict(map(parse_weight, weight))}"] if weight else []
    try:
        return apply_settings(PRESETS[preset.value], [*given, *settings])
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _start_weights(path: Path, config: TrainingConfig) -> Weights:
    """Weights to start from; refused before any work if they do not fit the run's network."""
    from lite_ensam.core.errors import TrainingError, printable
    from lite_ensam.model.checkpoint import load_weights
    from lite_ensam.training.trainer import fitted_weights

    weights = load_weights(path)
    try:
        fitted_weights(weights, config)
    except TrainingError as error:
        raise TrainingError(f"{printable(path)}: {error}") from None
    return weights


def _make_run_folder(run: Path) -> None:
    """Make the run's folder; a place where nothing can be written is noticed before hours of work."""
    from lite_ensam.io import make_folder
    from lite_ensam.io.atomic import check_output
    from lite_ensam.training.trainer import STATE

    make_folder(run)
    check_output(run / STATE, overwrite=True)


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
    from lite_ensam.training.trainer import Trainer, channel_notes

    with machine.first():
        if machine.rank == 0:
            for note in (*plan.cases.notes, *(channel_notes(start, plan.config) if start else ())):
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
    if trainer.done:
        if machine.rank == 0:
            typer.echo(f"the run in {run} is already finished (step {trainer.step}): nothing is trained")
            if not trainer.is_saved:
                trainer.save()
            tell_result(trainer)
        return
    if machine.rank == 0:
        watchers = [ProgressBar(trainer.step, plan.config.steps)]
        trainer.watchers = [*watchers, TensorBoard(run / "tensorboard")] if tensorboard else watchers
        tell(trainer)
    with _stopped_by_ctrl_c(trainer):
        trainer.run()
    if machine.rank == 0:
        tell_result(trainer)
    if not trainer.done:
        raise typer.Exit(130)  # as a shell says of what Ctrl+C has ended


@contextmanager
def _stopped_by_ctrl_c(trainer: Trainer) -> Iterator[None]:
    """Ctrl+C ends the run after its step, all saved; a second one at once."""

    def stop(*_: object) -> None:
        signal.signal(signal.SIGINT, before)
        trainer.stop()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def tell(trainer: Trainer) -> None:
    """Say what is going to be done."""
    for note in trainer.draws.notes:
        typer.echo(f"note: {note}")
    for source, count in trainer.draws.counts.items():
        typer.echo(f"{source}: {count} {'crops' if trainer.config.crops == 'lesion' else 'scans'}")
    if trainer.validation is not None:
        typer.echo(f"validation: {len(trainer.validation)} lesions")
    if trainer.machine.device.type == "cpu" and trainer.config.steps >= _MANY_STEPS:
        typer.echo(f"note: {trainer.config.steps} steps take weeks on a CPU; --preset cpu is made for one")
    numbers = "bfloat16" if trainer.bf16 else "float32"
    typer.echo(
        f"step {trainer.step} of {trainer.config.steps} on {trainer.machine.count} x {trainer.machine.device} in "
        f"{numbers}; log: {trainer.folder / 'log.jsonl'}"
    )


def tell_result(trainer: Trainer) -> None:
    """Say where the weights are, and how a run that was stopped goes on."""
    if not trainer.done:
        typer.echo(f"stopped after step {trainer.step}; the same command resumes it")
    typer.echo(f"weights: {trainer.folder / 'weights.safetensors'}")
    if trainer.validation is not None and not trainer.best["step"]:
        typer.echo(f"no validation yet; the first is after step {trainer.config.validate_steps}")
    elif trainer.validation is not None:
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
    data: Annotated[Path, typer.Argument(help="Folder with train/SOURCE/CASE")],
    archive: Annotated[Path, typer.Argument(help="Archive to write: .tar.xz")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing archive")] = False,
) -> None:
    """Pack the parts of a folder's scans that training needs into one archive for `train` (extra `train`)."""
    require_train_extra()
    from lite_ensam.training.packing import pack as write_archive

    size = write_archive(data, archive, overwrite)
    typer.echo(f"{archive}: {size / 1e6:.1f} MB")
