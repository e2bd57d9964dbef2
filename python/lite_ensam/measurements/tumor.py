"""Measurements of a tumour: RECIST 1.1's diameters and volume at once, shape and grey values when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.case import Case, check_hu
from lite_ensam.core.errors import ArgumentError, brief
from lite_ensam.core.partial_volume import (
    PartialScan,
    SubVolume,
    TumorMasks,
    as_subvolume,
    subvolume_containing,
)
from lite_ensam.core.recist import RecistMark, check_marks, marks_in_sequence
from lite_ensam.core.short_axis import goes_across
from lite_ensam.core.short_repr import shortened, with_short_repr
from lite_ensam.core.types import CtVolume, EndpointPair, FloatTriple, Labels
from lite_ensam.core.voxels import as_labels
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
    labels: NDArray[Any] | SubVolume,
    marks: Sequence[RecistMark],
    spacing_mm: FloatTriple,
    ct: CtVolume | PartialScan | None = None,
    hu: bool = True,
) -> tuple[TumorMeasurement, ...]:
    """Measure the tumour of each mark.

    Parameters
    ----------
    labels : NDArray[Any] or SubVolume
        Label map (z, y, x) of bool or whole numbers, or the part of it that holds all tumours.
    marks : Sequence[RecistMark]
        The lines; their labels say which values are measured, in this order.
    spacing_mm : FloatTriple
        Spacing in mm, (z, y, x).
    ct : CtVolume or PartialScan or None, default None
        The scan (z, y, x), or the crops of it that hold the tumours; without it, grey values are not
        measured.
    hu : bool, default True
        Whether it is in Hounsfield units: tumours of air or lung are flagged.

    Returns
    -------
    tuple[TumorMeasurement, ...]
        A measurement for each mark, in their order.

    Raises
    ------
    ValueError
        If the shapes of `labels` and `ct` differ, an argument is of another kind, a tumour has a voxel of NaN
        (`ArgumentError`), a label is not a whole number (`CaseError`), or a mark does not fit (`MarkError`).
    """
    part = as_subvolume(labels)
    part = replace(part, voxels=as_labels(part.voxels))
    if not (ct is None or isinstance(ct, np.ndarray | PartialScan)) or np.ma.is_masked(ct):
        raise ArgumentError(f"ct must be an array (z, y, x) without masked voxels, got {brief(ct)}")
    check_hu(hu)
    marks = marks_in_sequence(marks)
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
        voxels = TumorVoxels(mask, spacing_mm, values, "HU" if hu else "grey value")
        measured.append(_measure_one(voxels, mark))
    return tuple(measured)


def measure_case(case: Case, labels: Labels) -> tuple[TumorMeasurement, ...]:
    """Measure the tumour of each mark of a case on a label map of its scan, see `measure`.

    Parameters
    ----------
    case : Case
        Scan and marks.
    labels : Labels
        Label map (z, y, x).

    Returns
    -------
    tuple[TumorMeasurement, ...]
        A measurement for each mark, in their order.
    """
    return measure(labels, case.marks, case.grid.spacing_mm, case.ct, case.hu)


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
