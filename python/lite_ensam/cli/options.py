"""Options that several commands share: each is declared once, and what the library calls it in its errors."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, TypeAlias

import typer


class EngineName(StrEnum):
    """Names that `--engine` takes; `inference.ENGINES` without importing it."""

    openvino = "openvino"
    torch = "torch"


class CropName(StrEnum):
    """Names that `--crop` takes; `inference.CROPS` without importing it."""

    lesion = "lesion"
    joint = "joint"


class BorderName(StrEnum):
    """Names that `--border` takes; `inference.BORDERS` without importing it."""

    readers = "readers"
    edge = "edge"


class MarkFrameName(StrEnum):
    """Names that `--marks-in` takes; `io.MARK_FRAMES` without importing it."""

    voxel = "voxel"
    ras = "ras"
    lps = "lps"


Engine: TypeAlias = Annotated[EngineName, typer.Option(help="openvino is fast, torch the reference")]
Crop: TypeAlias = Annotated[
    CropName | None,
    typer.Option(
        help="lesion: a cube for each line; joint: the paper's one box [default: what the weights were trained on]"
    ),
]
Threads: TypeAlias = Annotated[
    int | None, typer.Option(min=1, max=1024, help="CPU threads of the engine [default: all]")
]
Mirror: TypeAlias = Annotated[
    bool,
    typer.Option("--mirror/--no-mirror", help="Average with the mirror image: twice the network's time"),
]
Border: TypeAlias = Annotated[
    BorderName,
    typer.Option(
        help="readers: as readers draw it; edge: where it is seen in the scan, for phantoms (extra edge)"
    ),
]
Overwrite: TypeAlias = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist")]
Repeats: TypeAlias = Annotated[
    int,
    typer.Option(
        min=0,
        max=1000,
        help="Number of repeated segmentations with perturbed lines, to estimate standard deviations (e.g. 8)",
    ),
]
Series: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="SeriesInstanceUID in a DICOM folder [default: the one that marks refer to, else the largest]"
    ),
]
Acquisition: TypeAlias = Annotated[
    int | None,
    typer.Option(help="Number of one of several acquisitions in a DICOM series [default: the largest]"),
]
Only: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--segment",
        "--roi",
        help="Segment of a SEG or ROI of an RTSTRUCT to read, by name or number; repeat for several [default: all]",
    ),
]
Fraction: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--threshold-fraction",
        help="Of a fractional SEG: from which fraction on a voxel belongs to the tumour, e.g. 0.5",
    ),
]
MarksIn: TypeAlias = Annotated[
    MarkFrameName,
    typer.Option(
        help="Numbers of --line, JSON and CSV: voxel indices z,y,x, or world mm x,y,z in RAS or LPS"
    ),
]
Hu: TypeAlias = Annotated[
    bool | None,
    typer.Option("--hu/--windowed", help="Grey values are HU, or windowed to 0-255 [default: look]"),
]
Weights: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="Your own weights: a folder made by `export` or `import` [default: those that ship]"),
]
Window: TypeAlias = Annotated[
    str | None, typer.Option(help="HU range LO,HI to look at; of a windowed scan: what its 0 and 255 mean")
]

_IN_PYTHON = MappingProxyType(
    {
        "overwrite=True": "--overwrite",
        "`marks`": "--marks",
        "ROIs by `only`": "ROIs by --roi",
        "`only`": "--segment",
        "`fraction`": "--threshold-fraction",
        'marks_in="lps"': "--marks-in lps",
        'marks_in="ras"': "--marks-in ras",
        "hu=True": "--hu",
    }
)
"""How errors of the library name what has an option here."""


def as_options(message: str) -> str:
    """A sentence of the library in the words of the command line.

    Examples
    --------
    >>> as_options("a.nii exists; it is replaced only with overwrite=True")
    'a.nii exists; it is replaced only with --overwrite'
    """
    for name, option in _IN_PYTHON.items():
        message = message.replace(name, option)
    return message
