"""Measurements of a tumour: RECIST 1.1's diameters and volume at once, shape and grey values when asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.case import Case, check_hu
from lite_ensam.core.errors import ArgumentError
from lite_ensam.core.grid import spacing_of
from lite_ensam.core.partial_volume import (
    PartialScan,
    SubVolume,
    TumorMasks,
    label_part,
    subvolume_containing,
)
from lite_ensam.core.recist import RecistMark, check_marks, marks_in_sequence
from lite_ensam.core.short_axis import goes_across
from lite_ensam.core.short_repr import shortened, with_short_repr
from lite_ensam.core.types import CtVolume, EndpointPair, FloatTriple
from lite_ensam.core.voxels import as_ct
from lite_ensam.measurements.confidence import TumorConfidence
from lite_ensam.measurements.flags import (
    AERATED,
    DISAGREEMENT,
    DISAGREES_WITH_LINE,
    EMPTY,
    SHORT_AXIS_NOT_ACROSS,
    TOO_SMALL,
    TOUCHES_EDGE,
    Flag,
    flag_cells,
    flag_lists,
    in_pieces,
    sentences,
)
from lite_ensam.measurements.intensity import GreyUnit, TumorIntensity, is_aerated, measure_intensity
from lite_ensam.measurements.shape import TumorShape, measure_shape

__all__ = ["TumorMeasurement", "TumorVoxels", "measure", "measure_case"]


@with_short_repr
@dataclass(frozen=True, eq=False)
class TumorVoxels:
    """The voxels that a tumour is measured on: copies of its box, nothing of the scan around it.

    Parameters
    ----------
    mask : SubVolume
        Mask (z, y, x) of the box that holds the tumour.
    spacing_mm : FloatTriple
        Spacing in mm, (z, y, x).
    values : NDArray[Any] or None
        Its voxels' grey values (n,), or None where they are not known.
    unit : GreyUnit
        Unit of the values.
    """

    mask: SubVolume
    spacing_mm: FloatTriple
    values: NDArray[Any] | None
    unit: GreyUnit


@dataclass(frozen=True, repr=False)
class TumorMeasurement:
    """Numbers of one tumour. Diameters run between voxel centres, as RECIST lines do.

    Of a mask in several pieces (voxels that touch over a face, an edge or a corner are in one) the diameters are those
    within the largest piece; the volume is that of all voxels, as are surface, sphericity and grey values.

    Parameters
    ----------
    label : int
        The tumour's value in the label map.
    name : str
        Name of its mark.
    n_voxels : int
        Voxels with that value.
    n_pieces : int
        Pieces that they make up.
    volume_ml : float
        Their volume.
    longest_diameter_mm : float
        Longest in-plane distance, on the axial slice where it is longest.
    longest_diameter_slice : int or None
        That slice (z index), or None for a tumour without voxels.
    longest_diameter_zyx : EndpointPair or None
        Its two ends (voxel indices), or None.
    short_axis_mm : float
        Longest perpendicular to it in the same slice.
    short_axis_zyx : EndpointPair or None
        Its two ends, or None.
    recist_mm : float
        Length of the line that was given.
    recist_slice : int
        Slice of that line (z index).
    flags : tuple[Flag, ...]
        What a reader should check, see `measurements.flags`.
    voxels : TumorVoxels, optional
        What `shape` and `intensity` are computed from.
    confidence : TumorConfidence or None, default None
        How near these numbers probably are to a reader's; None of a mask that `segment` did not make, or made
        by weights without known errors.
    """

    label: int
    name: str
    n_voxels: int
    n_pieces: int
    volume_ml: float
    longest_diameter_mm: float
    longest_diameter_slice: int | None
    longest_diameter_zyx: EndpointPair | None
    short_axis_mm: float
    short_axis_zyx: EndpointPair | None
    recist_mm: float
    recist_slice: int
    flags: tuple[Flag, ...]
    voxels: TumorVoxels = field(compare=False)
    confidence: TumorConfidence | None = None

    @cached_property
    def shape(self) -> TumorShape | None:
        """Shape of the tumour in 3D, computed at first use; None without voxels."""
        return measure_shape(self.voxels.mask, 1, self.voxels.spacing_mm)

    @cached_property
    def intensity(self) -> TumorIntensity | None:
        """Its grey values; None without voxels, or if `measure` was given no scan."""
        values = self.voxels.values
        return None if values is None else measure_intensity(values, self.voxels.unit)

    def has(self, code: str) -> bool:
        """Tell whether the tumour has a flag: `tumor.has("touches_edge")`.

        Parameters
        ----------
        code : str
            Code of a flag.

        Returns
        -------
        bool
            True if the tumour has the flag.
        """
        return any(flag.code == code for flag in self.flags)

    def flagged(self, *flags: Flag) -> TumorMeasurement:
        """Add flags.

        Parameters
        ----------
        *flags : Flag
            Further flags.

        Returns
        -------
        TumorMeasurement
            A measurement with these flags after its own.
        """
        return replace(self, flags=self.flags + flags) if flags else self

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready measurements without shape and grey values; `flags` are codes, `flag_sentences` texts.

        Returns
        -------
        dict[str, Any]
            Measurements by name.
        """
        return self._numbers() | flag_lists(self.flags)

    def all_numbers(self) -> dict[str, Any]:
        """Return `to_dict` with shape and grey values: all measurements of `lite-ensam measure`.

        Returns
        -------
        dict[str, Any]
            Measurements by name.
        """
        shape = {} if self.shape is None else self.shape.to_dict()
        intensity = {} if self.intensity is None else self.intensity.to_dict()
        return self._numbers() | shape | intensity | flag_lists(self.flags)

    def table_row(self) -> dict[str, Any]:
        """Return `all_numbers` as a row of a table: flags and their sentences are each one text.

        Returns
        -------
        dict[str, Any]
            Cells by column.
        """
        return self.all_numbers() | flag_cells(self.flags)

    def _numbers(self) -> dict[str, Any]:
        names = (one.name for one in fields(self) if one.name not in ("flags", "voxels", "confidence"))
        confidence = {} if self.confidence is None else self.confidence.to_dict()
        return {name: getattr(self, name) for name in names} | confidence

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        flags = f"; {sentences(self.flags)}" if self.flags else ""
        return shortened(
            f"<tumour {self.label}{name}: {self.volume_ml:.2f} ml, longest diameter {self.longest_diameter_mm:.1f} mm, "
            f"short axis {self.short_axis_mm:.1f} mm{flags}>"
        )


def measure(
    labels: Any,
    marks: Any = None,
    spacing_mm: Any = None,
    ct: Any = None,
    hu: bool | None = None,
) -> tuple[TumorMeasurement, ...]:
    """Measure the tumour of each mark.

    Parameters
    ----------
    labels : Any
        Label map (z, y, x) of bool or whole numbers: an array-like, a `LabelMap`, or the `SubVolume` of it that holds
        all tumours. Or a `Segmentation`, which has all else, too: `measure(result)`.
    marks : Any, default None
        The lines; their labels say which values are measured, in this order. Of a `Case` or `Segmentation`, its lines,
        with its spacing, scan and units unless they are given; an array of labels then has the order of the scan that
        was given, as `result.labels` has. Left out, those of `labels`.
    spacing_mm : Any, default None
        Spacing in mm, (z, y, x), or a `Grid` or `ScanSource` that has it.
    ct : Any, default None
        The scan (z, y, x), an array-like or the `PartialScan` that holds the tumours; without it, grey values are not
        measured.
    hu : bool or None, default None
        Whether it is in Hounsfield units: tumours of air or lung are flagged. None takes that of a `Case` or
        `Segmentation`, and else True.

    Returns
    -------
    tuple[TumorMeasurement, ...]
        A measurement for each mark, in their order.

    Raises
    ------
    ValueError
        If the shapes of `labels` and `ct` differ, an argument is missing or of another kind, a tumour has a voxel of
        NaN (`ArgumentError`), a label is not a whole number, or the spacing is wrong (`CaseError`), or a mark does not
        fit (`MarkError`).

    Examples
    --------
    >>> from lite_ensam.datasets.phantom import make_phantom
    >>> case = make_phantom()
    >>> [tumor.label for tumor in measure(case.reference, case)]
    [1, 2, 3]
    """
    case = _case_of(labels) or _case_of(marks)
    part = label_part(labels) if case is None else case.source.part_of_labels(labels)
    if case is not None:
        marks = case if marks is None else marks
        spacing_mm = case.grid if spacing_mm is None else spacing_mm
        hu = case.hu if hu is None and ct is None else hu
        ct = case.ct if ct is None else ct
    if marks is None or spacing_mm is None:
        name = "marks" if marks is None else "spacing_mm"
        raise ArgumentError(
            f"{name} is missing: an array of labels does not contain it. Pass {name}, or call `measure(result)`"
        )
    spacing_mm = spacing_of(spacing_mm)
    if not (ct is None or isinstance(ct, PartialScan)):
        ct = as_ct(ct, name="ct")
    check_hu(hu)
    marks = marks_in_sequence(marks, None if case is None else case.grid)
    if ct is not None and ct.shape != part.whole_shape_zyx:
        raise ValueError(f"labels have shape {part.whole_shape_zyx}, the ct {ct.shape} (z, y, x)")
    if marks:
        check_marks(marks, part.whole_shape_zyx)
    masks = TumorMasks(part)
    measured = []
    for mark in marks:
        mask = masks[mark.label]
        values = None if ct is None else _values(ct, mask)
        if values is not None and np.isnan(values).any():
            raise ArgumentError(f"ct must be a number in every voxel of tumour {mark.label}, got NaN")
        voxels = TumorVoxels(mask, spacing_mm, values, "grey value" if hu is False else "HU")
        measured.append(_measure_one(voxels, mark))
    return tuple(measured)


def measure_case(case: Case, labels: Any) -> tuple[TumorMeasurement, ...]:
    """Measure the tumour of each mark of a case on a label map of its scan: `measure(labels, case)`.

    Parameters
    ----------
    case : Case
        Scan and marks.
    labels : Any
        Label map, see `measure`.

    Returns
    -------
    tuple[TumorMeasurement, ...]
        A measurement for each mark, in their order.
    """
    return measure(labels, case, case.grid, None, case.hu)


def _case_of(value: Any) -> Case | None:
    """The case, or that of a result."""
    case = value if isinstance(value, Case) else getattr(value, "case", None)
    return case if isinstance(case, Case) else None


def _measure_one(voxels: TumorVoxels, mark: RecistMark) -> TumorMeasurement:
    mask, spacing_mm = voxels.mask, voxels.spacing_mm
    n_voxels = int(np.count_nonzero(mask.voxels))
    piece, n_pieces = _kernels.largest_piece(mask.voxels, 1)
    found = _kernels.in_plane_diameters(piece, 1, spacing_mm)
    longest_mm, long_ends, short_mm, short_ends = found or (0.0, None, 0.0, None)
    longest_zyx, recist_mm = _moved(long_ends, mask), mark.length_mm(spacing_mm)
    return TumorMeasurement(
        label=mark.label,
        name=mark.name,
        n_voxels=n_voxels,
        n_pieces=n_pieces,
        volume_ml=n_voxels * float(np.prod(spacing_mm)) / 1000.0,
        longest_diameter_mm=longest_mm,
        longest_diameter_slice=int(longest_zyx[0][0]) if longest_zyx else None,
        longest_diameter_zyx=longest_zyx,
        short_axis_mm=short_mm,
        short_axis_zyx=_moved(short_ends, mask),
        recist_mm=recist_mm,
        recist_slice=mark.slice_index,
        flags=tuple(_flags(voxels, n_pieces, longest_mm, mark)),
        voxels=voxels,
    )


def _flags(voxels: TumorVoxels, n_pieces: int, longest_mm: float, mark: RecistMark) -> Iterable[Flag]:
    """Flags of the mask and of its mark, the gravest first."""
    mask, recist_mm = voxels.mask, mark.length_mm(voxels.spacing_mm)
    if n_pieces == 0:
        yield EMPTY
        return
    if voxels.values is not None and voxels.unit == "HU" and is_aerated(voxels.values):
        yield AERATED
    if abs(longest_mm - recist_mm) > max(DISAGREEMENT * recist_mm, _diagonal_mm(voxels.spacing_mm)):
        yield DISAGREES_WITH_LINE
    if mark.short_axis_zyx is not None and not goes_across(
        mark.short_axis_zyx, mark.endpoints_zyx, voxels.spacing_mm
    ):
        yield SHORT_AXIS_NOT_ACROSS
    if n_pieces > 1:
        yield in_pieces(n_pieces)
    if longest_mm == 0:
        yield TOO_SMALL
    if 0 in mask.start_zyx or np.equal(mask.stop_zyx, mask.whole_shape_zyx).any():
        yield TOUCHES_EDGE


def _diagonal_mm(spacing_mm: FloatTriple) -> float:
    """A voxel's diagonal in plane: a mask cannot tell less."""
    return float(np.hypot(*spacing_mm[1:]))


def _values(ct: CtVolume | PartialScan, mask: SubVolume) -> NDArray[Any]:
    """Grey values under a mask, (n,)."""
    if not mask.voxels.size:  # crops need not hold an empty box
        return np.empty(0, ct.dtype)
    box = mask.start_zyx, mask.stop_zyx
    values: NDArray[Any] = subvolume_containing(ct, box).cut(box).voxels[mask.voxels]
    return values


def _moved(ends: EndpointPair | None, mask: SubVolume) -> EndpointPair | None:
    """Ends of a line in a box as indices of its volume; whole numbers stay whole."""
    if ends is None:
        return None
    (z0, y0, x0), (z1, y1, x1) = (np.asarray(ends) + mask.start_zyx).tolist()
    return (z0, y0, x0), (z1, y1, x1)
