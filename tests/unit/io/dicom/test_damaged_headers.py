"""Values are decoded when they are looked at: damage in them is one sentence, wherever that is."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pydicom")

from lite_ensam.core.errors import CaseError
from lite_ensam.datasets.dicom_archive import find_series
from lite_ensam.io.dicom.marks import candidate_marks
from lite_ensam.io.dicom.rtstruct import is_rtstruct
from tests.unit.io.dicom.files import name_of_slice, stored_volume, write_series


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """One of the slices says its modality in a kind of value that DICOM does not have."""
    write_series(tmp_path / "ct", stored_volume())
    path = tmp_path / "ct" / name_of_slice(1)
    content = path.read_bytes()
    modality = b"\x08\x00\x60\x00CS\x02\x00CT"
    assert content.count(modality) == 1
    path.write_bytes(content.replace(modality, modality.replace(b"CS", b"BS")))
    return path


def test_the_file_is_named(damaged: Path) -> None:
    for read in (lambda: is_rtstruct(damaged), lambda: candidate_marks(damaged.parent)):
        with pytest.raises(CaseError, match=f"{damaged.name}: a DICOM file is damaged"):
            read()


def test_an_archive_passes_it_over(damaged: Path) -> None:
    cases, notes = find_series(sorted(damaged.parent.iterdir()))
    assert cases == ()
    assert "1 DICOM files could not be read" in notes
