"""Several acquisitions, phases or reconstructions in one series: one is taken and named, another can be chosen."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from lite_ensam.core.errors import CaseError
from lite_ensam.io import read_ct, write_mask
from lite_ensam.io.dicom import read_ct_series
from tests.unit.io.dicom.files import FRAME, stored_volume, write_series, write_slice

STORED = stored_volume((8, 10, 12))
OTHER = STORED // 2
SAME_PLACE = {"ImagePositionPatient": [0.0, 0.0, 0.0]}


def write_phase(
    folder: Path,
    name: str,
    stored: np.ndarray,
    shift_mm: float = 0.0,
    each: Sequence[dict[str, Any]] = (),
    **options: object,
) -> None:
    """Slices 2.5 mm apart; `each` has attributes of every slice by itself."""
    folder.mkdir(exist_ok=True)
    for k, one in enumerate(stored):
        own = each[k] if each else {}
        position = (0.0, 0.0, 2.5 * k + shift_mm)
        write_slice(folder / f"{name}{k}.dcm", one, position, **{"InstanceNumber": k + 1} | options | own)


def values(folder: Path, **which: Any) -> np.ndarray:
    """What is stored in the acquisition that is read."""
    return read_ct_series(folder, **which)[0] + 1000


TOLD_BY = {
    "AcquisitionNumber": (1, 2),
    "AcquisitionTime": ("101500", "101530"),
    "ContrastBolusAgent": ("", "agent"),
    "TemporalPositionIdentifier": (1, 2),
    "NominalPercentageOfCardiacPhase": (35, 75),
    "TriggerTime": (300, 700),
    "KVP": (80, 140),
    "ImageType": (["ORIGINAL", "PRIMARY", "AXIAL", "A"], ["ORIGINAL", "PRIMARY", "AXIAL", "B"]),
    "ConvolutionKernel": ("B30f", "B70f"),
    "ContentTime": ("101500", "101530"),
}


@pytest.mark.parametrize("shift_mm", [0.0, 1.25], ids=["at the same places", "between each other"])
@pytest.mark.parametrize("name", TOLD_BY)
def test_two_acquisitions_are_told_apart_and_either_can_be_had(
    tmp_path: Path, name: str, shift_mm: float
) -> None:
    first, second = TOLD_BY[name]
    write_phase(tmp_path / "ct", "b", OTHER, shift_mm, **{name: second})
    write_phase(tmp_path / "ct", "a", STORED, **{name: first})
    ct, source = read_ct_series(tmp_path / "ct")
    np.testing.assert_array_equal(ct + 1000, STORED)
    assert source.grid.spacing_mm == pytest.approx((2.5, 0.8, 0.7))
    (note,) = source.notes
    assert f"told apart by {'AcquisitionDate and ' * (name == 'AcquisitionTime')}" in note
    assert name in note
    assert "1 (8 slices), 2 (8 slices); took 1" in note
    assert "--acquisition or acquisition= takes another" in note
    assert "1015" not in note
    np.testing.assert_array_equal(values(tmp_path / "ct", acquisition=2), OTHER)
    assert read_ct_series(tmp_path / "ct", acquisition=2)[1].grid.voxel_to_mm((0, 0, 0))[2] == shift_mm
    with pytest.raises(CaseError, match=r"ct: holds no acquisition 5, only 1 \(8 slices\), 2 \(8 slices\)"):
        read_ct_series(tmp_path / "ct", acquisition=5)


def test_acquisitions_are_called_by_their_own_numbers_and_the_larger_is_taken(tmp_path: Path) -> None:
    write_phase(tmp_path / "ct", "a", OTHER[:5], AcquisitionNumber=3)
    write_phase(tmp_path / "ct", "b", STORED, AcquisitionNumber=7)
    _, source = read_ct(tmp_path / "ct")
    assert "3 (5 slices), 7 (8 slices); took 7" in source.notes[0]
    np.testing.assert_array_equal(values(tmp_path / "ct", acquisition=3), OTHER[:5])


@pytest.mark.parametrize("shift_mm", [0.0, 1.25])
@pytest.mark.parametrize("name", ["AcquisitionTime", "InstanceNumber"])
def test_a_value_that_grows_from_slice_to_slice_begins_again(
    tmp_path: Path, name: str, shift_mm: float
) -> None:
    times = [{name: f"1015{k:02d}" if name != "InstanceNumber" else k} for k in range(1, 17)]
    write_phase(tmp_path / "ct", "a", STORED, each=times[:8])
    write_phase(tmp_path / "ct", "b", OTHER[::-1], shift_mm, each=times[8:])
    np.testing.assert_array_equal(values(tmp_path / "ct"), STORED)
    np.testing.assert_array_equal(values(tmp_path / "ct", acquisition=2), OTHER[::-1])


def test_phases_within_acquisitions_are_told_apart_too(tmp_path: Path) -> None:
    phases = {(1, 80): STORED, (1, 140): OTHER, (2, 80): STORED // 3, (2, 140): STORED // 4}
    for (number, kv), stored in phases.items():
        write_phase(tmp_path / "ct", f"{number}-{kv}-", stored, AcquisitionNumber=number, KVP=kv)
    assert "told apart by AcquisitionNumber and KVP" in read_ct(tmp_path / "ct")[1].notes[0]
    for n, stored in enumerate(phases.values(), start=1):
        np.testing.assert_array_equal(values(tmp_path / "ct", acquisition=n), stored)


def test_blocks_of_one_scan_stay_together(tmp_path: Path) -> None:
    blocks = [{"AcquisitionNumber": k // 2 + 1, "AcquisitionTime": f"10150{k // 2}"} for k in range(8)]
    write_phase(tmp_path / "ct", "a", STORED, each=blocks)
    ct, source = read_ct(tmp_path / "ct")
    np.testing.assert_array_equal(ct + 1000, STORED)
    assert source.notes == ()


@pytest.mark.parametrize("name", ["TriggerTime", "KVP", "AcquisitionTime"])
def test_values_that_jitter_do_not_tear_a_scan(tmp_path: Path, name: str) -> None:
    jitter = [
        {name: str(value) * (2 if name == "AcquisitionTime" else 1)}
        for value in (300, 310, 300, 300, 310, 310, 310, 300)
    ]
    write_phase(tmp_path / "ct", "a", STORED, each=jitter)
    ct, source = read_ct(tmp_path / "ct")
    np.testing.assert_array_equal(ct + 1000, STORED)
    assert source.notes == ()


def test_instance_numbers_in_any_order_do_not_tear_a_scan(tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(8).tolist()
    write_phase(tmp_path / "ct", "a", STORED, each=[{"InstanceNumber": n} for n in order])
    np.testing.assert_array_equal(values(tmp_path / "ct"), STORED)


def test_a_phase_that_lacks_a_slice_is_not_filled_from_the_other(tmp_path: Path) -> None:
    write_phase(tmp_path / "ct", "a", STORED, AcquisitionNumber=1)
    write_phase(tmp_path / "ct", "b", OTHER, AcquisitionNumber=2)
    (tmp_path / "ct" / "b3.dcm").unlink()
    between = np.rint((OTHER[2] + OTHER[4]) / 2 - 1000) + 1000
    np.testing.assert_array_equal(values(tmp_path / "ct", acquisition=2)[3], between)


@pytest.mark.parametrize("n_copies", [8, 3])
def test_copies_under_uids_of_their_own_are_copies(tmp_path: Path, n_copies: int) -> None:
    write_phase(tmp_path / "ct", "a", STORED, AcquisitionNumber=1)
    again = [{"InstanceNumber": 100 + k, "AcquisitionNumber": 2} for k in range(8)]
    write_phase(tmp_path / "ct", "b", STORED[:n_copies], each=again)
    ct, source = read_ct(tmp_path / "ct")
    np.testing.assert_array_equal(ct + 1000, STORED)
    assert source.notes == (f"passed over {n_copies} x copy of a slice",)


def test_what_is_stored_alike_but_rescaled_otherwise_is_no_copy(tmp_path: Path) -> None:
    write_phase(tmp_path / "ct", "a", STORED, AcquisitionNumber=1)
    write_phase(tmp_path / "ct", "b", STORED, AcquisitionNumber=2, intercept=-1024.0)
    assert len(read_ct(tmp_path / "ct")[1].notes) == 1
    np.testing.assert_array_equal(values(tmp_path / "ct", acquisition=2), STORED - 24)


def test_the_acquisition_is_taken_that_a_mask_was_drawn_on(tmp_path: Path) -> None:
    write_phase(tmp_path / "ct", "a", STORED, AcquisitionNumber=1)
    write_phase(tmp_path / "ct", "b", OTHER, AcquisitionNumber=2)
    _, source = read_ct(tmp_path / "ct", acquisition=2)
    labels = np.zeros(source.grid.shape_zyx, np.uint8)
    labels[2:5, 3:6, 3:6] = 1
    write_mask(tmp_path / "seg.dcm", labels, source)
    ct, source = read_ct(tmp_path / "ct", referred_by=tmp_path / "seg.dcm")
    np.testing.assert_array_equal(ct + 1000, OTHER)
    assert "took 2, to which seg.dcm refers" in source.notes[0]


def test_two_sizes_in_one_series_are_two_stacks(tmp_path: Path) -> None:
    write_phase(tmp_path / "ct", "a", STORED)
    small = stored_volume((4, 6, 6))
    write_phase(tmp_path / "ct", "b", small, 40.0)
    _, source = read_ct(tmp_path / "ct")
    assert "told apart by size: 1 (8 slices), 2 (4 slices); took 1" in source.notes[0]
    np.testing.assert_array_equal(values(tmp_path / "ct", acquisition=2), small)


@pytest.mark.parametrize(
    ("change", "told"),
    [({"FrameOfReferenceUID": "1.2.3"}, "frame of reference"), ({"PixelSpacing": [0.8, 0.71]}, "spacing")],
)
def test_slices_that_only_continue_a_scan_are_another_one(tmp_path: Path, change: dict, told: str) -> None:
    write_phase(tmp_path / "ct", "a", STORED[:5])
    write_phase(tmp_path / "ct", "b", STORED[5:], 5 * 2.5, **change)
    ct, source = read_ct(tmp_path / "ct")
    np.testing.assert_array_equal(ct + 1000, STORED[:5])
    assert source.notes == (
        f"the series holds 2 acquisitions, told apart by {told}: 1 (5 slices), 2 (3 slices); took 1, the first of "
        "the largest; --acquisition or acquisition= takes another",
    )


@pytest.mark.parametrize(
    ("frames", "n"), [("abcdefgh", 8), ("aaabcdef", 6), ("aabbccdd", 4), ("ab", 2), ("aab", 2)]
)
def test_frames_of_reference_of_nearly_each_slice_tell_nothing(tmp_path: Path, frames: str, n: int) -> None:
    stored = stored_volume((len(frames), 12, 16))
    each = [{"FrameOfReferenceUID": f"1.2.{ord(frame)}"} for frame in frames]
    write_phase(tmp_path / "ct", "a", stored, each=each)
    ct, source = read_ct(tmp_path / "ct")
    np.testing.assert_array_equal(ct, stored - 1000)
    assert source.notes == (f"{n} different FrameOfReferenceUID of {len(frames)} slices: they are ignored",)


def test_a_frame_of_reference_that_some_slices_lack_is_that_of_the_others(tmp_path: Path) -> None:
    write_phase(
        tmp_path / "ct", "a", STORED, each=[{"FrameOfReferenceUID": FRAME if k else ""} for k in range(8)]
    )
    assert values(tmp_path / "ct").shape == STORED.shape
    assert read_ct(tmp_path / "ct")[1].frame_of_reference_uid == FRAME


def test_slices_of_two_studies_are_refused(tmp_path: Path) -> None:
    write_phase(tmp_path / "ct", "a", STORED[:5])
    write_phase(tmp_path / "ct", "b", STORED[5:], 5 * 2.5, StudyInstanceUID="1.2.3")
    with pytest.raises(CaseError, match=r"series 1 holds slices of 2 studies \(StudyInstanceUID\)") as caught:
        read_ct(tmp_path / "ct")
    assert "1.2.3" not in str(caught.value)


def test_slices_that_claim_one_position_are_refused(tmp_path: Path) -> None:
    write_phase(
        tmp_path / "ct", "a", STORED, each=[SAME_PLACE | {"SliceLocation": 2.5 * k} for k in range(8)]
    )
    with pytest.raises(
        CaseError, match="8 slices have the same ImagePositionPatient but different SliceLocation"
    ):
        read_ct(tmp_path / "ct")
    numbers = [SAME_PLACE | {"InstanceNumber": k + 1} for k in range(8)]
    write_phase(tmp_path / "ct", "a", STORED, each=numbers)
    with pytest.raises(CaseError, match="several slices are at the same position"):
        read_ct(tmp_path / "ct")
    times = [SAME_PLACE | {"AcquisitionTime": f"10150{k}", "SliceLocation": 2.5} for k in range(8)]
    write_phase(tmp_path / "ct", "a", STORED, each=times)
    np.testing.assert_array_equal(values(tmp_path / "ct", acquisition=2), STORED[1:2])


def test_the_series_that_marks_refer_to_is_taken_not_the_largest(tmp_path: Path) -> None:
    thick, thin = generate_uid(), generate_uid()
    write_series(tmp_path / "ct" / "thick", STORED[:4], series=thick, step_mm=5.0)
    write_series(tmp_path / "ct" / "thin", STORED, series=thin)
    _, source = read_ct(tmp_path / "ct", thick)
    labels = np.zeros(source.grid.shape_zyx, np.uint8)
    labels[1:3, 3:6, 3:6] = 1
    write_mask(tmp_path / "seg.dcm", labels, source)
    ct, source = read_ct(tmp_path / "ct", referred_by=tmp_path / "seg.dcm")
    np.testing.assert_array_equal(ct + 1000, STORED[:4])
    (note,) = source.notes
    told = (
        r"took the one of 2 CT series to which seg\.dcm refers \(series 1, called 1#[0-9a-f]{4}, 4 slices\); "
    )
    assert re.match(told, note)
    assert read_ct(tmp_path / "ct", thin, referred_by=tmp_path / "seg.dcm")[0].shape == STORED.shape
    # of two patients, too
    for path in (tmp_path / "ct" / "thin").iterdir():
        one = pydicom.dcmread(path)
        one.PatientID = "SECRET"
        one.save_as(path)
    np.testing.assert_array_equal(read_ct(tmp_path / "ct", referred_by=tmp_path / "seg.dcm")[0], ct)
