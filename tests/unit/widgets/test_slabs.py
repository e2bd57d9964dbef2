"""Slabs: as many slices as the millimetres ask for, about the slice that is shown, projected once."""

from __future__ import annotations

import numpy as np
import pytest

from lite_ensam.core.errors import ArgumentError
from lite_ensam.core.grid import Grid
from lite_ensam.widgets import slabs
from lite_ensam.widgets.planes import planes_of
from lite_ensam.widgets.slabs import Slab, VolumeSlices, slab_from_json, slab_range

SHAPE, SPACING = (12, 20, 30), (5.0, 2.0, 1.0)
PLANES = planes_of(Grid.from_spacing(SHAPE, SPACING))
VOLUME = np.random.default_rng(0).integers(-1000, 1000, SHAPE).astype(np.int16)


@pytest.mark.parametrize(
    ("number", "index", "mm", "expected"),
    [
        (0, 6, 5.0, (6, 7)),
        (0, 6, 15.0, (5, 8)),
        (0, 6, 20.0, (5, 9)),
        (0, 6, 1.0, (6, 7)),
        (0, 0, 15.0, (0, 2)),
        (0, 99, 15.0, (10, 12)),
        (1, 10, 10.0, (8, 13)),
        (2, 10, 1000.0, (0, 30)),
    ],
)
def test_a_slab_lies_about_its_slice_and_ends_where_the_scan_does(
    number: int, index: int, mm: float, expected: tuple[int, int]
) -> None:
    assert slab_range(PLANES[number], index, SPACING, Slab("max", mm)) == expected


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize(("how", "project"), [("max", np.max), ("min", np.min), ("mean", np.mean)])
def test_a_slab_is_the_projection_of_its_slices(number: int, how: slabs.How, project: object) -> None:
    shown = VolumeSlices(VOLUME, SPACING).values(PLANES[number], 7, Slab(how, 15.0))
    first, last = slab_range(PLANES[number], 7, SPACING, Slab(how, 15.0))
    expected = project(VOLUME.take(range(first, last), axis=number), axis=number)  # type: ignore[operator]
    assert last - first > 1
    np.testing.assert_allclose(shown, expected, rtol=1e-6)


def test_a_single_slice_is_not_copied() -> None:
    shown = VolumeSlices(VOLUME, SPACING).values(PLANES[0], 3)
    assert np.shares_memory(shown, VOLUME)
    np.testing.assert_array_equal(shown, VOLUME[3])


def test_another_window_needs_no_other_projection(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, ...]] = []
    project = slabs.projected

    def counted(volume: np.ndarray, *place: int) -> np.ndarray:
        made.append(place)
        return project(volume, *place)  # type: ignore[arg-type,call-arg]

    monkeypatch.setattr(slabs, "projected", counted)
    slices = VolumeSlices(VOLUME, SPACING)
    for _ in range(3):
        slices.values(PLANES[0], 6, Slab("max", 25.0))
    assert len(made) == 1
    for index in range(12):  # all of the scan is in each: one MIP, however far the reader scrolls
        slices.values(PLANES[0], index, Slab("max", 1000.0))
    assert len(made) == 2
    for index in range(2, 10):
        slices.values(PLANES[1], index, Slab("max", 10.0))
    assert len(slices._slabs._kept) == 8, "no more memory than a few slices"


@pytest.mark.parametrize(
    "bad",
    [
        3,
        "max",
        [],
        {},
        {"how": "max"},
        {"how": "sum", "mm": 3},
        *({"how": "max", "mm": mm} for mm in (0, -1, 1001, "3", None, True, float("nan"))),
    ],
)
def test_what_is_no_slab_is_refused(bad: object) -> None:
    with pytest.raises(ArgumentError, match="slab must be null or have"):
        slab_from_json(bad)


def test_a_slab_comes_as_json() -> None:
    assert slab_from_json(None) is None
    assert slab_from_json({"how": "mean", "mm": 7}) == Slab("mean", 7.0)
