"""`lite-ensam convert`: scans, masks and marks from one format to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lite_ensam.cli.options import Overwrite, Series


def convert(
    source: Annotated[
        Path, typer.Argument(help="A scan, or with --ct a mask or marks of it", show_default=False)
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Scan or mask: .nii.gz, .nii, .npz (mask: .dcm too); marks: .json"
        ),
    ],
    ct: Annotated[Path | None, typer.Option(help="The scan that a mask or marks belong to")] = None,
    series: Series = None,
    rtstruct: Annotated[
        bool, typer.Option("--rtstruct", help="Write a mask as contours (RTSTRUCT) instead of a SEG: .dcm")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Convert a scan (DICOM folder to NIfTI), a mask (NIfTI, DICOM SEG; to RTSTRUCT too) or marks (SR to JSON)."""
    from lite_ensam.core.errors import OutputError
    from lite_ensam.io import (
        MASK_SUFFIXES,
        VOLUME_SUFFIXES,
        check_outputs,
        read_ct,
        read_labels,
        read_marks,
        write_contours,
        write_ct,
        write_marks,
        write_mask,
    )

    is_marks = output.name.lower().endswith(".json")
    suffixes = VOLUME_SUFFIXES if ct is None else (".json",) if is_marks else MASK_SUFFIXES
    if is_marks and ct is None:
        raise OutputError(f"cannot write {output}: marks need the scan that they lie on (--ct)")
    if rtstruct and (ct is None or is_marks):
        raise OutputError(f"cannot write {output}: --rtstruct is for masks, with the scan they lie on (--ct)")
    check_outputs([(output, (".dcm",) if rtstruct else suffixes)], (source, ct), overwrite)
    volume, scan = read_ct(source if ct is None else ct, series)
    if ct is None:
        write_ct(output, volume, scan, overwrite)
    elif is_marks:
        write_marks(output, read_marks(source, scan, ct), scan, overwrite)
    elif rtstruct:
        write_contours(output, read_labels(source, scan), scan, overwrite)
    else:
        write_mask(output, read_labels(source, scan), scan, overwrite)
    typer.echo(f"written: {output}")
    for note in scan.notes:
        typer.echo(f"note: {note}")
