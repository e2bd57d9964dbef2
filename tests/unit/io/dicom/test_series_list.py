"""A folder's CT series in a few numbers each, without reading a voxel or naming anybody."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import generate_uid

from lite_ensam.core.errors import CaseError
from lite_ensam.io.dicom import list_ct_series
from tests.unit.io.dicom.files import write_slice

SLICE = np.zeros((4, 5), np.uint16)


def write_series(folder: Path, n: int, step_mm: float, **more: object) -> str:
    uid = generate_uid()
    for k in range(n):
        write_slice(folder / f"{uid}-{k}.dcm", SLICE, (0, 0, k * step_mm), series=uid, **more)  # type: ignore[arg-type]
    return uid


def test_series_are_listed_by_number_with_slices_and_spacing(tmp_path: Path) -> None:
    thin = write_series(tmp_path, 6, 1.25, SeriesNumber=4, SeriesDescription="THORAX 1.25 B60f")
    thick = write_series(tmp_path, 3, 5.0, SeriesNumber=2, SeriesDescription="")
    first, second = list_ct_series(tmp_path)
    assert (first.uid, first.number, first.description, first.n_slices) == (thick, 2, "", 3)
    assert (second.uid, second.number, second.description) == (thin, 4, "THORAX 1.25 B60f")
    assert second.spacing_mm == pytest.approx((1.25, 0.8, 0.7))
    assert first.patient == second.patient == 1


def test_patients_are_told_apart_and_not_named(tmp_path: Path) -> None:
    write_series(tmp_path, 3, 5.0, PatientID="P1", PatientName="Roe^Jane")
    write_series(tmp_path, 3, 5.0, PatientID="P2", PatientName="Doe^John")
    found = list_ct_series(tmp_path)
    assert [one.patient for one in found] == [1, 2]
    assert not any(
        name in str(asdict(one)) for one in found for name in ("Roe", "Doe", "P1", "P2", "Phantom")
    )


def test_what_a_header_lacks_is_not_made_up(tmp_path: Path) -> None:
    write_series(tmp_path, 1, 5.0, SeriesNumber=None, SeriesDescription="a\x1b[31m")
    (only,) = list_ct_series(tmp_path)
    assert (only.number, only.spacing_mm, only.n_slices) == (None, None, 1)
    assert "\x1b" not in only.description
    with pytest.raises(CaseError, match="no such folder"):
        list_ct_series(tmp_path / "none")
