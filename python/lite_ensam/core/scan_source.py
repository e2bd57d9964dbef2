"""The file that a scan was read from: its own axes, and notes for readers of the results."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lite_ensam.core.errors import ArgumentError, CaseError, MarkError, brief
from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import SubVolume, TumorMasks, VoxelBox, as_subvolume, label_part
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import Float64Array, IntTriple, PathLike

__all__ = ["HasSource", "ScanSource", "SourceLike"]


@with_short_repr
@dataclass(frozen=True, eq=False)
class ScanSource:
    """Where a scan's voxels came from, and the way back into that file's own order.

    Everything above `io` sees arrays whose axes are z, y, x in the patient's sense: z runs along the body, y between
    front and back, x between left and right. A file may hold its axes in any order. Reading permutes them (a view;
    nothing is flipped, nothing resampled), writing permutes them back.

    Parameters
    ----------
    grid : Grid
        Where the voxels lie.
    file_axes_zyx : IntTriple, default (2, 1, 0)
        Which axis of the file (0, 1, 2 = i, j, k, the fastest first) is z, y, x here.
    header : Any, default None
        What the file's writer needs to write alike (a NIfTI header), or None.
    notes : tuple[str, ...], default ()
        Sentences for readers of the results: what was chosen, left out, moved or interpolated.
    has_hu : bool, default True
        False if the file does not say how its values become Hounsfield units.
    array_axes : IntTriple or None, default None
        Array axes of an image of another library, which of the axes z, y, x (0, 1, 2) are those of its own
        array, for which the caller gets labels: (2, 1, 0) for nibabel's usual i, j, k. None for arrays (z, y,
        x) and for files.
    inputs : tuple[str, ...], default ()
        Absolute paths of the files and folders that were read. Nothing is written over or into them, but lines
        (`write_marks`) may go into a folder.
    """

    grid: Grid
    file_axes_zyx: IntTriple = (2, 1, 0)
    header: Any = None
    notes: tuple[str, ...] = ()
    has_hu: bool = True
    array_axes: IntTriple | None = None
    inputs: tuple[str, ...] = field(default=(), repr=False)  # names of folders may be those of patients

    @property
    def has_dicom_slices(self) -> bool:
        """Whether the scan was read from DICOM slices, which DICOM objects refer to."""
        return False

    @classmethod
    def of(cls, source: SourceLike) -> ScanSource:
        """Return a source as it is; a grid alone becomes a file in (z, y, x) order, x fastest.

        Parameters
        ----------
        source : SourceLike
            A source, a grid alone, or a scan or result that has a source, such as a `Case` or a `Segmentation`.

        Returns
        -------
        ScanSource
            The source.

        Raises
        ------
        ArgumentError
            If it is neither.
        """
        own: Any = getattr(source, "source", source)
        if not isinstance(own, Grid | ScanSource):
            raise ArgumentError(
                "the scan's geometry must be a Grid, a ScanSource, as `read_ct` returns it, or a Case or Segmentation, "
                f"got {brief(source)}"
            )
        return own if isinstance(own, ScanSource) else ScanSource(own)

    @classmethod
    def from_file_affine(
        cls,
        shape_ijk: Sequence[int],
        affine_ijk: ArrayLike,
        *,
        axes_as_stored: bool = False,
        header: Any = None,
    ) -> Self:
        """Make the source of a file's array.

        Parameters
        ----------
        shape_ijk : Sequence[int]
            The file's shape, fastest axis first.
        affine_ijk : ArrayLike
            Matrix (4, 4) from file index (i, j, k, 1) to world mm (RAS).
        axes_as_stored : bool, default False
            Take k, j, i for z, y, x whatever the affine says.
        header : Any, default None
            Kept for writing.

        Returns
        -------
        Self
            The source.

        Raises
        ------
        CaseError
            If shape or affine make no valid grid.
        """
        in_file_order = Grid.from_affine(tuple(shape_ijk)[::-1], affine_ijk)
        axes = (2, 1, 0) if axes_as_stored else _nearest_axes(in_file_order.affine)
        z, y, x = axes
        affine = np.array(in_file_order.affine)
        affine[:3, :3] = affine[:3, [x, y, z]]
        shape = (shape_ijk[z], shape_ijk[y], shape_ijk[x])
        return cls(Grid.from_affine(shape, affine), axes, header)

    def check_units(self) -> None:
        """Raise CaseError if the file does not say how grey values become HU: a guess would be 1024 HU off."""
        if not self.has_hu:
            raise CaseError(
                "the file does not say how its grey values become HU: say hu=True if they are HU as stored"
            )

    def with_notes(self, notes: Sequence[str]) -> Self:
        """Add notes; empty and repeated ones are left out.

        Parameters
        ----------
        notes : Sequence[str]
            Sentences for readers of the results.

        Returns
        -------
        Self
            A source with these notes after its own.
        """
        new = tuple(note for note in notes if note and note not in self.notes)
        return replace(self, notes=(*self.notes, *new)) if new else self

    def with_inputs(self, *paths: PathLike) -> Self:
        """Add files and folders that were read.

        Parameters
        ----------
        *paths : PathLike
            Their paths.

        Returns
        -------
        Self
            A source that names them.
        """
        return replace(self, inputs=(*self.inputs, *(os.path.abspath(path) for path in paths)))

    @property
    def identifiers(self) -> Mapping[str, str]:
        """Identifiers of the patient and study, by title; empty where the file does not say."""
        return {}

    @property
    def frame_of_reference_uid(self) -> str:
        """FrameOfReferenceUID of DICOM; empty if it is missing."""
        return ""

    @property
    def file_shape(self) -> IntTriple:
        """Shape of the file's array (i, j, k), fastest axis first."""
        i, j, k = (self.grid.shape_zyx[self.file_axes_zyx.index(axis)] for axis in range(3))
        return i, j, k

    @property
    def file_affine(self) -> Float64Array:
        """(4, 4): the file's own affine, index (i, j, k, 1) to world mm (RAS)."""
        affine = np.array(self.grid.affine)
        affine[:3, list(self.file_axes_zyx[::-1])] = self.grid.affine[:3, :3]
        return affine

    def from_file(self, array_kji: NDArray[Any]) -> NDArray[Any]:
        """Permute an array from the file's axis order.

        Parameters
        ----------
        array_kji : NDArray[Any]
            Array in the file's order, slowest axis first (k, j, i).

        Returns
        -------
        NDArray[Any]
            View (z, y, x).
        """
        return array_kji.transpose([2 - axis for axis in self.file_axes_zyx])

    def to_file(self, volume: NDArray[Any]) -> NDArray[Any]:
        """Permute an array into the file's axis order.

        Parameters
        ----------
        volume : NDArray[Any]
            Array (z, y, x).

        Returns
        -------
        NDArray[Any]
            View in the file's order, slowest axis first (k, j, i).
        """
        return volume.transpose([self.file_axes_zyx.index(axis) for axis in (2, 1, 0)])

    def from_array(self, array: NDArray[Any]) -> NDArray[Any]:
        """Permute an array from the caller's axis order.

        Parameters
        ----------
        array : NDArray[Any]
            Array in the caller's order.

        Returns
        -------
        NDArray[Any]
            View (z, y, x).
        """
        return array if self.array_axes is None else array.transpose(np.argsort(self.array_axes))

    def to_array(self, volume: NDArray[Any]) -> NDArray[Any]:
        """Permute an array into the caller's axis order.

        Parameters
        ----------
        volume : NDArray[Any]
            Array (z, y, x).

        Returns
        -------
        NDArray[Any]
            View in the caller's order.
        """
        return volume if self.array_axes is None else volume.transpose(self.array_axes)

    def part_of_labels(self, labels: Any, name: str = "labels") -> SubVolume:
        """Make a label map of this scan, in whatever form a caller has it, a part of the volume (z, y, x).

        Parameters
        ----------
        labels : Any
            A `Segmentation`, a `LabelMap` or a `SubVolume`, which know their order; or an array-like of bool or whole
            numbers in the caller's order, see `from_array`.
        name : str, default "labels"
            Name of the argument, for messages.

        Returns
        -------
        SubVolume
            Part that holds all labels, uint8 or uint16.

        Raises
        ------
        CaseError
            If they are not labels, or have another shape than the scan.
        """
        part = label_part(labels, name)
        if not isinstance(labels, SubVolume) and not hasattr(labels, "labels_zyx"):
            part = as_subvolume(self.from_array(part.voxels))
        if part.whole_shape_zyx != self.grid.shape_zyx:
            raise CaseError(
                f"{name} must have the scan's shape {self.grid.shape_zyx} (z, y, x), got {part.whole_shape_zyx}"
                f"{_other_order(part.whole_shape_zyx, self.grid.shape_zyx)}"
            )
        return part

    def mask_part(self, mask: Any, name: str = "mask") -> SubVolume:
        """Make the mask of one tumour, in whatever form a caller has it, a part of the volume (z, y, x).

        Parameters
        ----------
        mask : Any
            As `part_of_labels` takes it, of bool or with one label.
        name : str, default "mask"
            Name of the argument, for messages.

        Returns
        -------
        SubVolume
            Bool, the smallest box that holds the mask.

        Raises
        ------
        CaseError
            As `part_of_labels`.
        ArgumentError
            If there are several labels: which one is meant is not known.
        """
        masks = TumorMasks(self.part_of_labels(mask, name))
        if len(masks.labels) > 1:
            listed, first = brief(list(masks.labels)), masks.labels[0]
            raise ArgumentError(
                f"{name} must be of one tumour, got labels {listed}: give `labels == {first}`"
            )
        return masks[masks.labels[0] if masks.labels else 1]

    def box_to_file(self, box: VoxelBox) -> VoxelBox:
        """Permute a box into the file's axis order.

        Parameters
        ----------
        box : VoxelBox
            A box of the volume (z, y, x).

        Returns
        -------
        VoxelBox
            The box in the file's order (k, j, i).
        """
        k, j, i = (self.file_axes_zyx.index(axis) for axis in (2, 1, 0))
        start, stop = box
        return (start[k], start[j], start[i]), (stop[k], stop[j], stop[i])

    def points_from_file(self, points_kji: ArrayLike) -> Float64Array:
        """Permute points from the file's axis order.

        Parameters
        ----------
        points_kji : ArrayLike
            File indices (..., 3), slowest axis first (k, j, i).

        Returns
        -------
        Float64Array
            Points (..., 3) in z, y, x.
        """
        points = np.asarray(points_kji, dtype=np.float64)
        return points[..., [2 - axis for axis in self.file_axes_zyx]]

    def points_to_file(self, points_zyx: ArrayLike) -> Float64Array:
        """Permute points into the file's axis order.

        Parameters
        ----------
        points_zyx : ArrayLike
            Points (..., 3) in z, y, x.

        Returns
        -------
        Float64Array
            File indices (..., 3), slowest axis first (k, j, i).
        """
        points = np.asarray(points_zyx, dtype=np.float64)
        return points[..., [self.file_axes_zyx.index(axis) for axis in (2, 1, 0)]]

    @property
    def slices_shape(self) -> IntTriple:
        """Slices, rows and columns of the images that the file's array is a stack of."""
        columns, rows, n_slices = self.file_shape
        return n_slices, rows, columns

    def slice_points_from_world(self, points_mm: ArrayLike) -> Float64Array:
        """Convert world millimetres to slice, row and column.

        Parameters
        ----------
        points_mm : ArrayLike
            World mm (n, 3) in x, y, z (RAS).

        Returns
        -------
        Float64Array
            Slice, row and column (n, 3), with fractions.
        """
        return self.points_to_file(self.grid.mm_to_voxel(points_mm))

    def volume_of_labels(self, slices: NDArray[Any]) -> NDArray[Any]:
        """Turn labels (slice, row, column) into a label map (z, y, x).

        Parameters
        ----------
        slices : NDArray[Any]
            Labels (slice, row, column).

        Returns
        -------
        NDArray[Any]
            Labels (z, y, x).
        """
        return self.from_file(slices)

    def points_of_image(self, uid: str, columns_rows: Float64Array, frame: int = 0) -> Float64Array:
        """Convert points on a DICOM image to voxel indices; MarkError if the scan has no such image.

        Parameters
        ----------
        uid : str
            SOPInstanceUID of the image.
        columns_rows : Float64Array
            Points (n, 2), column and row in pixels, as DICOM gives them.
        frame : int, default 0
            Frame of a multi-frame image, from 1; 0 if none was named.

        Returns
        -------
        Float64Array
            Voxel indices (n, 3) in z, y, x.
        """
        raise MarkError("is drawn on DICOM images: the CT must be read from its DICOM folder")

    def points_from_world(self, points_mm: ArrayLike) -> Float64Array:
        """Convert world millimetres to voxel indices.

        Parameters
        ----------
        points_mm : ArrayLike
            World mm (..., 3) in x, y, z (RAS).

        Returns
        -------
        Float64Array
            Voxel indices (..., 3) in z, y, x.
        """
        return self.grid.mm_to_voxel(points_mm)


class HasSource(Protocol):
    """A scan or a result that knows its source: a `Case`, a `Segmentation`, an `OpenedScan`."""

    @property
    def source(self) -> ScanSource:
        """Where the voxels came from."""


SourceLike: TypeAlias = Grid | ScanSource | HasSource
"""The geometry of a scan, or what has it: `ScanSource.of` takes them all."""


def _other_order(shape: IntTriple, expected: IntTriple) -> str:
    """Advice on an array that has the axes of another order, else an empty text."""
    is_other = shape != expected and sorted(shape) == sorted(expected)
    if not is_other:
        return ""
    return "; pass `result.labels` together with `result.source`, or `result.labels_zyx` together with `result.grid`"


def _nearest_axes(affine_ijk: Float64Array) -> IntTriple:
    """File axes nearest to the world's S/I, A/P and L/R direction, each taken once."""
    columns = affine_ijk[:3, :3] / np.linalg.norm(affine_ijk[:3, :3], axis=0)
    left, _, right = np.linalg.svd(columns)
    shares = np.abs(left @ right)
    world_of_axis = [0, 0, 0]
    # the clearest axis chooses first, so that of two alike each gets one
    for axis in np.argsort(-shares.max(axis=0), kind="stable").tolist():
        world_of_axis[axis] = int(shares[:, axis].argmax())
        shares[world_of_axis[axis]] = -1
    return world_of_axis.index(2), world_of_axis.index(1), world_of_axis.index(0)
