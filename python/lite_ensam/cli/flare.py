"""`lite-ensam flare`: a folder of FLARE cases in one process, as the challenge's container is called."""

from __future__ import annotations

import os
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from lite_ensam.cli.options import Crop, Overwrite, Threads, Weights, as_options
from lite_ensam.core.errors import CaseError, LiteEnsamError, OutputError, printable


class MaskFormat(StrEnum):
    """Forms of results that are in use: a NIfTI file, or an .npz with `segs` and `spacing`."""

    nii_gz = "nii.gz"
    npz = "npz"


def flare(
    inputs: Annotated[
        Path, typer.Argument(help="Folder of .npz files with imgs, recist and spacing", show_default=False)
    ],
    outputs: Annotated[
        Path,
        typer.Argument(
            help="Folder for the masks, which are named like the inputs; made if missing", show_default=False
        ),
    ],
    mask_format: Annotated[
        MaskFormat, typer.Option("--format", help="File format of the masks: NIfTI, or .npz with segs")
    ] = MaskFormat.nii_gz,
    crop: Crop = None,
    threads: Threads = None,
    weights: Weights = None,
    overwrite: Overwrite = False,
) -> None:
    """Segment all cases of a FLARE folder.

    An invalid case is named and left out, and the exit code is then 1.
    """
    from lite_ensam.core.about import DISCLAIMER
    from lite_ensam.io import make_folder, refuse_inputs

    cases = list_cases(inputs)
    masks = {case: outputs / f"{case.stem}.{mask_format.value}" for case in cases}
    refuse_inputs([outputs, *masks.values()], [inputs, weights])
    make_folder(outputs)
    options = {"crop": crop.value if crop else None, "threads": threads, "weights": weights}
    n_bad = 0
    owners: dict[str, Path] = {}
    for case, mask in masks.items():
        start = time.perf_counter()
        try:
            # file systems of Windows and macOS take A for a
            if (owner := owners.setdefault(mask.name.casefold(), case)) is not case:
                raise OutputError(f"{printable(case)}: its mask would be that of {printable(owner)}")
            n_tumors = _segment(case, mask, options, overwrite)
        except (LiteEnsamError, OSError, MemoryError) as error:
            n_bad += 1
            said = as_options(str(error)) or f"{printable(case)}: {type(error).__name__}"
            sys.stderr.write(f"lite-ensam: {said}\n")
        else:
            typer.echo(f"{case.name}: {n_tumors} tumours, {time.perf_counter() - start:.2f} s")
    typer.echo(f"{len(cases) - n_bad} of {len(cases)} cases in {outputs}. {DISCLAIMER}")
    if n_bad:
        raise typer.Exit(1)


def list_cases(folder: Path) -> list[Path]:
    """Everything in a folder that is called .npz, links that lead nowhere too: each is a case, or fails as one.

    Files that macOS writes next to others (`._name`) are left out; CaseError for a folder without cases.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise CaseError(f"{printable(folder)}: no folder that can be listed ({error.strerror})") from None
    cases = [folder / name for name in names if name.lower().endswith(".npz") and not name.startswith("._")]
    if not cases:
        raise CaseError(f"{printable(folder)}: no folder with .npz files in it")
    return cases


def _segment(case: Path, mask: Path, options: dict[str, Any], overwrite: bool) -> int:
    """One case; nothing of it is in memory when the next begins."""
    from lite_ensam.io import check_output
    from lite_ensam.io.reading import check_input
    from lite_ensam.segmentation import segment

    check_input(case)
    check_output(mask, overwrite)
    result = segment(case, **options)
    result.save(mask, overwrite)
    return len(result.marks)
