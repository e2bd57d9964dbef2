"""An archive of cases is small, and a bank of it is the bank of the folder it was made from, but for grey levels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lite_ensam.core.errors import CaseError, OutputError
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.datasets.training_cases import find_training_cases
from lite_ensam.io import write_ct, write_marks, write_mask
from lite_ensam.training.crop_cache import KNOWN_BIT, LesionCrop
from lite_ensam.training.crop_sources import lesion_crops
from lite_ensam.training.grey_levels import HU_OF_GREY
from lite_ensam.training.packing import pack, unpack


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cases of the phantom, one with readers and slices that are not known, one to be left out; a background."""
    root = tmp_path_factory.mktemp("data")
    case = make_phantom(shape_zyx=(24, 64, 64), spacing_mm=(5.0, 3.0, 3.0))
    for source, name in (("phantoms", "one_1"), ("phantoms", "bad_1"), ("read", "two_1")):
        folder = root / "train" / source / name
        folder.mkdir(parents=True)
        write_ct(folder / "ct.nii.gz", case.volume, case.grid)
        write_mask(folder / "labels.nii.gz", case.reference, case.grid)
        marks = case.marks if source == "phantoms" else case.marks[:1]
        write_marks(folder / "marks.json", marks, case.grid)
    seen = case.reference == case.marks[0].label
    smaller = seen.copy()
    smaller[:, : int(case.marks[0].midpoint_zyx[1])] = False
    write_mask(folder / "readers.nii.gz", (seen | (smaller << 1)).astype(np.uint8), case.grid)
    known = np.ones(seen.shape, np.uint8)
    known[-4:] = 0
    write_mask(folder / "known.nii.gz", known, case.grid)
    (root / "train" / "exclude.txt").write_text("phantoms/bad_1\n")
    (root / "shapes" / "lidc").mkdir(parents=True)
    (root / "shapes" / "lidc" / "index.csv").write_text("key\n")
    (root / "backgrounds").mkdir()
    write_ct(root / "backgrounds" / "phantom.nii.gz", case.volume, case.grid)
    write_mask(
        root / "backgrounds" / "phantom_region.nii.gz", (case.volume > -500).astype(np.uint8), case.grid
    )
    return root


def crops_of(folder: Path) -> dict[str, LesionCrop]:
    cases = find_training_cases(folder).train
    return {f"{crop.source}/{crop.name}": crop for crop in lesion_crops(cases, turned=False)}


def test_crops_of_the_archive_are_those_of_the_folder(data: Path, tmp_path: Path) -> None:
    archive = tmp_path / "bank.tar.xz"
    size = pack(data, archive)
    assert archive.stat().st_size == size
    folder = unpack(archive, tmp_path / "data")
    before, after = crops_of(data), crops_of(folder)
    assert set(after) == set(before)
    assert not any("bad_1" in name for name in after)
    assert any(len(crop.lines) == 3 for crop in after.values()), "readers came along"
    for name, crop in after.items():
        was = before[name]
        np.testing.assert_allclose(crop.lines, was.lines, atol=0.02)
        np.testing.assert_allclose(crop.native_voxel_zyx, was.native_voxel_zyx, rtol=0.01)
        both = (crop.bits & was.bits) >> KNOWN_BIT == 1
        assert both.mean() > 0.9 * (was.bits >> KNOWN_BIT).mean()
        off = np.abs(HU_OF_GREY[crop.grey] - HU_OF_GREY[was.grey])[both]
        assert np.percentile(off, 95) <= 20
        for contour in range(len(crop.lines)):
            differ = (crop.contour(contour) != was.contour(contour))[both]
            assert differ.sum() <= 0.03 * was.contour(contour).sum()
    assert (folder / "shapes" / "lidc" / "index.csv").read_text() == "key\n"
    assert (folder / "backgrounds" / "phantom_region.nii.gz").is_file()
    assert unpack(archive, folder) == folder, "once is enough"


def test_an_archive_names_no_owner_and_is_the_same_twice(data: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.tar.xz", tmp_path / "two.tar.xz"
    pack(data, one)
    pack(data, two)
    assert one.read_bytes() == two.read_bytes()
    with pytest.raises(OutputError, match="exists"):
        pack(data, one)


def test_marks_of_an_archive_hold_labels_and_lines_alone(data: Path, tmp_path: Path) -> None:
    pack(data, tmp_path / "bank.tar.xz")
    folder = unpack(tmp_path / "bank.tar.xz", tmp_path / "data")
    entries = json.loads((folder / "train" / "phantoms" / "one_1" / "marks.json").read_text())["marks"]
    assert set(entries[0]) == {"label", "endpoints_zyx"}


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bank.tar.xz").write_bytes(b"no archive")
    with pytest.raises(CaseError, match=r"cannot be unpacked as a \.tar\.xz of cases"):
        unpack(tmp_path / "bank.tar.xz", tmp_path / "data")
    assert [path.name for path in tmp_path.iterdir()] == ["bank.tar.xz"]


def test_it_is_unpacked_under_a_name_that_nobody_can_foresee(data: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").touch()
    (tmp_path / "data.tmp").symlink_to(tmp_path / "elsewhere")
    pack(data, tmp_path / "bank.tar.xz")
    unpack(tmp_path / "bank.tar.xz", tmp_path / "data")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "bank.tar.xz",
        "data",
        "data.tmp",
        "elsewhere",
    ]
    assert (tmp_path / "elsewhere" / "kept").is_file()
