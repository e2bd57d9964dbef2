"""Options that several commands share: each is declared once, and what the library calls it in its errors."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, TypeAlias

import typer


class EngineName(StrEnum):
    """Names that `--engine` takes; `engines.ENGINES` without importing it."""

    openvino = "openvino"
    torch = "torch"


class CropName(StrEnum):
    """Names that `--crop` takes; `segmentation.CROPS` without importing it."""

    lesion = "lesion"
    joint = "joint"


class BorderName(StrEnum):
    """Names that `--border` takes; `segmentation.BORDERS` without importing it."""

    readers = "readers"
    edge = "edge"


class MarkFrameName(StrEnum):
    """Names that `--marks-in` takes; `io.MARK_FRAMES` without importing it."""

    voxel = "voxel"
    ras = "ras"
    lps = "lps"


Engine: TypeAlias = Annotated[
    EngineName,
    typer.Option(help="Run the network with openvino (fast) or torch (slow, the reference; extra `torch`)"),
]
Crop: TypeAlias = Annotated[
    CropName | None,
    typer.Option(
        help="Crop a cube around each line (lesion), or one box around all lines as in the paper (joint)",
        show_default="as the weights were trained",
    ),
]
Threads: TypeAlias = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Number of CPU threads, e.g. 4", show_default="all")
]
Mirror: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--mirror/--no-mirror",
        help="Average each result with that of the mirror image; doubles the network's time",
    ),
]
Border: TypeAlias = Annotated[
    BorderName,
    typer.Option(help="Put the border where readers draw it (readers) or where grey values change (edge)"),
]
Overwrite: TypeAlias = Annotated[bool, typer.Option("--overwrite", help="Replace existing files")]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print the results as JSON to stdout instead of a table")
]
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
        help="Select a DICOM series by its number or UID, or as it is called in a message, such as 7#3fa2",
        show_default="the one that marks refer to, else the largest; `view` shows a list",
    ),
]
Acquisition: TypeAlias = Annotated[
    int | None,
    typer.Option(
        help="Select one of several acquisitions in a DICOM series by its number, e.g. 2",
        show_default="the largest",
    ),
]
Only: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--segment",
        "--roi",
        help="Select segments of a SEG or ROIs of an RTSTRUCT by name or number, e.g. GTV; repeat it for more",
        show_default="all",
    ),
]
Fraction: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--threshold-fraction",
        help="Smallest fraction of a fractional SEG that counts as tumour, e.g. 0.5",
    ),
]
MarksIn: TypeAlias = Annotated[
    MarkFrameName,
    typer.Option(
        help="Coordinates of lines in JSON and CSV files, and of --line: voxel indices z,y,x from 0 (voxel), or mm "
        "x,y,z (ras as in NIfTI, lps as in DICOM)"
    ),
]
Hu: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--hu/--windowed",
        help="Declare that grey values are HU, or a window scaled to 0-255",
        show_default="decide by the values",
    ),
]
Weights: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="Use your own weights: a folder made by `export` or `import`", show_default="the released ones"
    ),
]
Window: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Lowest and highest HU that the network sees, e.g. -160,240; of a windowed scan, the HU of 0 and 255",
        show_default="the weights' own",
    ),
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
        "ObjectChoice(description=, date=, maker=)": "--pick-description, --pick-date or --pick-maker",
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
    from lite_ensam.io.places import shown_message

    for name, option in _IN_PYTHON.items():
        message = message.replace(name, option)
    return shown_message(message)
