"""`Segmentation`: the masks of a scan's tumours, what they measure, and the way to files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.types import PathLike
from lite_ensam.io import check_output, write_mask
from lite_ensam.io.dicom import build_report, build_segmentation, series_of, write_dataset
from lite_ensam.measurements import DISAGREEMENT, TumorMeasurement
from lite_ensam.segmentation.predictor import Prediction

__all__ = ["Segmentation"]


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Masks of all marked tumours and what they measure.

    Parameters
    ----------
    source : of the scan, which `save` writes alike
    marks : the lines
    measurements : one for each mark, in order
    report : JSON-ready record of what was done: versions, parameters, seconds, measurements
    prediction : the logits, to paint again with another threshold, and the label map where it is not zero
    """

    source: ScanSource
    marks: tuple[RecistMark, ...]
    measurements: tuple[TumorMeasurement, ...]
    report: dict[str, Any]
    prediction: Prediction

    def __repr__(self) -> str:
        shape = " x ".join(str(n) for n in self.grid.shape_zyx)
        lines = [
            f"  {m.label}{f' {mark.name}' if mark.name else ''}: {m.volume_ml:.2f} ml, "
            f"longest diameter {m.longest_diameter_mm:.1f} mm, short axis {m.short_axis_mm:.1f} mm"
            for m, mark in zip(self.measurements, self.marks, strict=True)
        ]
        return "\n".join([f"Segmentation of {len(lines)} tumour(s), {shape} voxels", *lines])

    def _repr_html_(self) -> str:
        """The table that a notebook shows."""
        from html import escape  # milliseconds that the command line need not pay

        def line(tag: str, *cells: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        heads = ("label", "name", "line, mm", "volume, ml", "longest diameter, mm", "short axis, mm", "")
        rows = [
            line(
                *("td", str(m.label), mark.name, f"{m.recist_mm:.1f}", f"{m.volume_ml:.2f}"),
                *(f"{m.longest_diameter_mm:.1f}", f"{m.short_axis_mm:.1f}", _warnings(m)),
            )
            for m, mark in zip(self.measurements, self.marks, strict=True)
        ]
        return f"<table><thead>{line('th', *heads)}</thead><tbody>{''.join(rows)}</tbody></table>"

    @property
    def grid(self) -> Grid:
        """Where the label map's voxels lie."""
        return self.source.grid

    @property
    def labels(self) -> NDArray[np.uint16]:
        """Label map, uint16 (z, y, x): each tumour with its mark's label, 0 elsewhere; made when asked for."""
        return self.prediction.labels

    def save(self, path: PathLike, overwrite: bool = False, report: PathLike | None = None) -> None:
        """Write the label map in the axis order and affine of the scan's file.

        Parameters
        ----------
        path : .nii.gz, .nii or .npz; of a scan read from DICOM also .dcm, a DICOM SEG
        overwrite : whether existing files may be replaced
        report : .dcm, a DICOM structured report (TID 1500) that refers to the SEG

        Raises
        ------
        OutputError
            If a file exists and `overwrite` is False, or it cannot be written.
        """
        if report is None:
            write_mask(path, self.prediction.painting.part, self.source, overwrite, self.marks)
            return
        series = series_of(self.source, "a structured report")
        for target in (path, report):
            check_output(target, overwrite, (".dcm",))
        segmentation = build_segmentation(self.labels, series, self.marks)
        text = build_report(segmentation, series, self.marks, self.measurements)
        write_dataset(path, segmentation, overwrite)
        write_dataset(report, text, overwrite)


def _warnings(tumor: TumorMeasurement) -> str:
    """What the reader should look at twice."""
    words = {
        f"mask and line differ by more than {DISAGREEMENT:.0%}": tumor.disagrees,
        "mask reaches the scan's border": tumor.touches_edge,
    }
    return "; ".join(word for word, true in words.items() if true)
