"""NaN away from all lines is air and is said; at a line it is refused."""

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark

GRID = Grid.from_spacing((10, 40, 40), (2.5, 1.0, 1.0))
MARK = RecistMark(3, ((5, 20, 16), (5, 20, 24)))  # 8 mm about (5, 20, 20)


def scan(*nan: tuple[int, int, int] | tuple[slice, ...], low: float = -900, high: float = 200) -> np.ndarray:
    ct = np.random.default_rng(0).uniform(low, high, GRID.shape_zyx).astype(np.float32)
    for place in nan:
        ct[place] = np.nan
    return ct


@pytest.mark.parametrize(("low", "air"), [(-900, -1000), (1, 0)])
def test_far_away_it_is_air(low: float, air: float) -> None:
    ct = scan(np.s_[:, :4], low=low)
    case = Case(ct, GRID, (MARK,))
    assert (case.volume[:, :4] == air).all()
    np.testing.assert_array_equal(case.volume[:, 4:], ct[:, 4:])
    assert case.source.notes == (
        f"10 % of the scan's voxels are NaN, away from all lines: they are taken for air ({air})",
    )
    assert np.isnan(ct[0, 0, 0])  # the caller's array is as it was


@pytest.mark.parametrize("voxel", [(5, 20, 20), (5, 13, 20), (2, 20, 20), (8, 20, 21)])
def test_at_a_line_it_is_refused(voxel: tuple[int, int, int]) -> None:
    with pytest.raises(
        CaseError,
        match=rf"voxel \(z, y, x\) = \({voxel[0]}, {voxel[1]}, {voxel[2]}\) is NaN, at the line of mark 3",
    ):
        Case(scan(voxel), GRID, (MARK,))


@pytest.mark.parametrize("voxel", [(5, 11, 20), (1, 20, 20), (9, 20, 20)])
def test_a_line_s_length_away_it_is_not(voxel: tuple[int, int, int]) -> None:
    assert Case(scan(voxel), GRID, (MARK,)).volume[voxel] == -1000


def test_infinite_voxels_and_scans_of_nothing_are_refused() -> None:
    ct = scan(np.s_[:, :4])
    ct[0, 30, 30] = np.inf
    with pytest.raises(CaseError, match=r"\(0, 30, 30\) is infinite"):
        Case(ct, GRID, (MARK,))
    with pytest.raises(CaseError, match="is NaN"):
        Case(np.full(GRID.shape_zyx, np.nan, np.float32), GRID, (MARK,))
