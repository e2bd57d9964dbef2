"""Borders that snap to the edge in the scan: right volumes, whatever the network drew; no tumour lost or eaten."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from lite_ensam.core.errors import LiteEnsamError
from lite_ensam.core.partial_volume import as_subvolume
from lite_ensam.core.recist import RecistMark
from lite_ensam.segmentation.edge_refinement import refine_to_image_edge
from lite_ensam.segmentation.painting import Painting, TumorLogits, paint_tumors
from lite_ensam.segmentation.patch_plan import Placement
from lite_ensam.segmentation.predictor import Predictor
from lite_ensam.segmentation.shared_tumors import shared_tumor_notes

SHAPE, SPACING = (24, 64, 64), (2.0, 1.0, 1.0)
RADIUS_MM, SIDE = 8.0, 48
BALL_ML = 4 / 3 * np.pi * RADIUS_MM**3 / 1000


def distance_mm(x: float) -> np.ndarray:
    """Of each voxel from (12, 32, x)."""
    return np.linalg.norm((np.stack(np.indices(SHAPE), axis=-1) - (12, 32, x)) * SPACING, axis=-1)


def scan(*balls: tuple[float, float], around: float = -800.0, noise: float = 20.0) -> np.ndarray:
    """Balls of RADIUS_MM, each (x, HU), with blurred borders."""
    hu = np.full(SHAPE, around)
    for x, inside in balls:
        hu[distance_mm(x) <= RADIUS_MM] = inside
    blurred = ndimage.gaussian_filter(hu, (0.3, 0.6, 0.6))
    return np.rint(blurred + np.random.default_rng(0).normal(0, noise, SHAPE)).astype(np.int16)


def patch_distance(place: Placement, side: int, x: float) -> np.ndarray:
    """Of each voxel of a patch from (12, 32, x), in mm."""
    voxels = place.to_volume(np.stack(np.indices((side,) * 3), axis=-1))
    return np.asarray(np.linalg.norm((voxels - (12, 32, x)) * SPACING, axis=-1))


def tumor(label: int, x: float, too_wide_mm: float) -> TumorLogits:
    """What a network says of a ball that it takes for larger than it is."""
    mark = RecistMark(label, ((12, 32, x - RADIUS_MM), (12, 32, x + RADIUS_MM)))
    place = Placement.lesion_placement(mark.endpoints_zyx, SPACING, SHAPE, 2.5, SIDE)
    logits = RADIUS_MM + too_wide_mm - patch_distance(place, SIDE, x)
    return TumorLogits(mark, logits.astype(np.float32), place)


def snapped(ct: np.ndarray, *tumors: TumorLogits) -> tuple[Painting, Painting]:
    painting = paint_tumors(tumors, SPACING)
    return painting, refine_to_image_edge(painting, tumors, ct, SPACING)


def volume_error(painting: Painting, label: int = 1) -> float:
    return float((painting.labels == label).sum() * np.prod(SPACING) / 1000 / BALL_ML - 1)


CONTRASTS = pytest.mark.parametrize(
    ("inside", "around", "noise"), [(30, -860, 10), (72, 112, 10), (95, 50, 15)]
)


@CONTRASTS
@pytest.mark.parametrize("too_wide_mm", [0.0, 1.2])
def test_volumes_are_right_where_the_mask_was_too_large(
    inside: float, around: float, noise: float, too_wide_mm: float
) -> None:
    before, after = snapped(scan((32, inside), around=around, noise=noise), tumor(1, 32, too_wide_mm))
    assert volume_error(before) >= 0.5 or not too_wide_mm
    assert abs(volume_error(after)) <= 0.07


@CONTRASTS
def test_volumes_are_less_wrong_where_the_mask_was_too_small(
    inside: float, around: float, noise: float
) -> None:
    before, after = snapped(scan((32, inside), around=around, noise=noise), tumor(1, 32, -1.2))
    assert volume_error(before) < -0.3
    assert abs(volume_error(after)) < 0.5 * abs(volume_error(before))


def test_touching_tumours_keep_to_their_own_voxels() -> None:
    tumors = tumor(1, 24, 1.5), tumor(2, 40, 1.5)
    before, after = snapped(scan((24, 40), (40, 90)), *tumors)
    for own, other in ((1, 2), (2, 1)):
        assert not ((after.labels == own) & (before.labels == other)).any()
        assert abs(volume_error(after, own)) <= 0.06
    turned = refine_to_image_edge(before, tumors[::-1], scan((24, 40), (40, 90)), SPACING)
    np.testing.assert_array_equal(turned.labels, after.labels)


def test_a_tumour_claims_nothing_on_slices_that_its_mark_excludes() -> None:
    low, high = tumor(1, 32, 1.5), tumor(2, 32, 1.5)
    low = replace(low, mark=replace(low.mark, last_slice=12))
    ends = tuple((14.0, y, x) for _, y, x in high.mark.endpoints_zyx)
    high = replace(high, mark=replace(high.mark, endpoints_zyx=ends, first_slice=13))
    _, after = snapped(scan((32, 40)), low, high)
    _, whole = snapped(scan((32, 40)), tumor(1, 32, 1.5))
    assert set(np.unique(after.labels[:13])) == {0, 1}
    assert set(np.unique(after.labels[13:])) == {0, 2}
    assert (after.labels > 0).sum() == pytest.approx((whole.labels > 0).sum(), rel=0.03)
    _, alone = snapped(scan((32, 40)), low)
    assert not alone.labels[13:].any()
    assert shared_tumor_notes([low, high]) == []
    assert shared_tumor_notes([tumor(1, 32, 1.5), tumor(2, 32.5, 1.5)]) != []


def test_a_border_that_cannot_be_seen_stays() -> None:
    before, after = snapped(scan((32, 60), around=50, noise=20), tumor(1, 32, 1.2))
    np.testing.assert_array_equal(after.labels, before.labels)


def test_a_mask_that_fills_a_small_scan_stays() -> None:
    shape = (3, 12, 12)
    mark = RecistMark(1, ((1, 6, 1), (1, 6, 10)))
    place = Placement.lesion_placement(mark.endpoints_zyx, SPACING, shape, 2.5, 16)
    tumors = (TumorLogits(mark, np.ones((16, 16, 16), np.float32), place),)
    before = paint_tumors(tumors, SPACING)
    assert (before.labels == 1).all()
    ct = np.random.default_rng(0).normal(0, 20, shape).astype(np.float32)
    np.testing.assert_array_equal(refine_to_image_edge(before, tumors, ct, SPACING).labels, before.labels)


@pytest.mark.parametrize("x", [32, 2])
def test_a_tumour_of_a_voxel_or_at_the_scans_border_does_not_vanish(x: float) -> None:
    before, after = snapped(scan((32, 40)), tumor(1, x, 0.5 - RADIUS_MM))
    assert ((before.labels == 1) & (after.labels == 1)).any()


def test_a_small_tumour_beside_a_wall_does_not_become_the_wall() -> None:
    shape = (9, 24, 24)
    place = np.stack(np.indices(shape), axis=-1)
    distance = np.linalg.norm((place - (4, 12, 8)) * SPACING, axis=-1)
    wall = place[..., 2] >= 12
    ct = np.where((distance <= 1.3) | wall, 40.0, -800.0) + np.random.default_rng(1).normal(0, 10, shape)
    mark = RecistMark(1, ((4, 12, 7), (4, 12, 9)))
    cube = Placement.lesion_placement(mark.endpoints_zyx, SPACING, shape, 6.0, 24)
    voxels = cube.to_volume(np.stack(np.indices((24,) * 3), axis=-1))
    logits = 2.6 - np.linalg.norm((voxels - (4, 12, 8)) * SPACING, axis=-1)
    tumors = (TumorLogits(mark, logits.astype(np.float32), cube),)
    after = (
        refine_to_image_edge(paint_tumors(tumors, SPACING), tumors, ct.astype(np.float32), SPACING).labels
        == 1
    )
    assert after[4, 12, 8]
    assert not (after & wall).any()


def test_parts_of_a_mask_that_cannot_be_seen_stay_apart() -> None:
    one = tumor(1, 32, 0.0)
    logits = np.maximum(*(2.5 - patch_distance(one.placement, SIDE, x) for x in (26, 38)))
    tumors = (TumorLogits(one.mark, logits.astype(np.float32), one.placement),)
    apart = paint_tumors(tumors, SPACING)
    assert ndimage.label(apart.labels)[1] == 2
    ct = scan(around=50.0)
    np.testing.assert_array_equal(refine_to_image_edge(apart, tumors, ct, SPACING).labels, apart.labels)


def drawn(labels: np.ndarray, *columns: int) -> tuple[Painting, list[TumorLogits]]:
    """A label map as it is, of lines of 30 mm along y in some columns."""
    tumors = []
    for label, x in enumerate(columns, start=1):
        mark = RecistMark(label, ((12, 17, x), (12, 47, x)))
        place = Placement.lesion_placement(mark.endpoints_zyx, SPACING, SHAPE, 2.5, SIDE)
        tumors.append(TumorLogits(mark, np.zeros((SIDE,) * 3, np.float32), place))
    return Painting(as_subvolume(labels), {}), tumors


def test_small_tumours_do_not_jump_to_a_vessel_between_them_and_vanish() -> None:
    labels = np.zeros(SHAPE, np.uint16)
    labels[12, 32, 28], labels[12, 32, 33] = 1, 2
    ct = np.full(SHAPE, -800, np.int16)
    ct[labels > 0] = 40
    ct[11:14, 31:34, 30:32] = 40
    before, tumors = drawn(labels, 28, 33)
    after = refine_to_image_edge(before, tumors, ct, SPACING).labels
    assert (after[12, 32, 28], after[12, 32, 33]) == (1, 2)


@pytest.mark.parametrize("gap", [0, 2])
def test_two_tumours_in_one_bright_body_keep_their_frontier(gap: int) -> None:
    column = np.broadcast_to(np.arange(SHAPE[2]), SHAPE)
    labels = np.where(column < 32, 1, 2).astype(np.uint16)
    labels[(column >= 32) & (column < 32 + gap)] = 0
    body = distance_mm(32) <= RADIUS_MM
    labels[~body] = 0
    before, tumors = drawn(labels, 28, 36)
    after = refine_to_image_edge(before, tumors, scan((32, 40)), SPACING).labels
    # neither takes from the other, and what both could take is left to neither
    inside = distance_mm(32) <= RADIUS_MM - 3
    np.testing.assert_array_equal(after[inside], labels[inside])


def test_a_dark_voxel_does_not_shrink_a_small_tumour() -> None:
    labels = (distance_mm(32) <= 2.5).astype(np.uint16)
    ct = np.where(labels == 1, 40, -800).astype(np.int16)
    ct[12, 32, 33] = -800
    mark = RecistMark(1, ((12, 32, 29.5), (12, 32, 34.5)))
    place = Placement.lesion_placement(mark.endpoints_zyx, SPACING, SHAPE, 2.5, SIDE)
    tumors = [TumorLogits(mark, np.zeros((SIDE,) * 3, np.float32), place)]
    after = refine_to_image_edge(Painting(as_subvolume(labels), {}), tumors, ct, SPACING)
    np.testing.assert_array_equal(after.labels, labels)


def test_a_piece_that_touches_by_a_corner_belongs_to_the_tumour() -> None:
    labels, ct = np.zeros(SHAPE, np.uint16), np.full(SHAPE, -800, np.int16)
    labels[8:17, 26:36, 26:36] = 1
    ct[labels == 1] = 40
    ct[10:15, 36:38, 36:38] = 40
    before, tumors = drawn(labels, 31)
    after = refine_to_image_edge(before, tumors, ct, SPACING).labels
    assert (after[11:14, 36:38, 36:38] == 1).all()


def test_voxels_of_a_mask_beyond_its_patch_stay() -> None:
    labels = np.zeros(SHAPE, np.uint16)
    labels[distance_mm(12) <= RADIUS_MM + 1.2] = 1
    labels[12, 32, 63] = 1
    before, tumors = drawn(labels, 12)
    after = refine_to_image_edge(before, tumors, scan((12, 40)), SPACING).labels
    assert after[12, 32, 63] == 1
    assert (after == 1).sum() < (labels == 1).sum()


def test_other_borders_are_refused() -> None:
    backend: Any = None
    with pytest.raises(LiteEnsamError, match="border must be one of readers, edge, got 'sharp'"):
        Predictor(backend, border="sharp")  # type: ignore[arg-type]


@pytest.mark.parametrize("darker", [-860.0, -90.0])
def test_a_tumour_stops_at_what_is_darker_and_at_what_is_brighter(darker: float) -> None:
    """The mean of lung and of a bright aorta is about as bright as the tumour: each needs its own threshold."""
    ball, far = distance_mm(32) <= RADIUS_MM, np.indices(SHAPE)[2] > 32 + 0.6 * RADIUS_MM
    hu = np.where(far, 210.0, darker)
    hu[ball & ~far] = 45
    noise = np.random.default_rng(1).normal(0, 12, SHAPE)
    ct = np.rint(ndimage.gaussian_filter(hu, (0.3, 0.6, 0.6)) + noise).astype(np.int16)
    before, after = snapped(ct, tumor(1, 32, 1.0))
    true = ball & ~far
    assert (before.labels > 0).sum() > 1.5 * true.sum()
    wrong = (after.labels > 0) ^ true
    assert wrong.sum() <= 0.12 * true.sum()
