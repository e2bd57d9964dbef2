"""`SeriesGrid`: the grid of a CT that came from DICOM slices, and knows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lite_ensam._typing import Floats, FloatTriple
from lite_ensam.errors import MarkError
from lite_ensam.io.dicom.datasets import Dataset, lps_to_ras
from lite_ensam.io.file_grid import FileGrid

__all__ = ["SeriesGrid"]


@dataclass(frozen=True, eq=False)
class SeriesGrid(FileGrid):
    """A `FileGrid` whose file is a series: i is the column, j the row, k the slice.

    Parameters
    ----------
    slices : headers of the slices in the order of k, without voxels
    notes : what a reader of the result should know: which series was chosen, what was left out
    """

    slices: tuple[Dataset, ...] = ()
    notes: tuple[str, ...] = ()

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
        """k of each SOPInstanceUID."""
        return {str(one.SOPInstanceUID): k for k, one in enumerate(self.slices)}

    def points_of_image(self, uid: str, columns_rows: Floats) -> Floats:
        """Voxel indices (n, 3) in z, y, x of points on one slice.

        Parameters
        ----------
        uid : SOPInstanceUID of the slice
        columns_rows : (n, 2) image coordinates: 0, 0 is the upper left corner of the first pixel, whose centre
            is 0.5, 0.5 (PS3.3, C.18.6.1.2)

        Raises
        ------
        MarkError
            If the slice is not of this series.
        """
        if uid not in self.slice_of_uid:
            raise MarkError(f"lies on image {uid}, which is not in the CT series {self.series_uid}")
        k = np.full(len(columns_rows), float(self.slice_of_uid[uid]))
        return self.points_from_file(np.column_stack([k, columns_rows[:, 1] - 0.5, columns_rows[:, 0] - 0.5]))

    def image_of_points(self, points_zyx: tuple[FloatTriple, ...]) -> tuple[Dataset, Floats]:
        """The slice that points lie on, and their image coordinates (n, 2); the way back of `points_of_image`.

        Raises
        ------
        ValueError
            If they lie on several slices, as lines of a series that was not taken axially may.
        """
        kji = self.points_to_file(points_zyx)
        k = np.rint(kji[:, 0]).astype(int)
        if np.ptp(kji[:, 0]) > 1e-3 or not 0 <= k[0] < len(self.slices):
            raise ValueError(f"points lie on slices {kji[:, 0].tolist()}, expected one of the series")
        return self.slices[k[0]], kji[:, [2, 1]] + 0.5

    def points_of_world(self, points_lps: Floats) -> Floats:
        """Voxel indices (n, 3) in z, y, x of DICOM's patient coordinates (n, 3) in mm."""
        return self.mm_to_voxel(lps_to_ras(points_lps))
