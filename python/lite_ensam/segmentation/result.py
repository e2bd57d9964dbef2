"""`Segmentation`: the masks of a scan's tumours, what they measure, and the way to files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lite_ensam.core.case import Case
from lite_ensam.core.errors import MissingExtraError, OutputError, printable
from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import TumorMasks
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.short_repr import LONGEST_REPR, shortened
from lite_ensam.core.types import Mask, PathLike
from lite_ensam.io import check_outputs, write_mask
from lite_ensam.io.atomic import output_path
from lite_ensam.measurements import TumorMeasurement, TumorRepeatability, sentences
from lite_ensam.segmentation.predictor import Prediction

__all__ = ["Segmentation"]

_HEADINGS = (
    *(
        "label",
        "name",
        "line, mm",
        "volume, ml",
        "95 % interval, ml",
        "longest diameter, mm",
        "short axis, mm",
        "check",
    ),
)
_LISTED_LABELS = 12
"""So many labels are named in a message; of more, the first and the last."""


@dataclass(frozen=True, eq=False, repr=False)
class Segmentation:
    """Masks of all marked tumours and what they measure.

    `result[2]` is the `TumorMeasurement` of label 2 and `result.mask(2)` its mask; `len(result)`, `2 in result` and a
    loop over `result` go by tumours; `numpy.asarray(result)` is the label map.

    `labels`, `mask` and `numpy.asarray` have the axes of the array that was given, and go with `source`; `labels_zyx`,
    `marks`, `measurements`, `grid` and `case` are (z, y, x). Functions that take the result itself, such as
    `measure(result)` and `write_mask(path, result)`, know the order.

    Parameters
    ----------
    case : Case
        Scan and marks; of a scan that `segment` read from a file, no more than the crops around the lines.
    measurements : tuple[TumorMeasurement, ...]
        One for each mark, in order; what takes longer (`shape`, `intensity`) is computed when asked for.
    report : dict[str, Any]
        JSON-ready record of what was done: versions, parameters, seconds, measurements.
    prediction : Prediction
        The logits, to paint again with another threshold, and the label map where it is not zero.
    repeatability : tuple[TumorRepeatability, ...], default ()
        Standard deviations of each tumour's numbers, where it was segmented several times.
    """

    case: Case
    measurements: tuple[TumorMeasurement, ...]
    report: dict[str, Any]
    prediction: Prediction
    repeatability: tuple[TumorRepeatability, ...] = ()

    @property
    def source(self) -> ScanSource:
        """Source of the scan, whose axis order and header `save` uses, and over whose `inputs` it never writes."""
        return self.case.source

    @property
    def grid(self) -> Grid:
        """Grid of the scan, (z, y, x): that of `labels_zyx`, not of `labels` if an image with other axes was given."""
        return self.case.grid

    @property
    def marks(self) -> tuple[RecistMark, ...]:
        """The lines, voxel indices (z, y, x)."""
        return self.case.marks

    @property
    def labels(self) -> NDArray[np.uint16]:
        """Label map, uint16: each tumour with its mark's label, 0 elsewhere; made when asked for.

        It is read-only, because the measurements are its own: change a `.copy()`. Its axes are those of the array
        that was given: (z, y, x), of nibabel's images i, j, k.
        """
        return self.source.to_array(self.labels_zyx)

    @property
    def labels_zyx(self) -> NDArray[np.uint16]:
        """Label map as `labels`, with axes (z, y, x) whatever was given: that of `marks`, `measurements` and `grid`."""
        return self.prediction.labels

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """The label map, for `numpy.asarray`.

        Raises
        ------
        ValueError
            If `copy` is False and another dtype is asked for.
        """
        labels = self.labels
        wanted = labels.dtype if dtype is None else np.dtype(dtype)
        if copy is False and wanted != labels.dtype:
            raise ValueError(f"the label map is {labels.dtype}: as {wanted} it has to be copied")
        return labels.astype(wanted, copy=bool(copy))

    def __len__(self) -> int:
        return len(self.measurements)

    def __iter__(self) -> Iterator[TumorMeasurement]:
        return iter(self.measurements)

    def __contains__(self, label: object) -> bool:
        return label in self._by_label

    def __getitem__(self, label: int) -> TumorMeasurement:
        """The tumour of a label; KeyError names the labels that there are."""
        try:
            return self._by_label[label]
        except (KeyError, TypeError):
            raise KeyError(
                f"no tumour has the label {label!r}; the labels are {_listed(self._by_label)}"
            ) from None

    def mask(self, label: int) -> Mask:
        """Return the mask of one tumour, axes as in `labels`; KeyError names the labels that exist.

        Parameters
        ----------
        label : int
            Label of the tumour.

        Returns
        -------
        Mask
            Bool array.
        """
        mask: Mask = self.source.to_array(self._masks[self[label].label].whole())
        return mask

    def to_dataframe(self) -> Any:
        """Make a pandas DataFrame with a row for each tumour: the columns of `lite-ensam measure --csv`.

        Returns
        -------
        Any
            The DataFrame.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingExtraError("to_dataframe needs pandas: pip install pandas") from error
        return pandas.DataFrame([one.table_row() for one in self])

    def plot(self, labels: int | Iterable[int] | None = None) -> Any:
        """Draw tumours in three planes, each with its line and its outline.

        Parameters
        ----------
        labels : int or Iterable[int] or None, default None
            Labels of the tumours that are drawn, in this order; None draws all.

        Returns
        -------
        Any
            Matplotlib Figure, which a notebook shows and `savefig` writes. Of a scan that `segment` read from
            a file it is black beyond the crop around the line.

        Raises
        ------
        KeyError
            If a label is not in this result; the message names those that are.
        ArgumentError
            If more than 100 tumours are asked for.
        MissingExtraError
            If matplotlib is not installed.
        """
        from lite_ensam.figures import TumorPicture, draw_tumors

        marks = {mark.label: mark for mark in self.marks}
        wanted = [labels] if isinstance(labels, int | np.integer) else labels
        chosen = list(self) if wanted is None else [self[label] for label in wanted]
        return draw_tumors(
            [
                TumorPicture(
                    self.case.ct, self.grid, marks[one.label], self._masks[one.label], title=_title(one)
                )
                for one in chosen
            ]
        )

    def save(self, path: PathLike, overwrite: bool = False, sr: PathLike | None = None) -> None:
        """Write the label map in the axis order and affine of the scan's file.

        Parameters
        ----------
        path : PathLike
            .nii.gz, .nii, .nrrd, .mha or .npz; of a scan read from DICOM also .dcm, a DICOM SEG.
        overwrite : bool, default False
            Whether existing files may be replaced.
        sr : PathLike or None, default None
            .dcm, a DICOM structured report (TID 1500) that refers to the SEG, which `path` then is. The JSON report is
            written by `write_report(path, result)`.

        Raises
        ------
        OutputError
            If a file exists and `overwrite` is False, it is one of the scan's or the marks' own, or it cannot be
            written.
        """
        if sr is None:
            write_mask(path, self.prediction.painting.part, self.source, overwrite, self.marks)
            return
        if not output_path(path).name.lower().endswith(".dcm"):
            raise OutputError(
                f"cannot write {printable(path)} with sr: a structured report refers to a DICOM SEG, so that path must "
                "end in .dcm"
            )
        check_outputs([(path, (".dcm",)), (output_path(sr), (".dcm",))], self.source.inputs, overwrite)
        from lite_ensam.io.dicom import build_report, build_segmentation, series_of, write_dataset

        series = series_of(self.source, "a structured report")
        segmentation = build_segmentation(self.prediction.labels, series, self.marks)
        text = build_report(segmentation, series, self.marks, self.measurements, self.repeatability)
        write_dataset(path, segmentation, overwrite)
        write_dataset(sr, text, overwrite)

    @cached_property
    def _by_label(self) -> dict[int, TumorMeasurement]:
        return {one.label: one for one in self.measurements}

    @cached_property
    def _masks(self) -> TumorMasks:
        return TumorMasks(self.prediction.painting.part)

    def __repr__(self) -> str:
        shape = " x ".join(str(n) for n in self.grid.shape_zyx)
        lines = [f"Segmentation of {len(self)} tumour(s), {shape} voxels"]
        for n, one in enumerate(self):
            line = f"  {_title(one)}" + (f"; {sentences(one.flags)}" if one.flags else "")
            more = f"  ... and {len(self) - n} more"
            if len("\n".join([*lines, line, more])) > LONGEST_REPR and n > 0:
                return "\n".join([*lines, more])
            lines.append(line)
        return shortened("\n".join(lines))

    def _repr_html_(self) -> str:
        """The table that a notebook shows."""
        from html import escape  # milliseconds that the command line need not pay

        def line(tag: str, cells: Sequence[str]) -> str:
            return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        rows = [
            line(
                "td",
                (
                    *(
                        str(one.label),
                        one.name,
                        f"{one.recist_mm:.1f}",
                        f"{one.volume_ml:.2f}",
                        _interval(one),
                    ),
                    *(f"{one.longest_diameter_mm:.1f}", f"{one.short_axis_mm:.1f}", sentences(one.flags)),
                ),
            )
            for one in self
        ]
        return f"<table><thead>{line('th', _HEADINGS)}</thead><tbody>{''.join(rows)}</tbody></table>"


def _interval(one: TumorMeasurement) -> str:
    """Of the volume, in ml; empty where it is not known."""
    return "" if one.confidence is None else "{:.2f} to {:.2f}".format(*one.confidence.volume_interval_ml)


def _title(one: TumorMeasurement) -> str:
    name = f" {one.name}" if one.name else ""
    return f"{one.label}{name}: {one.volume_ml:.2f} ml, {one.longest_diameter_mm:.1f} x {one.short_axis_mm:.1f} mm"


def _listed(labels: Iterable[int]) -> str:
    """Labels in a sentence."""
    names = [str(label) for label in labels]
    if len(names) > _LISTED_LABELS:
        names[3:-1] = ["..."]
    return ", ".join(names)
