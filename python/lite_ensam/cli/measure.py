"""`lite-ensam measure`: a scan and its mask to numbers, as table, JSON, CSV and page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from lite_ensam.cli.options import (
    Acquisition,
    AsJson,
    Fraction,
    Hu,
    MarkFrameName,
    MarksIn,
    Only,
    Overwrite,
    Series,
    as_options,
)
from lite_ensam.cli.segment import Ct
from lite_ensam.cli.tables import console, print_json, print_table
from lite_ensam.core.short_repr import with_short_repr

if TYPE_CHECKING:
    from lite_ensam.core.case import Case
    from lite_ensam.core.types import Labels, PathLike
    from lite_ensam.measurements import TumorMeasurement


def measure(
    ct: Ct,
    mask: Annotated[
        str,
        typer.Argument(
            metavar="MASK",
            help="The mask: .nii, .nii.gz, .npz, DICOM SEG or RTSTRUCT, or a folder or study in an archive that holds "
            "a SEG or RTSTRUCT",
            show_default=False,
        ),
    ],
    marks: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Compare the mask with these RECIST lines", show_default="drawn on the mask"
        ),
    ] = None,
    marks_in: MarksIn = MarkFrameName.voxel,
    report: Annotated[Path | None, typer.Option(help="Write measurements as JSON")] = None,
    as_json: AsJson = False,
    csv: Annotated[Path | None, typer.Option(help="Write a CSV table with a row for each tumour")] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with pictures, in one file (extra `evaluate`)")
    ] = None,
    sr: Annotated[
        Path | None, typer.Option("--sr", help="Write a DICOM structured report about a SEG: .dcm")
    ] = None,
    to: To = None,
    cache: Cache = None,
    pick_description: PickDescription = None,
    pick_date: PickDate = None,
    pick_maker: PickMaker = None,
    hu: Hu = None,
    series: Series = None,
    acquisition: Acquisition = None,
    only: Only = None,
    fraction: Fraction = None,
    identifiers: Annotated[
        bool, typer.Option("--identifiers", help="Include the patient's name and ID in JSON and page")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Measure the tumours of a mask: diameters, volume, shape, grey values."""
    from lite_ensam.io import check_outputs, open_scan, read_label_map
    from lite_ensam.io.places import is_address, marks_at_hand, mask_at_hand
    from lite_ensam.measurements import measure_case

    if marks is None and marks_in is not MarkFrameName.voxel:
        raise typer.BadParameter("--marks-in needs --marks")
    outputs = ((report, (".json",)), (csv, (".csv",)), (html, (".html",)), (sr, (".dcm",)))
    check_outputs(outputs, (ct, mask, marks), overwrite)
    check_sending(to, sr)
    mask_file = mask_at_hand(mask, parse_choice(pick_description, pick_date, pick_maker), cache)
    marks_file = marks_at_hand(marks, cache=cache)
    referred_by = marks_file or mask_file
    ct_here = fetch(ct, series, referred_by, cache)
    scan = open_scan(ct_here, series_uid=series, acquisition=acquisition, referred_by=referred_by)
    label_map = read_label_map(mask_file, scan.source, only or (), fraction)
    labels = label_map.labels
    is_drawn = marks is None and not scan.keeps_marks
    lines = scan.draw_marks(mask_file, label_map) if is_drawn else scan.read_marks(marks_file, marks_in.value)
    scan = scan.with_notes((*label_map.notes, *label_map.unclaimed(lines)))
    case = scan.read_case(
        lines, reference=labels if is_drawn else None, hu=scan.known_hu if hu is None else hu
    )
    found = Measured(case, labels, measure_case(case, labels), mask_file, is_drawn, identifiers)
    found.write(report, csv, html, sr, overwrite)
    if as_json:
        print_json(found.record())
    else:
        show(found)
    own = [] if is_address(mask) else [mask_file]  # a report must find its SEG in the archive
    send_results(to, [*own, sr], known=own, says=not as_json)


@with_short_repr
@dataclass(frozen=True)
class Measured:
    """Measurements, and the scan and mask that they were made on.

    Parameters
    ----------
    case : Case
        Scan and lines.
    labels : Labels
        Label map (z, y, x).
    tumors : tuple[TumorMeasurement, ...]
        Measurement of each tumour.
    mask_file : PathLike
        File that the label map was read from.
    is_drawn : bool
        Whether the lines were derived from the mask.
    identifiers : bool
        Whether JSON and page may identify the patient.
    """

    case: Case
    labels: Labels
    tumors: tuple[TumorMeasurement, ...]
    mask_file: PathLike
    is_drawn: bool
    identifiers: bool

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        from lite_ensam import _kernels
        from lite_ensam.core.about import DISCLAIMER
        from lite_ensam.reporting import identifiers_of

        about = {"disclaimer": DISCLAIMER, "version": _kernels.__version__}
        who = {"identifiers": identifiers_of(self.case)} if self.identifiers else {}
        found = {
            "notes": list(self.case.source.notes),
            "tumors": [one.all_numbers() for one in self.tumors],
        }
        return about | who | found

    def write(
        self, report: Path | None, csv: Path | None, html: Path | None, sr: Path | None, overwrite: bool
    ) -> None:
        """Write the files that are wanted."""
        from lite_ensam.io import write_report, write_structured_report, write_table, write_text
        from lite_ensam.reporting import case_page

        case, tumors = self.case, self.tumors
        if sr is not None:
            write_structured_report(
                sr, self.mask_file, case.source, case.marks, tumors, not self.is_drawn, overwrite
            )
        page = ""
        if html is not None:
            page = case_page(case, self.labels, tumors, self.identifiers, self.is_drawn)
        if report is not None:
            write_report(report, self.record(), overwrite)
        if csv is not None:
            write_table(csv, [one.table_row() for one in tumors], overwrite)
        if html is not None:
            write_text(html, page, overwrite)


def show(found: Measured) -> None:
    """Print the table of tumours, and notes."""
    from lite_ensam.core.about import DISCLAIMER

    cells = []
    for one in found.tumors:
        shape, intensity = one.shape, one.intensity
        cells.append(
            (
                f"{one.label} {one.name}".strip(),
                f"{one.recist_mm:.1f}",
                f"{one.longest_diameter_mm:.1f}",
                f"{one.short_axis_mm:.1f}",
                f"{one.volume_ml:.2f}",
                "-" if shape is None else f"{shape.longest_diameter_3d_mm:.1f}",
                "-" if shape is None else f"{shape.sphericity:.2f}",
                "-" if intensity is None else f"{intensity.mean:.0f}",
                "\n".join(flag.sentence for flag in one.flags),
            )
        )
    line = "drawn mm" if found.is_drawn else "RECIST mm"
    headings = ("longest mm", "short mm", "volume ml", "3D mm", "sphericity", "mean")
    print_table(("tumour",), (line, *headings), cells, ("check",))
    if found.is_drawn:
        console().print(
            "note: no lines were given; they are drawn on the mask, on each tumour's largest slice"
        )
    for note in found.case.source.notes:
        console().print(f"note: {as_options(note)}")
    console().print(DISCLAIMER, style="dim")
