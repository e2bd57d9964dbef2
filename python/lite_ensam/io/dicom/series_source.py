"""`SeriesSource`: a CT that came from DICOM slices, and knows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lite_ensam.core.errors import MarkError, OutputError
from lite_ensam.core.scan_source import ScanSource, SourceLike
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import Float64Array, FloatTriple, IntTriple
from lite_ensam.io.dicom.datasets import Dataset
from lite_ensam.io.dicom.stack import Stack
from lite_ensam.io.outputs import needs_slices

__all__ = ["SeriesSource", "series_of"]

_IDENTIFIERS = {
    "PatientName": "Patient",
    "PatientID": "Patient ID",
    "StudyDate": "Study date",
    "AccessionNumber": "Accession number",
}

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@with_short_repr
@dataclass(frozen=True, eq=False)
class SeriesSource(ScanSource):
    """A `ScanSource` whose file is a series: i is the column, j the row, k the plane.

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
    slices : tuple[Dataset, ...], default ()
        Headers of the slices from below up, without voxels.
    stack : Stack, default None
        Where the slices lie on the grid: slice n is not always plane n.
    images : tuple[Dataset, ...], default ()
        Headers of the files, the one whose patient and study are right first; the slices themselves, or
        multi-frame images whose frames the slices are (ReferencedFrameNumber).
    """

    slices: tuple[Dataset, ...] = ()
    stack: Stack = None  # type: ignore[assignment]  # given by `of_slices`
    images: tuple[Dataset, ...] = ()

    @property
    def has_dicom_slices(self) -> bool:
        """Whether the scan was read from DICOM slices: it was."""
        return True

    @classmethod
    def of_slices(
        cls, slices: Sequence[Dataset], notes: Sequence[str] = (), images: Sequence[Dataset] = ()
    ) -> Self:
        """Make the source of headers that are sorted along their normal; errors as `Stack.of`.

        Parameters
        ----------
        slices : Sequence[Dataset]
            Headers of the slices, sorted along their normal.
        notes : Sequence[str], default ()
            Sentences for readers of the results.
        images : Sequence[Dataset], default ()
            Headers of the images that the slices are from; empty takes the slices.

        Returns
        -------
        Self
            The source.
        """
        stack = Stack.of(slices)
        source = cls.from_file_affine(stack.shape[::-1], _LPS_TO_RAS @ stack.affine_lps)
        return replace(
            source,
            slices=tuple(slices),
            stack=stack,
            images=tuple(images or slices),
            notes=(*notes, *stack.notes()),
        )

    def volume_of_hu(self, slices: NDArray[Any]) -> NDArray[Any]:
        """Turn HU (slice, row, column) into the scan (z, y, x).

        Parameters
        ----------
        slices : NDArray[Any]
            HU (slice, row, column).

        Returns
        -------
        NDArray[Any]
            HU (z, y, x).
        """
        return self.from_file(self.stack.fill(slices))

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
        return self.from_file(self.stack.fill_labels(slices))

    def slices_of(self, volume: NDArray[Any]) -> NDArray[Any]:
        """Turn an array (z, y, x) into values (slice, row, column), on the slices as acquired.

        Parameters
        ----------
        volume : NDArray[Any]
            Array (z, y, x).

        Returns
        -------
        NDArray[Any]
            Values (slice, row, column).
        """
        return self.stack.cut(self.to_file(volume))

    @property
    def slices_shape(self) -> IntTriple:
        """Number of slices, rows and columns, as acquired."""
        return (len(self.slices), *self.stack.slice_shape)

    def slice_points_from_world(self, points_mm: ArrayLike) -> Float64Array:
        """Convert world millimetres to slice, row and column, on the slices as acquired.

        Parameters
        ----------
        points_mm : ArrayLike
            World mm (n, 3) in x, y, z (RAS).

        Returns
        -------
        Float64Array
            Slice, row and column (n, 3), with fractions.
        """
        return self.stack.slices_from_world(np.asarray(points_mm, dtype=np.float64) @ _LPS_TO_RAS[:3, :3])

    @property
    def identifiers(self) -> Mapping[str, str]:
        """Patient, study and accession number, as far as the slices name them."""
        found = {title: str(self.images[0].get(name, "")) for name, title in _IDENTIFIERS.items()}
        return {title: value for title, value in found.items() if value}

    @property
    def series_uid(self) -> str:
        """SeriesInstanceUID."""
        return str(self.slices[0].SeriesInstanceUID)

    @property
    def frame_of_reference_uid(self) -> str:
        """FrameOfReferenceUID, or an empty text where the series has none."""
        return str(self.slices[0].get("FrameOfReferenceUID", ""))

    @cached_property
    def slice_of_uid(self) -> Mapping[str, int]:
        """Number of each slice by its SOPInstanceUID; of the frames of one image the last."""
        return {str(one.SOPInstanceUID): k for k, one in enumerate(self.slices)}

    @cached_property
    def slice_of_frame(self) -> Mapping[tuple[str, int], int]:
        """Number of each slice by SOPInstanceUID and frame; frame 0 is an image that has only one."""
        own = {
            (str(one.SOPInstanceUID), int(one.get("ReferencedFrameNumber", 0))): k
            for k, one in enumerate(self.slices)
        }
        n_frames = Counter(uid for uid, _ in own)
        alone = {(uid, other): k for (uid, _), k in own.items() for other in (0, 1) if n_frames[uid] == 1}
        return alone | own

    @property
    def is_multi_frame(self) -> bool:
        """Whether slices are frames of images."""
        return "ReferencedFrameNumber" in self.slices[0]

    def points_of_image(self, uid: str, columns_rows: Float64Array, frame: int = 0) -> Float64Array:
        """Convert points on one slice to voxel indices.

        Parameters
        ----------
        uid : str
            SOPInstanceUID of the slice.
        columns_rows : Float64Array
            Image coordinates (n, 2): 0, 0 is the upper left corner of the first pixel, whose
            centre is 0.5, 0.5 (PS3.3, C.18.6.1.2).
        frame : int, default 0
            Frame of a multi-frame image, from 1; 0 where none was named.

        Returns
        -------
        Float64Array
            Voxel indices (n, 3) in z, y, x.

        Raises
        ------
        MarkError
            If the slice is not of this series.
        """
        if uid not in self.slice_of_uid:
            raise MarkError("lies on an image that is not in the CT series that was read")
        if (uid, frame) not in self.slice_of_frame:
            which = (
                f"frame {frame} of an image, which is not in this CT" if frame else "no frame of its image"
            )
            raise MarkError(f"lies on {which}, expected one of the frames that were read")
        n = self.slice_of_frame[uid, frame]
        return self.points_from_file(self.stack.from_slice(n, columns_rows[:, ::-1] - 0.5))

    def image_of_points(self, points_zyx: tuple[FloatTriple, ...]) -> tuple[Dataset, Float64Array]:
        """Find the slice that points lie on, and their image coordinates; the inverse of `points_of_image`.

        Parameters
        ----------
        points_zyx : tuple[FloatTriple, ...]
            Voxel indices (n, 3) in z, y, x, all on one slice.

        Returns
        -------
        tuple[Dataset, Float64Array]
            Header of the slice, and image coordinates (n, 2), column and row.

        Raises
        ------
        ValueError
            If they lie on several slices, as lines of a series that was not taken axially may, or between two.
        """
        kji = self.points_to_file(points_zyx)
        found = self.stack.to_slice(kji)
        if found is None:
            raise ValueError(f"points lie on slices {kji[:, 0].tolist()}, expected one of the series")
        n, rows_columns = found
        return self.slices[n], rows_columns[:, ::-1] + 0.5

    def points_to_lps(self, points_zyx: ArrayLike) -> Float64Array:
        """Convert voxel indices to DICOM's world, by the slices as acquired; the inverse of `points_from_world`.

        Parameters
        ----------
        points_zyx : ArrayLike
            Voxel indices (n, 3) in z, y, x.

        Returns
        -------
        Float64Array
            World mm (n, 3) in x, y, z (LPS).
        """
        return self.stack.from_grid(self.points_to_file(points_zyx))

    def points_from_world(self, points_mm: ArrayLike) -> Float64Array:
        """Convert world millimetres to voxel indices, by the slices as acquired.

        Parameters
        ----------
        points_mm : ArrayLike
            World mm (n, 3) in x, y, z (RAS).

        Returns
        -------
        Float64Array
            Voxel indices (n, 3) in z, y, x.
        """
        points_lps = np.asarray(points_mm, dtype=np.float64) @ _LPS_TO_RAS[:3, :3]
        return self.points_from_file(self.stack.from_world(points_lps))


def series_of(source: SourceLike, what: str) -> SeriesSource:
    """Return the DICOM series that a scan came from.

    Parameters
    ----------
    source : SourceLike
        Source of the scan.
    what : str
        Needs it, for the message: "a DICOM SEG".

    Returns
    -------
    SeriesSource
        The source with the headers of its slices.

    Raises
    ------
    OutputError
        If the scan was not read from a DICOM folder.
    """
    own = ScanSource.of(source)
    if not isinstance(own, SeriesSource):
        raise OutputError(needs_slices(what))
    return own
