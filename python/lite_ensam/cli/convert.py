"""`lite-ensam convert`: scans, masks and marks from one format to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lite_ensam.cli.archives import (
    Cache,
    PickDate,
    PickDescription,
    PickMaker,
    To,
    check_sending,
    fetch,
    parse_choice,
    send_results,
)
from lite_ensam.cli.options import Acquisition, Fraction, Only, Overwrite, Series

if TYPE_CHECKING:
    from lite_ensam.core.types import PathLike


def convert(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Scan to convert, or with --ct a mask or lines of that scan; a file, a folder, or a study in an "
            "archive (dicomweb+https://HOST/dicom-web/studies/UID)",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Write the result here. Scan or mask: .nii.gz, .nii, .npz, .nrrd, .mha (mask also .dcm); lines: .json",
        ),
    ],
    ct: Annotated[
        str | None, typer.Option(metavar="PATH", help="Scan to which the mask or lines belong")
    ] = None,
    to: To = None,
    cache: Cache = None,
    pick_description: PickDescription = None,
    pick_date: PickDate = None,
    pick_maker: PickMaker = None,
    series: Series = None,
    acquisition: Acquisition = None,
    only: Only = None,
    fraction: Fraction = None,
    rtstruct: Annotated[
        bool, typer.Option("--rtstruct", help="Write a mask as contours (RTSTRUCT, .dcm) instead of a SEG")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Convert a scan (DICOM to NIfTI), a mask (NIfTI, DICOM SEG, RTSTRUCT) or lines (DICOM to JSON)."""
    from lite_ensam.core.errors import OutputError
    from lite_ensam.core.recist import notes_of
    from lite_ensam.io import (
        MASK_SUFFIXES,
        OUTPUT_SUFFIXES,
        check_outputs,
        read_ct,
        read_label_map,
        read_marks,
        write_contours,
        write_ct,
        write_marks,
        write_mask,
    )
    from lite_ensam.io.places import marks_at_hand, mask_at_hand

    is_marks = output.name.lower().endswith(".json")
    suffixes = OUTPUT_SUFFIXES if ct is None else (".json",) if is_marks else MASK_SUFFIXES
    if is_marks and ct is None:
        raise OutputError(f"cannot write {output}: lines need their scan; name it with --ct")
    if rtstruct and (ct is None or is_marks):
        raise OutputError(f"cannot write {output}: --rtstruct converts masks; name their scan with --ct")
    check_outputs([(output, (".dcm",) if rtstruct else suffixes)], (source, ct), overwrite)
    check_sending(to, output)
    choice = parse_choice(pick_description, pick_date, pick_maker)
    given: PathLike | None = None
    if ct is not None:
        given = marks_at_hand(source, choice, cache) if is_marks else mask_at_hand(source, choice, cache)
    volume, scan = read_ct(fetch(ct or source, series, given or source, cache), series, acquisition, given)
    if ct is None:
        write_ct(output, volume, scan, overwrite)
    elif is_marks:
        marks = read_marks(given or source, scan, ct or "", only=only or ())
        write_marks(output, marks, scan, overwrite)
        scan = scan.with_notes(notes_of(marks))
    else:
        mask = read_label_map(given or source, scan, only or (), fraction)
        write = write_contours if rtstruct else write_mask
        write(output, mask.labels, scan, overwrite, mask.lesions)
        scan = scan.with_notes(mask.notes)
    typer.echo(f"written: {output}")
    for note in scan.notes:
        typer.echo(f"note: {note}")
    send_results(to, [output])
