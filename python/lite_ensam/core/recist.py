"""The RECIST line: two ends on one axial slice, and what follows from them.

RECIST 1.1 measures a tumour by its longest diameter on an axial slice. Here that line is a
`RecistMark`; it may be given by its two ends, drawn as voxels of a marker volume, or derived from a
reference mask.
"""

import math
import operator
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lite_ensam import _kernels
from lite_ensam.core.errors import MarkError, brief, printable
from lite_ensam.core.grid import real_array
from lite_ensam.core.partial_volume import SubVolume, TumorMasks, as_subvolume
from lite_ensam.core.types import EndpointPair, Flips, FloatTriple, Labels, Mask, float_triple, int_triple

__all__ = [
    "NotedMarks",
    "RecistMark",
    "check_marks",
    "is_inside",
    "mark_from_mask",
    "marks_from_labels",
    "marks_from_marker",
    "notes_of",
    "sphere_box",
    "sphere_mask",
]

MAX_LABEL = 65535
"""Labels are written as uint16 at most."""

_ROUNDING = 1e-6
"""What the way from millimetres to indices may cost, in voxels."""

_HALF_VOXEL = 0.5 + 1e-3
"""How far outside the outermost voxel centres a mark may lie: on the border, not beyond."""

_UID = re.compile(r"[0-9.]{0,64}")

_SHORTEST = 1e-6
"""Lines shorter than this, in voxels, are points."""


@dataclass(frozen=True)
class RecistMark:
    """The longest diameter of one tumour, drawn on one axial slice.

    Parameters
    ----------
    label : 1 to 65535, the tumour's value in the label map
    endpoints_zyx : the line's two ends, voxel indices (z, y, x), in any order. They are kept in
        ascending order; if both are within half a slice of the slice that is nearest to their
        middle (millimetres on an oblique scan), they are moved onto it
    name : free text, for reports; line breaks and other control characters become escapes
    tracking_uid : DICOM's identity of the tumour over time, or an empty text
    short_axis_zyx : the two ends of a short axis that a reader drew on the same slice, or None. It is kept and
        reported; masks come from the line alone

    Raises
    ------
    MarkError
        If the label is out of range, the ends of a line are not two finite points, they lie on different
        slices, the line has no length, the name is no text, or the tracking UID is none.

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

    def __post_init__(self) -> None:
        label = _checked_label(self.label)
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "endpoints_zyx", _checked_endpoints(label, self.endpoints_zyx))
        if not isinstance(self.name, str):
            raise MarkError(f"mark {label}: its name must be a text, got {brief(self.name)}")
        object.__setattr__(self, "name", printable(self.name))
        if not isinstance(self.tracking_uid, str) or not _UID.fullmatch(self.tracking_uid):
            raise MarkError(
                f"mark {label}: its tracking_uid must be at most 64 digits and dots, got {brief(self.tracking_uid)}"
            )
        if self.short_axis_zyx is not None:
            object.__setattr__(self, "short_axis_zyx", self._checked_short_axis(self.short_axis_zyx))

    def _checked_short_axis(self, ends_zyx: EndpointPair) -> EndpointPair:
        try:
            short_axis = _checked_endpoints(self.label, ends_zyx)
        except MarkError as error:
            raise MarkError(f"short axis of {error}") from None
        if short_axis[0][0] != self.slice_index:
            raise MarkError(
                f"short axis of mark {self.label}: it lies on slice z = {short_axis[0][0]:g}, "
                f"the line on z = {self.slice_index}"
            )
        return short_axis

    @property
    def slice_index(self) -> int:
        """The axial slice (z) that the line is drawn on."""
        return int(self.endpoints_zyx[0][0])

    @property
    def midpoint_zyx(self) -> FloatTriple:
        """Voxel index (z, y, x), in general between voxels."""
        z, y, x = np.mean(self.endpoints_zyx, axis=0).tolist()
        return z, y, x

    def outer_endpoints_zyx(self, margin_voxels: float = 0.5) -> EndpointPair:
        """The ends moved outwards along the line, voxel indices (z, y, x).

        Lines run from voxel centre to voxel centre (docs/conventions.md), so the tumour goes on for
        half a voxel beyond each end: little of a large tumour, an eighth of a nodule of 8 voxels.

        Parameters
        ----------
        margin_voxels : how far each end is moved

        Examples
        --------
        >>> RecistMark(1, ((4, 10, 2), (4, 10, 12))).outer_endpoints_zyx()
        ((4.0, 10.0, 1.5), (4.0, 10.0, 12.5))
        """
        (z, ay, ax), (_, by, bx) = self.endpoints_zyx
        share = margin_voxels / math.hypot(by - ay, bx - ax)
        dy, dx = (by - ay) * share, (bx - ax) * share
        return (z, ay - dy, ax - dx), (z, by + dy, bx + dx)

    def flipped(self, flips_zyx: Flips, shape_zyx: Sequence[int]) -> "RecistMark":
        """The same line in its volume with some axes reversed."""
        if not any(flips_zyx):
            return self
        last = np.asarray(shape_zyx) - 1

        def ends(line: EndpointPair) -> EndpointPair:
            first, second = np.where(flips_zyx, last - np.asarray(line), line)
            return float_triple(first), float_triple(second)

        short_axis = None if self.short_axis_zyx is None else ends(self.short_axis_zyx)
        return replace(self, endpoints_zyx=ends(self.endpoints_zyx), short_axis_zyx=short_axis)

    def length_mm(self, spacing_mm: Sequence[float]) -> float:
        """Longest diameter in mm, of a volume with this (z, y, x) spacing."""
        return _length_mm(self.endpoints_zyx, spacing_mm)

    def short_axis_mm(self, spacing_mm: Sequence[float]) -> float | None:
        """Length of the drawn short axis in mm, or None."""
        return None if self.short_axis_zyx is None else _length_mm(self.short_axis_zyx, spacing_mm)

    def radius_mm(self, spacing_mm: Sequence[float]) -> float:
        """Half of `length_mm`."""
        return self.length_mm(spacing_mm) / 2


class NotedMarks(tuple[RecistMark, ...]):
    """The lines of a file as a tuple, with notes for whoever reads the results: what of the file was passed over.

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
    """The notes that came with lines; none with a plain tuple or list."""
    return marks.notes if isinstance(marks, NotedMarks) else ()


def check_marks(marks: Sequence[RecistMark], shape_zyx: Sequence[int]) -> None:
    """Raise `MarkError` unless the marks fit the volume and each other.

    There must be at least one, no two may share a label or be the same line, and every end must lie
    inside the volume: between -0.5 and n - 0.5 on each axis (the outer faces of the outermost voxels).
    """
    if not marks:
        raise MarkError("no mark given: at least one RECIST line is needed")
    counts = Counter(mark.label for mark in marks)
    if repeated := sorted(label for label, n in counts.items() if n > 1):
        raise MarkError(
            f"every mark needs its own label, but label {repeated[0]} comes {counts[repeated[0]]} times"
        )
    label_of: dict[EndpointPair, int] = {}
    for mark in marks:
        first = label_of.setdefault(_rounded(mark.endpoints_zyx), mark.label)
        if first != mark.label:
            raise MarkError(f"marks {first} and {mark.label} are the same line: one tumour has one label")
        outside = [
            point
            for point in mark.endpoints_zyx + (mark.short_axis_zyx or ())
            if not is_inside(point, shape_zyx)
        ]
        if outside:
            is_reversed = all(is_inside(end[::-1], shape_zyx) for end in mark.endpoints_zyx)
            raise MarkError(
                f"mark {mark.label}: endpoint {_text(outside[0])} (z, y, x) lies outside the volume of "
                f"{_text(shape_zyx)} voxels{': x, y, z order?' if is_reversed else ''}"
            )


def is_inside(point_zyx: Sequence[float], shape_zyx: Sequence[int]) -> bool:
    """Whether a voxel index lies within the outer faces of a volume, -0.5 and n - 0.5 on each axis."""
    return all(-_HALF_VOXEL <= p <= n - 1 + _HALF_VOXEL for p, n in zip(point_zyx, shape_zyx, strict=True))


def sphere_mask(mark: RecistMark, shape_zyx: Sequence[int], spacing_mm: Sequence[float]) -> Mask:
    """Sphere with the line as its diameter: what geometry alone knows of the tumour.

    Parameters
    ----------
    mark : the line
    shape_zyx : shape of the volume
    spacing_mm : (z, y, x)

    Returns
    -------
    bool (z, y, x): voxels whose centres are within half a line's length of its middle, in mm; at
    least the one voxel that is nearest to it.
    """
    mask: Mask = sphere_box(mark, shape_zyx, spacing_mm).whole()
    return mask


def sphere_box(mark: RecistMark, shape_zyx: Sequence[int], spacing_mm: Sequence[float]) -> SubVolume:
    """The part of `sphere_mask` that holds the sphere."""
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
    """Lines of a marker volume: per label the two voxels that are farthest apart.

    Parameters
    ----------
    marker : bool or integers (z, y, x): 0 is background, any other value the label of one line,
        drawn on one axial slice (as FLARE's `recist`)
    spacing_mm : (z, y, x)

    Returns
    -------
    One mark a label, ascending; empty if the marker is.

    Raises
    ------
    MarkError
        If a label is negative or above 65535, has a single voxel, lies on several slices, or is that of two lines
        that do not cross.
    """
    labels = _kernel_labels(marker)
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
    """The line a reader would draw on a reference mask.

    It lies in the mask's largest piece (see `_kernels.largest_piece`), on the slice where that has the largest area
    (ties: the lowest), and runs between the two voxels there that are farthest apart in mm. On a slice with a single
    voxel, which has no diameter, it is as long as the voxel: from face to face, along x.

    Parameters
    ----------
    mask : bool (z, y, x), or the part of it that holds all its voxels
    spacing_mm : (z, y, x)
    label : of the mark that is returned

    Raises
    ------
    MarkError
        If the mask is empty.
    """
    part = mask if isinstance(mask, SubVolume) else as_subvolume(np.asarray(mask, dtype=np.bool_))
    piece, _ = _kernels.largest_piece(part.voxels, 1)
    areas = np.count_nonzero(piece, axis=(1, 2))
    z = int(areas.argmax()) if areas.size else 0
    diameters = _kernels.in_plane_diameters(piece[z : z + 1], 1, spacing_mm)
    if diameters is None:
        raise MarkError(f"mark {label}: the mask has no voxel to draw a line on")
    ends = np.array(diameters[1], dtype=np.float64) + part.start_zyx + (z, 0, 0)
    if diameters[0] == 0:
        ends[:, 2] += (-0.5, 0.5)
    return RecistMark(label, ends.tolist())


def marks_from_labels(labels: Labels, spacing_mm: FloatTriple) -> tuple[RecistMark, ...]:
    """The lines that `mark_from_mask` draws on the tumours of a label map, labels ascending; none if it is empty.

    Parameters
    ----------
    labels : uint8 or uint16 (z, y, x)
    spacing_mm : (z, y, x)
    """
    masks = TumorMasks(labels)
    return tuple(mark_from_mask(masks[label], spacing_mm, label) for label in masks.labels)


def _checked_label(label: int) -> int:
    try:
        number = operator.index(label)
    except TypeError:
        number = 0
    if isinstance(label, bool) or not 1 <= number <= MAX_LABEL:
        raise MarkError(f"a mark's label must be a whole number from 1 to {MAX_LABEL}, got {brief(label)}")
    return number


def _checked_endpoints(label: int, endpoints_zyx: ArrayLike) -> EndpointPair:
    """Two finite points on one slice, apart, in ascending order."""
    ends = np.array(real_array(endpoints_zyx), dtype=np.float64)
    if ends.shape != (2, 3) or not np.isfinite(ends).all():
        raise MarkError(
            f"mark {label}: endpoints must be two points of three finite numbers (z, y, x), "
            f"got {brief(endpoints_zyx)}"
        )
    middle = ends[0, 0] / 2 + ends[1, 0] / 2
    # The nearest slice; halves go towards 0, so that the volume's outer faces, -0.5 and n - 0.5, belong to
    # its first and last slice without knowing n.
    z = math.copysign(math.ceil(abs(middle) - 0.5 - _ROUNDING), middle)
    if np.abs(ends[:, 0] - z).max() > 0.5 + 2 * _ROUNDING:
        raise MarkError(
            f"mark {label}: its endpoints lie on slices z = {ends[0, 0]:g} and z = {ends[1, 0]:g}; "
            f"a RECIST line lies on one axial slice{_plane_hint(ends)}"
        )
    ends[:, 0] = z
    if math.dist(*ends) < _SHORTEST:
        raise MarkError(f"mark {label}: both endpoints are {_text(ends[0])} (z, y, x), a line of length zero")
    start, stop = sorted((a, b, c) for a, b, c in (ends + 0.0).tolist())  # + 0.0 turns -0.0 into 0.0
    return start, stop


def _plane_hint(ends: NDArray[np.float64]) -> str:
    """Why a line may seem to cross slices: its numbers stand in another order, or it was drawn in another plane."""
    same_y, same_x = np.isclose(ends[0, 1:], ends[1, 1:], rtol=0, atol=0.5).tolist()
    if same_x and not same_y:
        return f" (both have x = {ends[0, 2]:g}: x, y, z order, or drawn on a sagittal slice?)"
    if same_y and not same_x:
        return f" (both have y = {ends[0, 1]:g}: axes in another order, or drawn on a coronal slice?)"
    return ""


def _length_mm(line: EndpointPair, spacing_mm: Sequence[float]) -> float:
    start, stop = line
    return math.hypot(*((b - a) * s for a, b, s in zip(start, stop, spacing_mm, strict=True)))


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


def _text(numbers: Sequence[float] | NDArray[np.float64]) -> str:
    return "(" + ", ".join(f"{number:g}" for number in numbers) + ")"
