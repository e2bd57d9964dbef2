import numpy as np
import pytest
from pydicom.uid import generate_uid

from lite_ensam.cohort import check_rows, discover
from lite_ensam.cohort.manifest import CohortCase
from lite_ensam.core.errors import CohortError
from lite_ensam.io import read_case
from tests.unit.io.dicom.files import box_yx, contour, stored_volume, write_rtstruct, write_series


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def found(folder):
    """Rows of a folder, paths relative to it; no acquisition is chosen, and none has a problem."""
    manifest = discover(folder)
    assert manifest.problems == ()
    assert {row.acquisition + row.file_problem for row in manifest.rows} <= {""}
    return [
        tuple(text.removeprefix(f"{folder}/") for text in vars(row).values())[:-2] for row in manifest.rows
    ]


class TestFiles:
    def test_our_own_folders(self, tmp_path):
        touch(
            tmp_path,
            "sts/a/ct.nii.gz",
            "sts/a/marks.json",
            "sts/a/labels.nii.gz",
            "b/ct.nii",
            "b/marks.csv",
            "b/x.nii",
        )
        assert found(tmp_path) == [
            ("b", "b/ct.nii", "b/marks.csv", "", "", "", ""),
            ("sts__a", "sts/a/ct.nii.gz", "sts/a/marks.json", "sts/a/labels.nii.gz", "", "", ""),
        ]

    def test_flare_npz(self, tmp_path):
        (tmp_path / "train").mkdir()
        np.savez(tmp_path / "train/CT_1.npz", imgs=np.zeros((1, 1, 1)), recist=0, gts=0)
        np.savez(tmp_path / "CT_2.npz", imgs=np.zeros((1, 1, 1)), recist=0)
        np.savez(tmp_path / "results.npz", segs=np.zeros((1, 1, 1)))
        assert found(tmp_path) == [
            ("CT_2", "CT_2.npz", "", "", "", "", ""),
            ("train__CT_1", "train/CT_1.npz", "", "train/CT_1.npz", "", "", ""),
        ]

    def test_flare_nifti(self, tmp_path):
        touch(
            tmp_path, "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz", "marksTr/a.json", "other/b_0000.nii.gz"
        )
        assert found(tmp_path) == [
            ("imagesTr__a", "imagesTr/a_0000.nii.gz", "marksTr/a.json", "labelsTr/a.nii.gz", "", "", "")
        ]

    def test_bids(self, tmp_path):
        scan = "sub-01/ses-20260102/ct/sub-01_ses-20260102_acq-low_ct"
        mask = f"derivatives/readers/{scan.removesuffix('_ct')}_dseg.nii.gz"
        touch(
            tmp_path,
            f"{scan}.nii.gz",
            f"{scan.removesuffix('_ct')}_marks.json",
            mask,
            "sub-02/ct/sub-02_ct.nii",
        )
        touch(tmp_path, "derivatives/other/sub-01/ct/sub-01_ct.nii.gz", "sub-02/anat/sub-02_T1w.nii.gz")
        marks = f"{scan.removesuffix('_ct')}_marks.json"
        assert found(tmp_path) == [
            ("sub-01_ses-20260102_acq-low", f"{scan}.nii.gz", marks, mask, "01", "2026-01-02", ""),
            ("sub-02", "sub-02/ct/sub-02_ct.nii", "", "", "02", "", ""),
        ]

    def test_nothing_there(self, tmp_path):
        touch(tmp_path, "readme.txt")
        for folder, words in ((tmp_path, "holds no case"), (tmp_path / "nowhere", "no such folder")):
            with pytest.raises(CohortError, match=words):
                discover(folder)


class TestDicom:
    def test_series_are_found_by_the_contours_that_refer_to_them(self, tmp_path):
        series = [generate_uid(), generate_uid()]
        for n, uid in enumerate(series):
            write_series(tmp_path / f"study {n}" / "ct", stored_volume(), series=uid, PatientID=f"P{n}")
        where = tmp_path / "study 1"
        grid = read_grid(where / "ct")
        for name, date in (("old", "20250101"), ("new", "20250201")):
            write_rtstruct(where / f"{name}.dcm", {"tumour": [contour(grid, 2, box_yx(3, 8))]})
            refer(where / f"{name}.dcm", where / "ct" / "00.dcm", date)
        (tmp_path / "notes.txt").write_text("no DICOM")
        (tmp_path / "broken.dcm").write_bytes(bytes(128) + b"DICM" + b"\xff" * 40)
        manifest = discover(tmp_path)
        expected = CohortCase(
            series[1], str(where / "ct"), str(where / "new.dcm"), "", "P1", "2025-01-02", series[1]
        )
        assert manifest.rows == (expected,)
        assert any("1 CT series without lines" in note for note in manifest.notes)
        assert any("the newest was taken" in note for note in manifest.notes)
        assert check_rows(manifest.rows) == ()
        (row,) = manifest.rows
        assert read_case(row.ct, row.marks, series_uid=row.series).marks[0].name == "tumour"


def read_grid(folder):
    from lite_ensam.io import read_ct

    return read_ct(folder)[1].grid


def refer(path, image, date):
    """Let an RTSTRUCT name an image of the series, and say when it was made."""
    import pydicom
    from pydicom.dataset import Dataset

    dataset, reference = pydicom.dcmread(path), Dataset()
    reference.ReferencedSOPInstanceUID = pydicom.dcmread(image).SOPInstanceUID
    dataset.ROIContourSequence[0].ContourSequence[0].ContourImageSequence = [reference]
    dataset.StructureSetDate = date
    dataset.save_as(path)
