"""The tools of a hand on a viewer's masks, for its buttons and for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import ArgumentError, MarkError, brief
from lite_ensam.core.grid import Grid
from lite_ensam.core.number_kinds import is_real
from lite_ensam.core.partial_volume import SubVolume, TumorMasks
from lite_ensam.core.recist import RecistMark, voxel_of
from lite_ensam.core.types import FloatTriple, Mask, int_triple
from lite_ensam.widgets.hand_edits import Tool, tool_edit_json
from lite_ensam.widgets.mask_tools import border_shift_mm, fill_between, keep_parts, smooth
from lite_ensam.widgets.segmenter import LesionSegmenter

__all__ = ["MOST_SMOOTH_MM", "PLANES", "Hand"]

PLANES = ("axial", "coronal", "sagittal")
MOST_SMOOTH_MM = 20.0


class Edited(Protocol):
    """The part of a `RecistViewer` that `Hand` uses."""

    edits: Any

    @property
    def marks(self) -> Any:
        """The lines."""

    @property
    def grid(self) -> Grid:
        """Of the scan."""

    @property
    def segmenter(self) -> LesionSegmenter:
        """Masks of the lines."""

    def settled(self) -> AbstractContextManager[None]:
        """Inside, lines and masks belong together."""


class Hand:
    """Edits of a viewer's masks by hand. Each call is one step of `viewer.edits`, which the browser can undo.

    Parameters
    ----------
    viewer : Edited
        Viewer whose masks are edited, see `RecistViewer.hand`.

    Examples
    --------
    >>> from lite_ensam.datasets.phantom import make_phantom
    >>> from lite_ensam.widgets import RecistViewer
    >>> case = make_phantom()
    >>> viewer = RecistViewer(case.ct, grid=case.grid, marks=case.marks[:1])
    >>> viewer.hand.remove_islands(1)
    'Lesion 1 has no islands: it is one piece'
    >>> viewer.hand.paint(1, [(38, 68, 37), (38, 68, 45)], radius_mm=4, erase=True, ball=True)
    >>> [edit["tool"] for edit in viewer.edits]
    ['eraser']
    """

    def __init__(self, viewer: Edited) -> None:
        self._viewer = viewer

    def paint(
        self,
        label: int,
        path_zyx: Iterable[Sequence[float]],
        radius_mm: float,
        *,
        erase: bool = False,
        ball: bool = False,
        plane: str = "axial",
    ) -> None:
        """Draw one stroke of the brush, or of the eraser.

        Parameters
        ----------
        label : int
            Label of the lesion.
        path_zyx : Iterable[Sequence[float]]
            Voxel indices along the stroke, all on one slice of the plane.
        radius_mm : float
            Radius of the brush in mm.
        erase : bool, default False
            Whether voxels are taken from the lesion instead of given to it.
        ball : bool, default False
            Whether the stroke is a ball that reaches equally far across slices, instead of a disc on one
            slice.
        plane : str, default "axial"
            "axial", "coronal" or "sagittal".

        Raises
        ------
        LiteEnsamError
            If no lesion has this label, or if the stroke leaves its slice or the scan.
        """
        points = np.array([list(point) for point in path_zyx], dtype=np.float64)
        cut = _axis_of(plane)
        if points.ndim != 2 or points.shape[1] != 3 or (points[:, cut] != points[0, cut]).any():
            raise ArgumentError(
                f"path_zyx must be points (z, y, x) on one {plane} slice, got {brief(points.tolist())}"
            )
        with self._viewer.settled():
            self._mark(label)
            stroke = {
                "label": label,
                "tool": "eraser" if erase else "brush",
                "plane": cut,
                "index": int(points[0, cut]),
                "radius_mm": float(radius_mm),
                "ball": ball,
                "path": np.delete(points, cut, axis=1).tolist(),
            }
            self._viewer.edits = [*self._viewer.edits, stroke]

    def fill_between(self, label: int, plane: str | None = None) -> str:
        """Draw the slices between those that were painted by hand from these (`mask_tools.fill_between`).

        Slices between two that were painted on the plane are replaced; those that are empty, between a painted slice
        and the nearest one of the mask, are filled too. No other lesion loses a voxel.

        Parameters
        ----------
        label : int
            Label of the lesion.
        plane : str or None, default None
            "axial", "coronal" or "sagittal"; None takes the plane of the last stroke.

        Returns
        -------
        str
            What was done, in a sentence.
        """
        with self._viewer.settled():
            mark = self._mark(label)
            painted = [
                edit
                for edit in self._viewer.edits
                if edit["label"] == label and edit["tool"] in ("brush", "eraser") and not edit["ball"]
            ]
            axis = _axis_of(plane) if plane else painted[-1]["plane"] if painted else 0
            name, before = PLANES[axis], self._mask(label, [2, 2, 2])
            slices = {edit["index"] for edit in painted if edit["plane"] == axis}
            filled = _between(slices, before, axis, self._spacing) & (before.voxels | self._free(before))
            if not self._keep(mark, "fill", before, filled):
                return (
                    f"Nothing to fill: paint lesion {label} on two {name} slices, with others between them, "
                    "by the brush that is not 3D"
                )
            changed = np.flatnonzero((filled != before.voxels).any(axis=tuple({0, 1, 2} - {axis})))
            first, last = (int(n) + before.start_zyx[axis] + 1 for n in changed[[0, -1]])
            return f"Lesion {label} was filled on {name} slices {first} to {last}"

    def remove_islands(self, label: int) -> str:
        """Keep the part of a mask that holds its line, and those with a + click; what was done, as a sentence.

        Where no part does, the largest is kept.
        """
        with self._viewer.settled():
            mark = self._mark(label)
            before = self._mask(label, [0, 0, 0])
            kept, n_islands = keep_parts(before.voxels, _known_voxels(mark) - before.start_zyx)
            gone = int(np.count_nonzero(before.voxels) - np.count_nonzero(kept))
            if not self._keep(mark, "islands", before, kept):
                return f"Lesion {label} has no islands: it is one piece"
            volume = gone * float(np.prod(self._spacing)) / 1000
            islands = "1 island" if n_islands == 1 else f"{n_islands} islands"
            return f"Lesion {label} lost {islands}, {gone} voxels ({volume:.2f} ml)"

    def smooth(self, label: int, mm: float = 2.0) -> str:
        """Smooth the border of a mask and keep its volume (`mask_tools.smooth`); what was done, as a sentence.

        Parameters
        ----------
        label : int
            Label of the lesion.
        mm : float, default 2.0
            Standard deviation of the Gaussian in mm; bumps and notches narrower than about twice this
            disappear.

        Raises
        ------
        ArgumentError
            If `mm` is not above 0 and at most 20.
        """
        if not (is_real(mm) and 0 < mm <= MOST_SMOOTH_MM):
            raise ArgumentError(f"mm must be above 0 and at most {MOST_SMOOTH_MM:g}, got {brief(mm)}")
        with self._viewer.settled():
            mark = self._mark(label)
            before = self._mask(label, np.ceil(3 * mm / np.array(self._spacing)).astype(int).tolist())
            after = smooth(before.voxels, self._free(before) & _told(mark, before), self._spacing, mm)
            if not self._keep(mark, "smooth", before, after):
                return f"Lesion {label} is as smooth as that already"
            moved = border_shift_mm(before.voxels, after, self._spacing)
            volume = np.count_nonzero(after) * float(np.prod(self._spacing)) / 1000
            return (
                f"Lesion {label} was smoothed by {mm:g} mm: its border moved by up to {moved:.1f} mm, "
                f"its volume is {volume:.2f} ml as before"
            )

    @property
    def _spacing(self) -> FloatTriple:
        return self._viewer.grid.spacing_mm

    def _mark(self, label: int) -> RecistMark:
        """The mark of a lesion that has a mask to edit."""
        painting = self._viewer.segmenter.painting
        marks: dict[int, RecistMark] = {mark.label: mark for mark in self._viewer.marks}
        shown = {row.label for row in self._viewer.segmenter.measurements}
        if painting is None or label not in marks or label not in shown:
            raise MarkError(f"lesion {label} has no mask to edit: segment or accept it first")
        return marks[label]

    def _mask(self, label: int, margin_zyx: Sequence[int]) -> SubVolume:
        """A lesion's mask on its box with a margin, as far as the scan reaches."""
        painting = self._viewer.segmenter.painting
        assert painting is not None  # `_mark` was asked
        mask = TumorMasks(painting.part)[label]
        start = np.maximum(np.subtract(mask.start_zyx, margin_zyx), 0)
        stop = np.minimum(np.add(mask.stop_zyx, margin_zyx), mask.whole_shape_zyx)
        box = int_triple(start), int_triple(stop)
        return SubVolume(mask.on(box), box[0], mask.whole_shape_zyx)

    def _free(self, mask: SubVolume) -> Mask:
        """Where in a mask's box no lesion is."""
        painting = self._viewer.segmenter.painting
        assert painting is not None  # `_mark` was asked
        free: Mask = painting.part.on((mask.start_zyx, mask.stop_zyx)) == 0
        return free

    def _keep(self, mark: RecistMark, tool: Tool, before: SubVolume, after: Mask) -> bool:
        """Add the step; whether it changed anything."""
        edit = tool_edit_json(mark.label, tool, before, after)
        if edit is not None:
            self._viewer.edits = [*self._viewer.edits, edit]
        return edit is not None


def _axis_of(plane: str) -> int:
    if plane not in PLANES:
        raise ArgumentError(f"plane must be one of {', '.join(PLANES)}, got {brief(plane)}")
    return PLANES.index(plane)


def _between(painted: set[int], mask: SubVolume, axis: int, spacing_mm: FloatTriple) -> Mask:
    """The mask with the slices between painted ones, then the empty ones that lie next to a painted one."""
    others = tuple({0, 1, 2} - {axis})
    here = {n - mask.start_zyx[axis] for n in painted}
    there = np.flatnonzero(mask.voxels.any(axis=others)).tolist()
    filled = fill_between(mask.voxels, [n for n in there if n in here], axis, spacing_mm)
    for ends in pairwise(np.flatnonzero(filled.any(axis=others)).tolist()):
        if here.intersection(ends):
            filled = fill_between(filled, ends, axis, spacing_mm)
    return filled


def _known_voxels(mark: RecistMark) -> NDArray[np.int64]:
    """Voxels along a lesion's line, and those of its + clicks; int (n, 3)."""
    one, other = np.array(mark.endpoints_zyx)
    steps = np.linspace(0, 1, 2 * int(np.abs(other - one).max()) + 2)[:, None]
    on_line = np.rint(one + steps * (other - one)).astype(np.int64)
    clicked = [voxel_of(point) for point in mark.inside_zyx]
    return np.concatenate([on_line, np.array(clicked, dtype=np.int64).reshape(-1, 3)])


def _told(mark: RecistMark, mask: SubVolume) -> Mask:
    """Where a lesion may be: not beyond its slices, not on a - click."""
    allowed = np.ones(mask.voxels.shape, np.bool_)
    z = np.arange(mask.start_zyx[0], mask.stop_zyx[0])
    if mark.first_slice is not None:
        allowed[z < mark.first_slice] = False
    if mark.last_slice is not None:
        allowed[z > mark.last_slice] = False
    for point in mark.outside_zyx:
        voxel = np.subtract(voxel_of(point), mask.start_zyx)
        if ((voxel >= 0) & (voxel < allowed.shape)).all():
            allowed[tuple(voxel)] = False
    return allowed
