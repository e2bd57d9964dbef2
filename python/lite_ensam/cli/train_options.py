"""Options of `lite-ensam train`; those of the numbers that are changed most have a name of their own."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from lite_ensam.core.extras import require_packages


class PresetName(StrEnum):
    """Names that `--preset` takes; `training.presets.PRESETS` without importing it."""

    paper = "paper"
    joint = "joint"
    cpu = "cpu"
    gpu = "gpu"


class AcceleratorName(StrEnum):
    """Names that `--accelerator` takes; `training.devices.ACCELERATORS` without importing it."""

    auto = "auto"
    cpu = "cpu"
    gpu = "gpu"


def require_train_extra() -> None:
    """Say which extra is missing before anything is imported halfway."""
    require_packages("training", ("torch", "safetensors", "scipy", "onnx", "onnxscript"), "train")


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


Steps: TypeAlias = Annotated[
    int | None, typer.Option(help="Number of optimiser steps", show_default="the preset's")
]
Batch: TypeAlias = Annotated[
    int | None, typer.Option(help="Number of patches a step", show_default="the preset's")
]
Rate: TypeAlias = Annotated[float | None, typer.Option(help="Learning rate", show_default="the preset's")]
Cooldown: TypeAlias = Annotated[
    float | None, typer.Option(help="Share of steps over which the rate falls", show_default="the preset's")
]
Patience: TypeAlias = Annotated[
    int | None,
    typer.Option(help="Stop after so many validations without improvement", show_default="never"),
]
Seed: TypeAlias = Annotated[
    int | None, typer.Option(help="Seed of all random numbers", show_default="the preset's")
]
Settings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Change any other setting, e.g. patch.side_voxels=40; repeat it for more",
    ),
]
ListSettings: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--list-settings", is_eager=True, callback=_show_settings, help="List all settings that --set changes"
    ),
]
Data: TypeAlias = Annotated[
    Path,
    typer.Argument(
        help="Folder with train/SOURCE/CASE, an archive made by `pack`, FLARE's folder with train_npz/*.npz, or a CSV "
        "or Parquet file with a column ct (labels, marks, case, source, patient and split are optional)",
        show_default=False,
    ),
]
RunFolder: TypeAlias = Annotated[
    Path,
    typer.Option("--run", help="Folder of the run; a run that began there is resumed", show_default=False),
]
Preset: TypeAlias = Annotated[
    PresetName,
    typer.Option(
        help="Recipe: paper (GPU) and joint (CPU) see boxes of whole scans, cpu and gpu see cubes around lesions"
    ),
]
ValidationData: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="Validate on these cases: a folder with SOURCE/CASE, a folder of .npz files, or a CSV file"
    ),
]
ValidationShare: TypeAlias = Annotated[
    float | None, typer.Option(help="Validate on this share of each source's patients instead")
]
HeldOutFold: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBER/COUNT", help="Hold out one part of all patients, e.g. 0/5 for the first of five"
    ),
]
SyntheticLesions: TypeAlias = Annotated[
    int, typer.Option(min=0, help="Number of synthetic lesions in the crop cache (presets cpu and gpu)")
]
SyntheticSeed: TypeAlias = Annotated[int, typer.Option(help="Seed of the synthetic lesions")]
SourceWeights: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        help="Share of patches from a source, e.g. sts=0.2; repeat it for more", show_default="all alike"
    ),
]
StartWeights: TypeAlias = Annotated[
    Path | None, typer.Option(help="Start from the weights of an earlier run (.safetensors)")
]
Accelerator: TypeAlias = Annotated[
    AcceleratorName, typer.Option(help="Device that the network is trained on")
]
GpuCount: TypeAlias = Annotated[int, typer.Option(min=1, help="Number of GPUs (extra `fabric`)")]
CpuThreads: TypeAlias = Annotated[int, typer.Option(min=1, help="Number of CPU threads of the network")]
DrawingProcesses: TypeAlias = Annotated[
    int, typer.Option(min=1, help="Number of processes that draw synthetic lesions")
]
LoaderThreads: TypeAlias = Annotated[
    int, typer.Option(min=1, help="Number of threads that read and crop in advance")
]
TensorBoardLogs: TypeAlias = Annotated[
    bool, typer.Option("--tensorboard", help="Write TensorBoard's logs (extra `tensorboard`)")
]
