"""`Case`: one scan with its marks, valid once built."""

from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from lite_ensam.core.errors import ArgumentError, CaseError, brief, printable
from lite_ensam.core.grid import Grid
from lite_ensam.core.nan_background import air_for_nan
from lite_ensam.core.partial_volume import PartialScan, TumorMasks, value_range
from lite_ensam.core.plausibility import intensity_error, intensity_note, pixel_problem, shape_problem
from lite_ensam.core.recist import RecistMark, check_marks, marks_in_sequence
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import CtVolume, Flips, Labels
from lite_ensam.core.voxels import as_ct, as_labels

__all__ = ["Case", "check_hu", "guess_hu"]


@with_short_repr
@dataclass(frozen=True, eq=False)
class Case:
    """A CT, its grid, the marks on it and, if there is one, a reference label map.

    Parameters
    ----------
    ct : CtVolume or PartialScan
        Voxels (z, y, x), any strides; or the crops of a scan that was not kept as a whole. Arrays of int16, uint16,
        uint8 and float32 are kept as they are; other numbers become the first of these that holds them.
    grid : Grid
        Where its voxels lie; the `ScanSource` of `read_ct` is taken, too, and becomes `source`.
    marks : tuple[RecistMark, ...]
        At least one, inside the volume, no two with the same label; those of a `Case` or `Segmentation` of this scan
        are taken, too.
    reference : Labels or None, default None
        Label map (z, y, x) of bool or whole numbers, kept as uint8 or uint16.
    name : str, default ""
        Name for reports; line breaks and other control characters become escapes.
    hu : bool, optional
        True if `ct` is in Hounsfield units, False if it is already windowed to 0-255. If it is left out,
        `guess_hu` decides, unless the source's units are unknown.
    source : ScanSource, optional
        What it was read from: axis order, header, notes; left out, an array with this grid. Doubts about
        intensities, spacing and axis order are added to its notes.

    Raises
    ------
    CaseError
        If `ct` has no real numbers or another shape than its grid, is constant, is neither in HU nor windowed
        (z-scored, [0, 1]), or has a voxel that is infinite, or NaN at a line (it is named; NaN elsewhere becomes
        air, with a note); if `reference` does not fit.
    MarkError
        If the marks do not fit the volume.
    """

    ct: CtVolume | PartialScan
    grid: Grid
    marks: tuple[RecistMark, ...]
    reference: Labels | None = None
    name: str = ""
    # None lives only until __post_init__
    hu: bool = field(default=None)  # type: ignore[assignment]
    source: ScanSource = field(default=None, repr=False)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if not isinstance(self.ct, PartialScan):
            object.__setattr__(self, "ct", as_ct(self.ct, name="ct"))
        place = getattr(self.grid, "source", self.grid)
        if isinstance(place, ScanSource):
            object.__setattr__(self, "grid", place.grid)
            if self.source is None:  # the arrays are (z, y, x), whatever order the image of the source had
                object.__setattr__(self, "source", replace(place, array_axes=None))
        if not isinstance(self.grid, Grid):
            raise CaseError(
                f"grid must be a Grid or a ScanSource, as `read_ct` returns it, got {brief(self.grid)}"
            )
        check_hu(self.hu)
        if self.ct.shape != self.grid.shape_zyx:
            raise CaseError(f"ct has shape {self.ct.shape}, its grid {self.grid.shape_zyx} (z, y, x)")
        object.__setattr__(self, "marks", marks_in_sequence(self.marks, self.grid))
        check_marks(self.marks, self.grid.shape_zyx)
        note = self._fill_nan()
        try:
            low, high = value_range(self.ct)
        except ValueError as error:
            raise CaseError(f"ct: {error}") from None
        if low == high:
            raise CaseError(f"every voxel of the ct is {low:g}: there is nothing to see")
        if not isinstance(self.source, ScanSource | None):
            raise CaseError(f"source must be a ScanSource, as `read_ct` returns it, got {brief(self.source)}")
        if self.source is None or self.source.grid != self.grid:
            object.__setattr__(self, "source", ScanSource(self.grid))
        if self.hu is None:
            self.source.check_units()
        if problem := intensity_error(low, high, self.ct.dtype, self.hu):
            raise CaseError(problem)
        if not isinstance(self.name, str):
            raise CaseError(f"name must be a text, got {brief(self.name)}")
        object.__setattr__(self, "name", printable(self.name))
        if self.reference is not None:
            object.__setattr__(self, "reference", _reference_on(self.grid, self.reference))
        doubts = [note, intensity_note(low, high, self.hu), pixel_problem(self.grid.spacing_mm)]
        if not self.grid.is_oriented:
            doubts.append(shape_problem(self.grid.shape_zyx))
        object.__setattr__(self, "source", self.source.with_notes(doubts))
        if self.hu is None:
            object.__setattr__(self, "hu", _is_hu(low, high))

    def _fill_nan(self) -> str:
        """Air where the scan has NaN away from all lines; a note on it, or an empty text."""
        if isinstance(self.ct, PartialScan):  # readers keep all of a scan with NaN
            return ""
        ct, note = air_for_nan(self.ct, self.marks, self.grid.spacing_mm, self.hu)
        object.__setattr__(self, "ct", ct)
        return note

    def flipped(self, flips_zyx: Flips) -> "Case":
        """Reverse some axes; arrays are views, nothing is copied or checked again.

        Parameters
        ----------
        flips_zyx : Flips
            Whether each axis z, y, x is reversed.

        Returns
        -------
        Case
            The case, whose arrays are views of this one's.
        """
        if not any(flips_zyx):
            return self
        axes, grid = tuple(np.flatnonzero(flips_zyx).tolist()), self.grid.flipped(flips_zyx)
        ct = self.ct.flipped(flips_zyx) if isinstance(self.ct, PartialScan) else np.flip(self.ct, axes)
        turned = copy(self)
        changes = {
            "ct": ct,
            "grid": grid,
            "source": ScanSource(grid),
            "marks": tuple(mark.flipped(flips_zyx, grid.shape_zyx) for mark in self.marks),
            "reference": None if self.reference is None else np.flip(self.reference, axes),
        }
        for name, value in changes.items():
            object.__setattr__(turned, name, value)
        vars(turned).pop("reference_masks", None)  # those of the case as it was
        return turned

    @property
    def volume(self) -> CtVolume:
        """The whole scan; CaseError if only crops of it were kept."""
        if isinstance(self.ct, PartialScan):
            raise CaseError("only crops of this scan were kept when it was read; read_case keeps all of it")
        return self.ct

    @cached_property
    def reference_masks(self) -> TumorMasks:
        """Masks of the reference's tumours; CaseError without a reference."""
        if self.reference is None:
            raise CaseError(f"case {self.name!r} has no reference")
        return TumorMasks(self.reference)


def check_hu(hu: object) -> None:
    """Raise ArgumentError unless `hu` is True, False or None: a text would count as True.

    Parameters
    ----------
    hu : object
        An argument that was given.
    """
    if not isinstance(hu, bool | np.bool_ | None):
        raise ArgumentError(f"hu must be True, False or None, got {brief(hu)}")


def guess_hu(ct: CtVolume | PartialScan) -> bool:
    """Tell whether a scan is in Hounsfield units or already windowed to 0-255.

    A scan is windowed if all its values lie in 0..255: any uint8 scan, FLARE's images. A CT in HU has
    air, lung or fat below 0, or bone or contrast above 255, unless it is a tiny crop
    of soft tissue: then say `hu=True`.

    Parameters
    ----------
    ct : CtVolume or PartialScan
        Voxels of the scan, or some of them with its range.

    Returns
    -------
    bool
        True for Hounsfield units, False for a windowed scan.

    Raises
    ------
    CaseError
        If a voxel is NaN or infinite.

    Examples
    --------
    >>> guess_hu(np.array([[[-1000, 40]]], dtype=np.int16))
    True
    >>> guess_hu(np.array([[[0, 40]]], dtype=np.uint8))
    False
    """
    try:
        return _is_hu(*value_range(ct))
    except ValueError as error:
        raise CaseError(f"ct: {error}") from None


def _is_hu(low: float, high: float) -> bool:
    return low < 0 or high > 255


def _reference_on(grid: Grid, reference: Labels) -> Labels:
    labels = as_labels(reference, "reference")
    if labels.shape != grid.shape_zyx:
        raise CaseError(f"reference has shape {labels.shape}, the ct {grid.shape_zyx} (z, y, x)")
    return labels
