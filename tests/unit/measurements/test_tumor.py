"""Numbers of masks whose numbers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lite_ensam.core.errors import LiteEnsamError
from lite_ensam.core.partial_volume import PartialScan, SubVolume
from lite_ensam.core.recist import RecistMark, marks_from_labels, sphere_mask
from lite_ensam.io import read_case
from lite_ensam.measurements import measure

SPACING = (2.0, 0.5, 0.5)
MARK = RecistMark(4, ((10, 40, 20), (10, 40, 60)))


def test_what_cannot_be_measured_is_named() -> None:
    labels = sphere_mask(MARK, (20, 80, 80), SPACING).astype(np.uint16) * 4
    hole = np.zeros(labels.shape, np.float32)
    hole[10, 40, 40] = np.nan
    outside = RecistMark(4, ((30, 40, 20), (30, 40, 60)))
    for given, words in (
        ((labels, [MARK], SPACING, hole), "ct must be a number in every voxel of tumour 4, got NaN"),
        (
            (labels, [MARK], SPACING, np.ma.masked_equal(hole + labels, 4)),
            "ct must not contain masked values; fill them first",
        ),
        ((labels, [MARK], SPACING, "ct.nii"), r"ct must be an array \(z, y, x\)"),
        ((labels, [MARK], 1.0), r"spacing_mm must be three positive numbers of mm \(z, y, x\), got 1\.0"),
        ((labels, [MARK]), "spacing_mm is missing"),
        ((labels,), "marks is missing"),
        ((labels, [MARK], SPACING, None, "no"), "hu must be True, False or None, got 'no'"),
        ((labels, [outside], SPACING), r"mark 4: endpoint \(30, 40, 20\) .* lies outside"),
        ((labels * 0.3, [MARK], SPACING), r"labels must be whole numbers from 0 to 65535, got 1\.2"),
        (
            (-labels.astype(np.int16), [MARK], SPACING),
            "labels must be whole numbers from 0 to 65535, got -4 to 0",
        ),
        ((labels.astype(complex), [MARK], SPACING), "labels must be whole numbers, got complex128"),
        ((np.ma.masked_equal(labels, 4), [MARK], SPACING), "labels must not contain masked values"),
    ):
        with pytest.raises(LiteEnsamError, match=words):
            measure(*given)
    air_is_nan = np.where(labels, 40, np.nan).astype(np.float32)
    (tumor,) = measure(labels, MARK, SPACING, air_is_nan)
    assert tumor.intensity.mean == 40


@pytest.mark.parametrize("dtype", [np.int16, np.int64, np.float32, np.float64, ">u2"])
def test_labels_of_any_whole_numbers_are_measured(dtype: str) -> None:
    labels = sphere_mask(MARK, (20, 80, 80), SPACING).astype(np.uint16) * 4
    (tumor,) = measure(labels.astype(dtype), [MARK], SPACING)
    assert tumor.volume_ml == measure(labels, [MARK], SPACING)[0].volume_ml > 0
    (drawn,) = marks_from_labels(labels.astype(dtype), SPACING)
    assert drawn == marks_from_labels(labels, SPACING)[0]


def test_a_ball_measures_what_a_ball_measures() -> None:
    labels = sphere_mask(MARK, (20, 80, 80), SPACING).astype(np.uint16) * 4
    (tumor,) = measure(labels, [MARK], SPACING)
    assert tumor.label == 4
    assert tumor.recist_mm == 20.0
    assert tumor.recist_slice == tumor.longest_diameter_slice == 10
    assert tumor.volume_ml == pytest.approx(4 / 3 * np.pi * 1.0**3, rel=0.02)
    assert tumor.n_voxels * np.prod(SPACING) / 1000 == pytest.approx(tumor.volume_ml)
    assert tumor.longest_diameter_mm == pytest.approx(20, abs=0.5)
    assert tumor.short_axis_mm == pytest.approx(20, abs=0.5)
    assert tumor.flags == ()


def test_a_box_has_its_diagonal_and_points_in_the_volumes_own_indices() -> None:
    labels = np.zeros((5, 40, 40), np.uint8)
    labels[2:4, 10:14, 20:23] = 1
    (tumor,) = measure(labels, [RecistMark(1, ((2, 10, 20), (2, 13, 22)))], (1.0, 1.0, 1.0))
    assert tumor.longest_diameter_mm == pytest.approx(np.hypot(3, 2))
    assert tumor.longest_diameter_zyx in {((2, 10, 20), (2, 13, 22)), ((2, 10, 22), (2, 13, 20))}
    assert tumor.n_voxels == 24
    assert tumor.volume_ml == pytest.approx(0.024)
    assert tumor.short_axis_zyx is not None
    for z, y, x in tumor.short_axis_zyx:
        assert z == 2
        assert 10 <= y <= 13
        assert 20 <= x <= 22


def test_only_marked_labels_are_measured_in_the_marks_order() -> None:
    labels = np.zeros((3, 9, 9), np.uint16)
    labels[1, 1, 1:4], labels[1, 5, 1:6], labels[1, 7, 7] = 300, 2, 9
    marks = [RecistMark(300, ((1, 1, 1), (1, 1, 3))), RecistMark(2, ((1, 5, 1), (1, 5, 5)))]
    first, second = measure(labels, marks, (1.0, 1.0, 1.0))
    assert (first.label, first.n_voxels, first.longest_diameter_mm) == (300, 3, 2.0)
    assert (second.label, second.n_voxels, second.longest_diameter_mm) == (2, 5, 4.0)


def test_a_tumor_without_voxels_measures_nothing() -> None:
    (tumor,) = measure(np.zeros((3, 9, 9), np.uint16), [RecistMark(1, ((1, 1, 1), (1, 1, 3)))], SPACING)
    assert (tumor.n_voxels, tumor.volume_ml, tumor.longest_diameter_mm) == (0, 0.0, 0.0)
    assert tumor.longest_diameter_zyx is None
    assert [flag.code for flag in tumor.flags] == ["empty"]
    assert (tumor.shape, tumor.intensity) == (None, None)


@pytest.mark.parametrize("where", [np.s_[0, 4, 3:6], np.s_[2, 4, 3:6], np.s_[1, 0, 3:6], np.s_[1, 4, 6:9]])
def test_a_mask_at_the_scans_border_is_told(where: tuple[object, ...]) -> None:
    labels = np.zeros((3, 9, 9), np.uint8)
    labels[where] = 1
    (tumor,) = measure(labels, [RecistMark(1, ((1, 4, 3), (1, 4, 5)))], (1.0, 1.0, 1.0))
    assert tumor.has("touches_edge")


@pytest.mark.parametrize(("last", "disagrees"), [(23, True), (24, False), (36, False), (37, True)])
def test_mask_and_line_disagree_beyond_a_fifth(last: int, disagrees: bool) -> None:
    labels = np.zeros((3, 50, 50), np.uint8)
    labels[1, 25, 0 : last + 1] = 1
    (tumor,) = measure(labels, [RecistMark(1, ((1, 25, 0), (1, 25, 30)))], (1.0, 1.0, 1.0))
    assert tumor.has("disagrees_with_line") is disagrees


def test_a_small_mask_is_given_the_voxel_it_cannot_tell() -> None:
    labels = np.zeros((3, 9, 9), np.uint8)
    labels[1, 4, 2:5] = 1
    (tumor,) = measure(labels, [RecistMark(1, ((1, 4, 2), (1, 4, 5)))], (1.0, 1.0, 1.0))
    assert (tumor.longest_diameter_mm, tumor.recist_mm, tumor.flags) == (2.0, 3.0, ())


def test_a_mask_of_air_is_told_where_the_voxels_are_known() -> None:
    labels = np.zeros((20, 80, 80), np.uint8)
    labels[10, 30:40, 20:61] = 4
    lung = np.full(labels.shape, -870, np.int16)
    lung[10, 30, 20:61] = 40  # a vessel: a tenth of the mask
    tumor = lung.copy()
    tumor[10, 31:40, 20:40] = -600  # ground glass
    for ct, is_aerated in ((lung, True), (tumor, False), (None, False)):
        assert measure(labels, [MARK], SPACING, ct)[0].has("aerated") is is_aerated
    assert not measure(labels, [MARK], SPACING, lung, hu=False)[0].has("aerated")
    kept = PartialScan((SubVolume(lung[9:12, 25:45, 15:65], (9, 25, 15), lung.shape),), (-870.0, 40.0))
    assert measure(labels, [MARK], SPACING, kept)[0].has("aerated")
    assert not measure(np.zeros_like(labels), [MARK], SPACING, kept)[0].has("aerated")


def test_no_real_nodule_is_taken_for_lung(shared_data: Path) -> None:
    """The contours of readers, ground glass among them; masks of the network are in docs/guide/measuring.md."""
    folders = sorted(shared_data.glob("*/lidc_nodules/*/"))
    assert len(folders) > 100
    for folder in folders:
        case = read_case(folder / "ct.nii.gz", folder / "marks.json", folder / "labels.nii.gz")
        assert case.reference is not None
        tumors = measure(case.reference, case.marks, case.grid.spacing_mm, case.ct)
        assert [one.label for one in tumors if one.has("aerated")] == [], folder.name
