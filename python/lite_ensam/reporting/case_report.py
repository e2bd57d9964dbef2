"""All that is measured of a case, as rows for tables and as a page for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lite_ensam import _kernels
from lite_ensam.core.case import Case
from lite_ensam.core.types import Labels
from lite_ensam.figures import html
from lite_ensam.figures.tumor_planes import TumorPicture, render_picture
from lite_ensam.measurements import (
    TumorIntensity,
    TumorMeasurement,
    TumorShape,
    measure,
    measure_intensity,
    measure_shape,
)

__all__ = ["TumorRow", "case_page", "identifiers_of", "measure_case"]


@dataclass(frozen=True)
class TumorRow:
    """Everything measured of one tumour.

    Parameters
    ----------
    name : of its mark
    measurement : RECIST's diameters and volume
    shape, greys : None for a tumour without voxels
    unit : of the grey values, "HU" or "grey value"
    """

    name: str
    measurement: TumorMeasurement
    shape: TumorShape | None
    intensity: TumorIntensity | None
    unit: str

    @property
    def flags(self) -> tuple[str, ...]:
        """What a reader should look at."""
        one = self.measurement
        texts = {
            "no voxel": one.n_voxels == 0,
            "mask and line differ by more than 20 %": one.n_voxels > 0 and one.disagrees,
            "reaches the scan's edge": one.touches_edge,
            "no tumour in sight: air or lung": one.is_aerated,
        }
        return tuple(text for text, there in texts.items() if there)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, flat but for points: a column each in a CSV file."""
        intensity = (
            {} if self.intensity is None else {f"grey_{k}": v for k, v in self.intensity.to_dict().items()}
        )
        shape = {} if self.shape is None else self.shape.to_dict()
        own = {"grey_unit": self.unit, "flags": list(self.flags)}
        return {"name": self.name} | self.measurement.to_dict() | shape | intensity | own


def measure_case(case: Case, labels: Labels) -> tuple[TumorRow, ...]:
    """Measure every marked tumour of a label map.

    Parameters
    ----------
    case : scan and marks
    labels : uint8 or uint16 (z, y, x), of the scan's shape
    """
    spacing, unit = case.grid.spacing_mm, "HU" if case.hu else "grey value"
    ct_hu = case.volume if case.hu else None
    return tuple(
        TumorRow(
            mark.name,
            one,
            measure_shape(labels, mark.label, spacing),
            measure_intensity(case.volume, labels, mark.label),
            unit,
        )
        for mark, one in zip(case.marks, measure(labels, case.marks, spacing, ct_hu), strict=True)
    )


def identifiers_of(case: Case) -> dict[str, str]:
    """What tells who this is: for pages and tables that were asked for it, never for logs."""
    named = {"Case": case.name} if case.name else {}
    return {**named, **case.source.identifiers}


def case_page(
    case: Case, labels: Labels, rows: Sequence[TumorRow], identifiers: bool = False, is_drawn: bool = False
) -> str:
    """One HTML file with table and pictures.

    Parameters
    ----------
    case, labels, rows : see `measure_case`
    identifiers : whether the page may say who it is
    is_drawn : whether the lines were drawn on the mask instead of given

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    pictures = [
        TumorPicture(case.volume, case.grid, mark, labels == mark.label, title=_title(row))
        for mark, row in zip(case.marks, rows, strict=True)
    ]
    notes = case.source.notes
    made = {
        "Program": f"lite-ensam {_kernels.__version__}",
        "Scan": f"{' x '.join(map(str, case.ct.shape))} voxels (z, y, x) of "
        f"{' x '.join(f'{s:.3g}' for s in case.grid.spacing_mm)} mm",
        "Diameters": "between voxel centres; long and short axis on the axial slice where the longest diameter is "
        "largest, 3D through the whole mask",
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
        html.section("Tumours", _table(rows)),
        html.section("Pictures", html.picture(render_picture(pictures), "each tumour in three planes")),
        html.section("How it was made", html.facts(made)),
    ]
    return html.page("Tumour measurements", parts)


def _title(row: TumorRow) -> str:
    name = f" ({row.name})" if row.name else ""
    return f"tumour {row.measurement.label}{name}: {row.measurement.volume_ml:.2f} ml"


def _table(rows: Sequence[TumorRow]) -> str:
    headings = (
        "tumour", "line mm", "long axis mm", "short axis mm", "volume ml", "3D mm", "surface cm²",
        "sphericity", "mean (SD)", "median", "look at",
    )  # fmt: skip
    return html.table(headings, [_cells(row) for row in rows], text_columns=[len(headings) - 1])


def _cells(row: TumorRow) -> tuple[str, ...]:
    one, shape, intensity = row.measurement, row.shape, row.intensity
    return (
        f"{one.label} {row.name}".strip(),
        f"{one.recist_mm:.1f}",
        f"{one.longest_diameter_mm:.1f}",
        f"{one.short_axis_mm:.1f}",
        f"{one.volume_ml:.2f}",
        "-" if shape is None else f"{shape.longest_diameter_3d_mm:.1f}",
        "-" if shape is None else f"{shape.surface_mm2 / 100:.1f}",
        "-" if shape is None else f"{shape.sphericity:.2f}",
        "-" if intensity is None else f"{intensity.mean:.0f} ({intensity.sd:.0f}) {row.unit}",
        "-" if intensity is None else f"{intensity.median:.0f}",
        "; ".join(row.flags),
    )
