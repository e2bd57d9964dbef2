"""The RECIST line: two ends on one axial slice, and what follows from them.

RECIST 1.1 measures a tumour by its longest diameter on an axial slice. Here that line is a
`RecistMark`; it may be given by its two ends, drawn as voxels of a marker volume, or derived from a
reference mask.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lite_ensam import _kernels
from lite_ensam.core.coded_concept import CodedConcept
from lite_ensam.core.errors import MarkError, MissingMarksError, brief, printable
from lite_ensam.core.grid import Grid, real_array, scan_difference, spacing_of
from lite_ensam.core.mark_fields import (
    MAX_LABEL,
    ROUNDING,
    checked_endpoints,
    checked_label,
    checked_points,
    checked_slice,
    point_text,
)
from lite_ensam.core.partial_volume import SubVolume, TumorMasks, as_subvolume
from lite_ensam.core.types import (
    EndpointPair,
    Flips,
    Float64Array,
    FloatTriple,
    IntTriple,
    Mask,
    float_triple,
    int_triple,
)
from lite_ensam.core.voxels import as_labels

__all__ = [
    "NotedMarks",
    "RecistMark",
    "check_marks",
    "is_inside",
    "mark_from_mask",
    "marks_from_labels",
    "marks_from_marker",
    "marks_in_sequence",
    "notes_of",
    "outer_ends",
    "own_marks",
    "sphere_box",
    "sphere_mask",
    "voxel_of",
    "where_lines_meet",
]

_HALF_VOXEL = 0.5 + 1e-3
"""How far outside the outermost voxel centres a mark may lie: on the border, not beyond."""

_UID = re.compile(r"[0-9.]{0,64}")


@dataclass(frozen=True)
class RecistMark:
    """The longest diameter of one tumour, drawn on one axial slice.

    Parameters
    ----------
    label : int
        1 to 65535, the tumour's value in the label map.
    endpoints_zyx : EndpointPair
        The line's two ends, voxel indices (z, y, x), in any order. They are kept in ascending order; if both
        are within half a slice of the slice that is nearest to their middle (millimetres on an oblique scan),
        they are moved onto it.
    name : str, default ""
        Free text, for reports; line breaks and other control characters become escapes.
    tracking_uid : str, default ""
        DICOM's identity of the tumour over time, or an empty text.
    short_axis_zyx : EndpointPair or None, default None
        The two ends of a short axis that a reader drew on the same slice, or None.
    first_slice, last_slice : int or None, default None
        Nothing of the tumour lies on a lower slice (z) than the first or a higher one than the last; None
        where that is not known.
    inside_zyx, outside_zyx : tuple[FloatTriple, ...], default ()
        Points, voxel indices (z, y, x), that are tumour and that are not.
    finding_site : CodedConcept or None, default None
        Where in the body it lies, or None.

    Raises
    ------
    MarkError
        If the label is out of range, the ends of a line are not two finite points, they lie on different
        slices, the line has no length, the name is not a text, the tracking UID is invalid, or slices and points
        contradict each other or the line.

    Examples
    --------
    >>> mark = RecistMark(1, ((4, 10, 12), (4, 10, 2)))
    >>> mark.endpoints_zyx
    ((4.0, 10.0, 2.0), (4.0, 10.0, 12.0))
    >>> mark.length_mm((5.0, 0.7, 0.7))
    7.0
    """

    label: int
    endpoints_zyx: EndpointPair
    name: str = ""
    tracking_uid: str = ""
    short_axis_zyx: EndpointPair | None = None
    first_slice: int | None = None
    last_slice: int | None = None
    inside_zyx: tuple[FloatTriple, ...] = ()
    outside_zyx: tuple[FloatTriple, ...] = ()
    finding_site: CodedConcept | None = None

    def __post_init__(self) -> None:
        label = checked_label(self.label)
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "endpoints_zyx", checked_endpoints(label, self.endpoints_zyx))
        if not isinstance(self.name, str):
            raise MarkError(f"mark {label}: its name must be a text, got {brief(self.name)}")
        object.__setattr__(self, "name", printable(self.name))
        if not isinstance(self.tracking_uid, str) or not _UID.fullmatch(self.tracking_uid):
            raise MarkError(
                f"mark {label}: its tracking_uid must be at most 64 digits and dots, got {brief(self.tracking_uid)}"
            )
        if self.finding_site is not None and not isinstance(self.finding_site, CodedConcept):
            raise MarkError(
                f"mark {label}: its finding_site must be a CodedConcept, got {brief(self.finding_site)}"
            )
        if self.short_axis_zyx is not None:
            object.__setattr__(self, "short_axis_zyx", self._checked_short_axis(self.short_axis_zyx))
        for field in ("first_slice", "last_slice"):
            object.__setattr__(self, field, checked_slice(label, field, getattr(self, field)))
        for field in ("inside_zyx", "outside_zyx"):
            object.__setattr__(self, field, checked_points(label, field, getattr(self, field)))
        self._check_slices()
        self._check_points()

    def _checked_short_axis(self, ends_zyx: EndpointPair) -> EndpointPair:
        short_axis = checked_endpoints(self.label, ends_zyx, of="short axis")
        if short_axis[0][0] != self.slice_index:
            raise MarkError(
                f"mark {self.label}: its short axis lies on slice z = {short_axis[0][0]:g}, "
                f"the line on z = {self.slice_index}"
            )
        return short_axis

    def _check_slices(self) -> None:
        """Raise unless first slice, line and last slice come in this order."""
        first, line, last = self.first_slice, self.slice_index, self.last_slice
        if first is not None and last is not None and first > last:
            raise MarkError(f"mark {self.label}: first_slice {first} lies after last_slice {last}")
        if first is not None and first > line:
            raise MarkError(f"mark {self.label}: first_slice {first} lies after the line's slice z = {line}")
        if last is not None and last < line:
            raise MarkError(f"mark {self.label}: last_slice {last} lies before the line's slice z = {line}")

    def _check_points(self) -> None:
        """Raise unless points inside lie between the slices, and none is outside too."""
        for point in self.inside_zyx:
            z, _, _ = voxel_of(point)
            if self.first_slice is not None and z < self.first_slice:
                beyond = f"before first_slice {self.first_slice}"
            elif self.last_slice is not None and z > self.last_slice:
                beyond = f"after last_slice {self.last_slice}"
            else:
                continue
            raise MarkError(
                f"mark {self.label}: its inside point {point_text(point)} (z, y, x) lies {beyond}"
            )
        if both := set(map(voxel_of, self.inside_zyx)) & set(map(voxel_of, self.outside_zyx)):
            raise MarkError(
                f"mark {self.label}: inside_zyx and outside_zyx both name the voxel {point_text(min(both))} (z, y, x)"
            )

    @property
    def slice_index(self) -> int:
        """The axial slice (z) that the line is drawn on."""
        return int(self.endpoints_zyx[0][0])

    @property
    def both_slices(self) -> tuple[int, int] | None:
        """First and last slice, if both are given."""
        if self.first_slice is None or self.last_slice is None:
            return None
        return self.first_slice, self.last_slice

    def may_hold(self, slices: NDArray[np.integer[Any]]) -> Mask:
        """Whether slices (z) lie between the first and the last.

        Parameters
        ----------
        slices : NDArray[np.integer[Any]]
            Indices of slices.

        Returns
        -------
        Mask
            Bool, of the same shape.
        """
        first = -math.inf if self.first_slice is None else self.first_slice
        last = math.inf if self.last_slice is None else self.last_slice
        z = real_array(slices)
        return np.asarray((z >= first) & (z <= last))

    @property
    def midpoint_zyx(self) -> FloatTriple:
        """Middle of the line, a voxel index (z, y, x) that may lie between voxels."""
        z, y, x = np.mean(self.endpoints_zyx, axis=0).tolist()
        return z, y, x

    def outer_endpoints_zyx(self, margin_voxels: float = 0.5) -> EndpointPair:
        """Move the ends outwards along the line.

        Lines run from voxel centre to voxel centre (docs/explanation/conventions.md), so the tumour goes on for
        half a voxel beyond each end: little of a large tumour, an eighth of a nodule of 8 voxels.

        Parameters
        ----------
        margin_voxels : float, default 0.5
            How far each end is moved.

        Returns
        -------
        EndpointPair
            Two points (z, y, x) in voxels.

        Examples
        --------
        >>> RecistMark(1, ((4, 10, 2), (4, 10, 12))).outer_endpoints_zyx()
        ((4.0, 10.0, 1.5), (4.0, 10.0, 12.5))
        """
        return outer_ends(self.endpoints_zyx, margin_voxels)

    def flipped(self, flips_zyx: Flips, shape_zyx: Sequence[int]) -> "RecistMark":
        """Reverse some axes of the volume; line, slices and points stay at their places.

        Parameters
        ----------
        flips_zyx : Flips
            Whether each axis z, y, x is reversed.
        shape_zyx : Sequence[int]
            Number of voxels on each axis (z, y, x).

        Returns
        -------
        RecistMark
            The mark in the reversed volume.
        """
        last = np.asarray(shape_zyx) - 1

        def points(given: Sequence[FloatTriple]) -> tuple[FloatTriple, ...]:
            return tuple(
                float_triple(np.where(flips_zyx, last - np.asarray(point), point)) for point in given
            )

        def ends(line: EndpointPair) -> EndpointPair:
            first, second = points(line)
            return first, second

        lower, upper = self.first_slice, self.last_slice
        if flips_zyx[0]:
            lower, upper = (None if z is None else int(last[0]) - z for z in (upper, lower))
        return replace(
            self,
            endpoints_zyx=ends(self.endpoints_zyx),
            short_axis_zyx=None if self.short_axis_zyx is None else ends(self.short_axis_zyx),
            first_slice=lower,
            last_slice=upper,
            inside_zyx=points([_off_faces(point) for point in self.inside_zyx]),
            outside_zyx=points([_off_faces(point) for point in self.outside_zyx]),
        )

    def length_mm(self, spacing_mm: Sequence[float]) -> float:
        """Compute the length of the line, the longest diameter.

        Parameters
        ----------
        spacing_mm : Sequence[float]
            Voxel spacing (z, y, x) in mm, or a `Grid` that has it.

        Returns
        -------
        float
            Length in mm.
        """
        return _length_mm(self.endpoints_zyx, spacing_mm)

    def short_axis_mm(self, spacing_mm: Sequence[float]) -> float | None:
        """Compute the length of the short axis that was drawn.

        Parameters
        ----------
        spacing_mm : Sequence[float]
            Voxel spacing (z, y, x) in mm, or a `Grid` that has it.

        Returns
        -------
        float or None
            Length in mm; None without a short axis.
        """
        return None if self.short_axis_zyx is None else _length_mm(self.short_axis_zyx, spacing_mm)

    def radius_mm(self, spacing_mm: Sequence[float]) -> float:
        """Compute half of the line's length.

        Parameters
        ----------
        spacing_mm : Sequence[float]
            Voxel spacing (z, y, x) in mm, or a `Grid` that has it.

        Returns
        -------
        float
            Radius in mm.
        """
        return self.length_mm(spacing_mm) / 2


class NotedMarks(tuple[RecistMark, ...]):
    """The lines of a file as a tuple, with notes about the parts of the file that were skipped.

    Attributes
    ----------
    notes : tuple[str, ...]
        Sentences for readers of the results.

    Examples
    --------
    >>> marks = NotedMarks([RecistMark(1, ((4, 10, 12), (4, 10, 2)))], ["passed over: ROI 'CTV' has no contours"])
    >>> len(marks), notes_of(marks)
    (1, ("passed over: ROI 'CTV' has no contours",))
    """

    notes: tuple[str, ...]

    def __new__(cls, marks: Iterable[RecistMark], notes: Iterable[str]) -> Self:
        """Lines and notes on them."""
        noted = super().__new__(cls, marks)
        noted.notes = tuple(notes)
        return noted


def notes_of(marks: Sequence[RecistMark]) -> tuple[str, ...]:
    """Return the notes that came with lines; a plain tuple or list has none.

    Parameters
    ----------
    marks : Sequence[RecistMark]
        Marks, with or without notes.

    Returns
    -------
    tuple[str, ...]
        Sentences on how the lines were read; empty without notes.
    """
    return marks.notes if isinstance(marks, NotedMarks) else ()


def marks_in_sequence(marks: object, grid: Grid | None = None) -> tuple[RecistMark, ...]:
    """Return one mark or several as a tuple.

    Parameters
    ----------
    marks : object
        A mark, marks in an iterable, or a `Case` or `Segmentation` that has them.
    grid : Grid or None, default None
        Grid of the scan that they are for.

    Returns
    -------
    tuple[RecistMark, ...]
        The marks.

    Raises
    ------
    MarkError
        If one of them is not a `RecistMark`, or they are those of a scan of another shape or place.
    """
    marks = own_marks(marks, grid)
    several: tuple[Any, ...] = tuple(marks) if isinstance(marks, Iterable) else (marks,)
    if wrong := [mark for mark in several if not isinstance(mark, RecistMark)]:
        raise MarkError(f"marks must be RecistMarks, as `read_marks` returns them, got {brief(wrong[0])}")
    return several


def own_marks(value: Any, grid: Grid | None = None) -> Any:
    """Return the lines of what has lines, a `Case` or a `Segmentation`; anything else as it is.

    Parameters
    ----------
    value : Any
        Marks in some form, or what has them.
    grid : Grid or None, default None
        Grid of the scan that they are for.

    Returns
    -------
    Any
        The tuple of marks, or `value`.

    Raises
    ------
    MarkError
        If they are those of a scan of another shape, spacing or place: lines are indices of their scan.
    """
    marks, theirs = getattr(value, "marks", None), getattr(value, "grid", None)
    if not isinstance(marks, tuple) or not isinstance(theirs, Grid):
        return value
    if grid is not None:
        affine = theirs.affine if theirs.is_oriented else None
        if difference := scan_difference(grid, theirs.shape_zyx, theirs.spacing_mm, affine):
            raise MarkError(f"the marks belong to another scan: {difference}")
    return marks


def check_marks(marks: Sequence[RecistMark], shape_zyx: Sequence[int]) -> None:
    """Raise `MarkError` unless the marks fit the volume and each other.

    There must be at least one, no two may share a label, a voxel inside, or be the same line, and every end and
    point must lie inside the volume: between -0.5 and n - 0.5 on each axis (the outer faces of the outermost
    voxels), first and last slices between 0 and n - 1.

    Parameters
    ----------
    marks : Sequence[RecistMark]
        Marks of one scan.
    shape_zyx : Sequence[int]
        Shape of the volume.
    """
    marks = marks_in_sequence(marks)
    if not marks:
        raise MissingMarksError("no mark given: at least one RECIST line is needed")
    counts = Counter(mark.label for mark in marks)
    if repeated := sorted(label for label, n in counts.items() if n > 1):
        raise MarkError(
            f"every mark needs its own label, but label {repeated[0]} comes {counts[repeated[0]]} times"
        )
    label_of: dict[EndpointPair, int] = {}
    inside_of: dict[IntTriple, int] = {}
    for mark in marks:
        for voxel in map(voxel_of, mark.inside_zyx):
            if inside_of.setdefault(voxel, mark.label) != mark.label:
                raise MarkError(
                    f"marks {inside_of[voxel]} and {mark.label} both name the voxel {point_text(voxel)} (z, y, x) "
                    "as inside"
                )
        for field in ("first_slice", "last_slice"):
            z = getattr(mark, field)
            if z is not None and not 0 <= z < shape_zyx[0]:
                raise MarkError(
                    f"mark {mark.label}: {field} {z} lies outside the volume, whose slices are 0 to {shape_zyx[0] - 1}"
                )
        first = label_of.setdefault(_rounded(mark.endpoints_zyx), mark.label)
        if first != mark.label:
            raise MarkError(f"marks {first} and {mark.label} are the same line: one tumour has one label")
        ends = mark.endpoints_zyx + (mark.short_axis_zyx or ())
        for what, points in (("endpoint", ends), ("point", mark.inside_zyx + mark.outside_zyx)):
            if outside := [point for point in points if not is_inside(point, shape_zyx)]:
                is_reversed = all(is_inside(end[::-1], shape_zyx) for end in mark.endpoints_zyx)
                raise MarkError(
                    f"mark {mark.label}: {what} {point_text(outside[0])} (z, y, x) lies outside the volume of "
                    f"{point_text(shape_zyx)} voxels{': x, y, z order?' if is_reversed else ''}"
                )


def is_inside(point_zyx: Sequence[float], shape_zyx: Sequence[int]) -> bool:
    """Tell whether a voxel index lies within the outer faces of a volume, -0.5 and n - 0.5 on each axis.

    Parameters
    ----------
    point_zyx : Sequence[float]
        Voxel index of a point, may be a fraction.
    shape_zyx : Sequence[int]
        Shape of the volume.

    Returns
    -------
    bool
        True inside or on the outer faces.
    """
    return all(-_HALF_VOXEL <= p <= n - 1 + _HALF_VOXEL for p, n in zip(point_zyx, shape_zyx, strict=True))


def _off_faces(point_zyx: FloatTriple) -> FloatTriple:
    """A point on the face between two voxels moved into the one that holds it, or a reversed axis would change that."""
    is_half = np.mod(point_zyx, 1) == 0.5
    return float_triple(np.where(is_half, voxel_of(point_zyx), point_zyx))


def voxel_of(point_zyx: FloatTriple) -> IntTriple:
    """Find the voxel that holds a point; between two voxels, the lower one.

    Parameters
    ----------
    point_zyx : FloatTriple
        Voxel index of a point, may be a fraction.

    Returns
    -------
    IntTriple
        Index (z, y, x) of the voxel.

    Examples
    --------
    >>> voxel_of((3.0, 4.2, 6.7))
    (3, 4, 7)
    """
    z, y, x = (math.ceil(number - 0.5 - ROUNDING) for number in point_zyx)
    return z, y, x


def outer_ends(line: EndpointPair, margin_voxels: float) -> EndpointPair:
    """Move each end of a line outwards along it by `margin_voxels`, within its slice.

    Parameters
    ----------
    line : EndpointPair
        The two ends, on one slice.
    margin_voxels : float
        How far each end is moved.

    Returns
    -------
    EndpointPair
        Two points (z, y, x) in voxels.
    """
    (z, ay, ax), (_, by, bx) = line
    share = margin_voxels / math.hypot(by - ay, bx - ax)
    dy, dx = (by - ay) * share, (bx - ax) * share
    return (z, ay - dy, ax - dx), (z, by + dy, bx + dx)


def sphere_mask(mark: RecistMark, shape_zyx: Sequence[int], spacing_mm: Sequence[float]) -> Mask:
    """Draw the sphere with the line as its diameter, the geometric baseline.

    Parameters
    ----------
    mark : RecistMark
        The line.
    shape_zyx : Sequence[int]
        Shape of the volume.
    spacing_mm : Sequence[float]
        Spacing in mm, (z, y, x), or a `Grid` that has it.

    Returns
    -------
    Mask
        Mask (z, y, x) of the voxels whose centres are within half a line's length of its middle, in mm; at least
        the one voxel that is nearest to it.
    """
    mask: Mask = sphere_box(mark, shape_zyx, spacing_mm).whole()
    return mask


def sphere_box(mark: RecistMark, shape_zyx: Sequence[int], spacing_mm: Sequence[float]) -> SubVolume:
    """Draw the sphere of `sphere_mask` on the box that holds it.

    Parameters
    ----------
    mark : RecistMark
        The line.
    shape_zyx : Sequence[int]
        Shape of the volume.
    spacing_mm : Sequence[float]
        Spacing in mm, (z, y, x), or a `Grid` that has it.

    Returns
    -------
    SubVolume
        Bool part of the volume.
    """
    spacing_mm = spacing_of(spacing_mm)
    center, radius_mm = np.asarray(mark.midpoint_zyx), mark.radius_mm(spacing_mm)
    spacing, last = np.asarray(spacing_mm, dtype=np.float64), np.asarray(shape_zyx) - 1
    reach = radius_mm / spacing
    low = np.clip(np.floor(center - reach), 0, last).astype(int)
    high = np.clip(np.ceil(center + reach), 0, last).astype(int)
    z, y, x = ((np.arange(a, b + 1) - c) * s for a, b, c, s in zip(low, high, center, spacing, strict=True))
    squared_mm = z[:, None, None] ** 2 + y[:, None] ** 2 + x**2
    # The factor keeps the ends of a line between voxel centres in, whatever the last digit says.
    inside = squared_mm <= radius_mm**2 * (1 + 1e-9)
    inside[tuple(np.clip(np.rint(center), 0, last).astype(int) - low)] = True
    return SubVolume(inside, int_triple(low), int_triple(shape_zyx))


def marks_from_marker(marker: NDArray[np.integer] | Mask, spacing_mm: FloatTriple) -> tuple[RecistMark, ...]:
    """Read the lines of a marker volume: per label the two voxels that are farthest apart.

    Parameters
    ----------
    marker : NDArray[np.integer] or Mask
        Array (z, y, x) of bool or integers: 0 is background, any other value the label of one line, drawn on one axial
        slice (as FLARE's `recist`).
    spacing_mm : FloatTriple
        Spacing in mm, (z, y, x), or a `Grid` that has it.

    Returns
    -------
    tuple[RecistMark, ...]
        One mark a label, ascending; empty if the marker is.

    Raises
    ------
    MarkError
        If a label is negative or above 65535, has a single voxel, lies on several slices, or is that of two lines
        that do not cross.
    """
    labels = _kernel_labels(marker)
    spacing_mm = spacing_of(spacing_mm)
    try:
        found = _kernels.marker_endpoints(labels, spacing_mm)
    except ValueError as error:
        raise MarkError(f"marker volume: {error}") from None
    for label, ((z, _, _), _) in found:
        if _is_in_pieces(labels[int(z)] == label):
            raise MarkError(
                f"marker volume: label {label} has two lines on slice z = {z:g} that do not cross; "
                "give each tumour a label of its own"
            )
    return tuple(RecistMark(label, endpoints) for label, endpoints in found)


def _is_in_pieces(drawn: Mask) -> bool:
    """Whether voxels (y, x) are not one line, one pair of crossing lines, or just the two ends of a line.

    Gaps of one voxel are bridged: resampling leaves them in thin lines.
    """
    left = set(map(tuple, np.argwhere(drawn).tolist()))
    if len(left) <= 2:
        return False
    reached = [left.pop()]
    while reached and left:
        y, x = reached.pop()
        near = left & {(y + dy, x + dx) for dy in range(-2, 3) for dx in range(-2, 3)}
        left -= near
        reached += near
    return bool(left)


def mark_from_mask(mask: ArrayLike | SubVolume, spacing_mm: FloatTriple, label: int) -> RecistMark:
    """Draw the line that a reader would draw on a reference mask.

    It lies in the mask's largest piece (see `_kernels.largest_piece`), on the slice where that has the largest area
    (ties: the lowest), and runs between the two voxels there that are farthest apart in mm. On a slice with a single
    voxel, which has no diameter, it is as long as the voxel: from face to face, along x.

    Parameters
    ----------
    mask : ArrayLike or SubVolume
        Mask (z, y, x), or the part of it that holds all its voxels.
    spacing_mm : FloatTriple
        Spacing in mm, (z, y, x), or a `Grid` that has it.
    label : int
        Label of the mark that is returned.

    Returns
    -------
    RecistMark
        A mark with the line's two ends.

    Raises
    ------
    MarkError
        If the mask is empty.
    """
    part = mask if isinstance(mask, SubVolume) else as_subvolume(np.asarray(mask, dtype=np.bool_))
    piece, _ = _kernels.largest_piece(part.voxels, 1)
    areas = np.count_nonzero(piece, axis=(1, 2))
    z = int(areas.argmax()) if areas.size else 0
    diameters = _kernels.in_plane_diameters(piece[z : z + 1], 1, spacing_of(spacing_mm))
    if diameters is None:
        raise MarkError(f"mark {label}: the mask has no voxel to draw a line on")
    ends = np.array(diameters[1], dtype=np.float64) + part.start_zyx + (z, 0, 0)
    if diameters[0] == 0:
        ends[:, 2] += (-0.5, 0.5)
    return RecistMark(label, ends.tolist())


def marks_from_labels(labels: NDArray[Any], spacing_mm: FloatTriple) -> tuple[RecistMark, ...]:
    """Draw the line of each tumour of a label map (see `mark_from_mask`), labels ascending.

    Parameters
    ----------
    labels : NDArray[Any]
        Label map (z, y, x) of bool or whole numbers.
    spacing_mm : FloatTriple
        Spacing in mm, (z, y, x), or a `Grid` that has it.

    Returns
    -------
    tuple[RecistMark, ...]
        A mark for each label that has a voxel.

    Raises
    ------
    CaseError
        If a label is not a whole number from 0 to 65535.
    """
    masks = TumorMasks(as_labels(labels))
    return tuple(mark_from_mask(masks[label], spacing_mm, label) for label in masks.labels)


def where_lines_meet(one: Float64Array, other: Float64Array) -> Float64Array | None:
    """Where two lines in a plane meet, as shares of the way along each.

    Parameters
    ----------
    one, other : Float64Array
        Two points (2, 2) each, in one unit.

    Returns
    -------
    Float64Array or None
        Two numbers, 0 at a line's first point and 1 at its second, beyond them outside; None if the lines are parallel.

    Examples
    --------
    >>> where_lines_meet(np.array([[0, 0], [0, 8]]), np.array([[-1, 2], [3, 2]])).tolist()
    [0.25, 0.25]
    """
    directions = np.column_stack([one[1] - one[0], other[0] - other[1]])
    if abs(np.linalg.det(directions)) < 1e-9:
        return None
    shares: Float64Array = np.linalg.solve(directions, other[0] - one[0])
    return shares


def _length_mm(line: EndpointPair, spacing_mm: Sequence[float]) -> float:
    start, stop = line
    return math.hypot(*((b - a) * s for a, b, s in zip(start, stop, spacing_of(spacing_mm), strict=True)))


def _rounded(line: EndpointPair) -> EndpointPair:
    """The same for lines whose ends agree to six decimals, in whatever order rounding leaves them."""
    start, stop = sorted((round(z, 6), round(y, 6), round(x, 6)) for z, y, x in line)
    return start, stop


def _kernel_labels(marker: NDArray[np.integer] | Mask) -> NDArray[Any]:
    """The marker in one of the dtypes that the kernels take; a copy only if it is in another."""
    array = np.asarray(marker)
    if array.dtype == np.bool_:
        return array.view(np.uint8)
    if array.dtype in (np.uint8, np.uint16, np.int16, np.int32):
        return array
    if not np.issubdtype(array.dtype, np.integer):
        raise MarkError(f"marker volume: labels must be whole numbers, got an array of {array.dtype}")
    if array.size and (array.min() < 0 or array.max() > MAX_LABEL):
        raise MarkError(f"marker volume: labels must be 0 to {MAX_LABEL}, got {array.min()} to {array.max()}")
    return array.astype(np.uint16)
