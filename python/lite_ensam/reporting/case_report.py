"""All that is measured of a case, as rows for tables and as a page for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lite_ensam import _kernels
from lite_ensam.core.case import Case
from lite_ensam.core.partial_volume import TumorMasks
from lite_ensam.figures import html
from lite_ensam.figures.tumor_planes import TumorPicture, render_picture
from lite_ensam.measurements import TumorMeasurement, measure_case, sentences
from lite_ensam.segmentation import Segmentation

__all__ = ["case_page", "identifiers_of"]


_MOST_PICTURES = 50
"""Of tumours on a page."""


def identifiers_of(case: Case) -> dict[str, str]:
    """Return the patient's identifiers, for pages and tables written with `--identifiers`; never for logs.

    Parameters
    ----------
    case : Case
        A case and what its file says of the patient.

    Returns
    -------
    dict[str, str]
        Identifiers by name.
    """
    named = {"Case": case.name} if case.name else {}
    return {**named, **case.source.identifiers}


def case_page(
    case: Case | Segmentation,
    labels: Any = None,
    tumors: Sequence[TumorMeasurement] | None = None,
    identifiers: bool = False,
    is_drawn: bool = False,
) -> str:
    """Make one HTML file with table and pictures.

    Parameters
    ----------
    case : Case or Segmentation
        Scan and marks. A `Segmentation` has all else, too: `case_page(result)`.
    labels : Any, default None
        Label map of the scan, as `measure` takes it; None takes that of the `Segmentation`.
    tumors : Sequence[TumorMeasurement] or None, default None
        Measurements of each mark; None takes those of the `Segmentation`, or makes them.
    identifiers : bool, default False
        Whether the page may identify the patient.
    is_drawn : bool, default False
        Whether the lines were derived from the mask instead of given.

    Returns
    -------
    str
        The HTML.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    labels = case if labels is None else labels
    result = labels if isinstance(labels, Segmentation) else None
    case = case.case if isinstance(case, Segmentation) else case
    if tumors is None:
        tumors = measure_case(case, labels) if result is None else result.measurements
    masks = TumorMasks(case.source.part_of_labels(labels))
    pictures = [
        TumorPicture(case.ct, case.grid, mark, masks[mark.label], title=_title(one))
        for mark, one in list(zip(case.marks, tumors, strict=True))[:_MOST_PICTURES]
    ]
    more = len(tumors) - len(pictures)
    shown = [html.paragraph(f"The first {len(pictures)}; {more} more are in the table.")] if more else []
    notes = case.source.notes
    made = {
        "Program": f"lite-ensam {_kernels.__version__}",
        "Scan": f"{' x '.join(map(str, case.ct.shape))} voxels (z, y, x) of "
        f"{' x '.join(f'{s:.3g}' for s in case.grid.spacing_mm)} mm",
        "Diameters": "between voxel centres; long and short axis on the axial slice where the longest diameter is "
        "largest, 3D through all slices; of a mask in several pieces within the largest",
        "Surface and sphericity": "by Crofton's formula along 13 directions; a ball has sphericity 1",
        **(
            {"Lines": "none were given: drawn on the mask, on each tumour's largest slice"}
            if is_drawn
            else {}
        ),
        **({"Notes": "; ".join(notes)} if notes else {}),
    }
    who = identifiers_of(case) if identifiers else {}
    parts = [html.section("Who", html.facts(who))] if who else []
    parts += [
        html.section("Tumours", _table(tumors)),
        html.section(
            "Pictures", *shown, html.picture(render_picture(pictures), "each tumour in three planes")
        ),
        html.section("How it was made", html.facts(made)),
    ]
    return html.page("Tumour measurements", parts)


def _title(one: TumorMeasurement) -> str:
    name = f" ({one.name})" if one.name else ""
    return f"tumour {one.label}{name}: {one.volume_ml:.2f} ml"


def _table(tumors: Sequence[TumorMeasurement]) -> str:
    headings = (
        "tumour", "line mm", "long axis mm", "short axis mm", "volume ml", "3D mm", "surface cm²",
        "sphericity", "mean (SD)", "median", "check",
    )  # fmt: skip
    return html.table(headings, [_cells(one) for one in tumors], text_columns=[len(headings) - 1])


def _cells(one: TumorMeasurement) -> tuple[str, ...]:
    shape, intensity = one.shape, one.intensity
    return (
        f"{one.label} {one.name}".strip(),
        f"{one.recist_mm:.1f}",
        f"{one.longest_diameter_mm:.1f}",
        f"{one.short_axis_mm:.1f}",
        f"{one.volume_ml:.2f}",
        "-" if shape is None else f"{shape.longest_diameter_3d_mm:.1f}",
        "-" if shape is None else f"{shape.surface_mm2 / 100:.1f}",
        "-" if shape is None else f"{shape.sphericity:.2f}",
        "-" if intensity is None else f"{intensity.mean:.0f} ({intensity.sd:.0f}) {intensity.unit}",
        "-" if intensity is None else f"{intensity.median:.0f}",
        sentences(one.flags),
    )
