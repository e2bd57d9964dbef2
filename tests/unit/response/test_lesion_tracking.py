"""Lesions of a later scan: identity first, then the common frame of reference, then registration."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import read_ct
from lite_ensam.response import track_lesions
from lite_ensam.response.registration import Registration
from tests.phantoms import ellipsoid_case
from tests.unit.io.dicom.files import stored_volume, write_series

CASE = ellipsoid_case()


def case(*marks: RecistMark) -> Case:
    return Case(CASE.ct, CASE.grid, marks, hu=True)


def mark(label: int, z: int, x: float, name: str = "") -> RecistMark:
    return RecistMark(label, ((z, 10, x), (z, 10, x + 8)), name)


BEFORE = case(mark(1, 4, 5, "lung 1"), mark(2, 15, 20, "lung 2"), mark(3, 20, 35, "lung 3"))


def test_names_that_say_it_all_need_no_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lite_ensam.response.lesion_tracking.register_scans", None)
    found = track_lesions(
        BEFORE, case(mark(9, 15, 21, "lung 1"), mark(8, 4, 5, "lung 3"), mark(7, 9, 9, "lung 2"))
    )
    assert [(one.label, one.name) for one in found.marks] == [(1, "lung 1"), (3, "lung 3"), (2, "lung 2")]
    assert (found.how, found.lost) == ("tracking UIDs and names", ())


def test_what_has_no_name_is_known_by_its_place_after_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    shift = np.eye(4)
    shift[0, 3] = -12.0  # mm to the left, which are voxels along x here
    monkeypatch.setattr(
        "lite_ensam.response.lesion_tracking.register_scans",
        lambda *scans: Registration(shift, 0.9, 0.4, 0.5, 200.0),
    )
    found = track_lesions(BEFORE, case(mark(1, 15, 32), mark(2, 4, 18), mark(3, 9, 0, "lung 3")))
    assert [(one.label, one.name) for one in found.marks] == [(2, "lung 2"), (1, "lung 1"), (3, "lung 3")]
    assert found.how == (
        "tracking UIDs and names; place after a rigid registration (SimpleITK; confidence 1.00: agreement 0.90, next "
        "best place 0.40, 200 mm in common)"
    )
    assert [one.distance_mm for one in found.matches] == [0.0, 1.0, None]


def test_lost_and_new_lesions_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "lite_ensam.response.lesion_tracking.register_scans",
        lambda *scans: Registration(np.eye(4), 0.9, 0.4, 0.5, 200.0),
    )
    found = track_lesions(BEFORE, case(mark(1, 15, 20), mark(2, 4, 39)))
    assert [(one.label, one.name) for one in found.marks] == [(2, "lung 2"), (4, "")]
    assert [one.name for one in found.lost] == ["lung 1", "lung 3"]


def test_one_frame_of_reference_is_one_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lite_ensam.response.lesion_tracking.register_scans", None)
    write_series(tmp_path, stored_volume((9, 16, 20)))
    ct, source = read_ct(tmp_path)
    marks = (RecistMark(1, ((4, 4, 4), (4, 4, 12)), "node"),)
    before = Case(ct, source.grid, marks, hu=True, source=source)
    now = replace(before, marks=(RecistMark(5, ((4, 5, 4), (4, 5, 12))),))
    found = track_lesions(before, now)
    assert [(one.label, one.name) for one in found.marks] == [(1, "node")]
    assert found.how == "place in the common frame of reference"
