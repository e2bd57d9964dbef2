import os

import nibabel as nib
import numpy as np
import pytest

from lite_ensam.core.errors import CaseError, MarkError, OutputError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.io import LabelMap, nifti, read_case, read_ct, read_labels, write_ct, write_marks, write_mask
from tests.phantoms import ellipsoid_case
from tests.unit.io import files


@pytest.fixture
def saved(tmp_path):
    """An ellipsoid case as three files."""
    case = ellipsoid_case()
    write_ct(tmp_path / "ct.nii.gz", case.ct, case.grid)
    write_mask(tmp_path / "labels.nii.gz", case.reference, case.grid)
    write_marks(tmp_path / "marks.json", case.marks, case.grid)
    return case, tmp_path


class TestReadCase:
    def test_three_files_make_the_case_again(self, saved):
        case, folder = saved
        read = read_case(folder / "ct.nii.gz", folder / "marks.json", folder / "labels.nii.gz")
        np.testing.assert_array_equal(read.ct, case.ct)
        np.testing.assert_array_equal(read.reference, case.reference)
        assert read.marks == case.marks
        assert read.grid.matches(case.grid)
        assert read.name == "ct"
        assert read.hu

    def test_without_marks_they_are_drawn_on_the_reference(self, saved):
        case, folder = saved
        read = read_case(folder / "ct.nii.gz", None, folder / "labels.nii.gz")
        assert [mark.label for mark in read.marks] == [1, 2]
        for drawn, exact in zip(read.marks, case.marks, strict=True):
            assert drawn.length_mm(case.grid.spacing_mm) == pytest.approx(
                exact.length_mm(case.grid.spacing_mm), abs=2
            )

    def test_without_either_it_says_what_is_needed(self, saved):
        with pytest.raises(MarkError, match=r"ct\.nii\.gz: no `marks` given"):
            read_case(saved[1] / "ct.nii.gz")

    def test_the_callers_word_on_hu_counts(self, saved):
        folder = saved[1]
        assert read_case(folder / "ct.nii.gz", folder / "marks.json", hu=False).hu is False

    @pytest.mark.parametrize(
        ("fill", "message"), [(7, "every voxel of the ct is 7"), (np.nan, "is NaN"), (np.inf, "is infinite")]
    )
    def test_bad_voxels_are_reported_with_the_file(self, saved, fill, message):
        case, folder = saved
        bad = case.ct.astype(np.float32)
        bad[...] = fill
        write_ct(folder / "bad.nii.gz", bad, case.grid)
        with pytest.raises(CaseError, match=rf"bad\.nii\.gz: .*{message}"):
            read_case(folder / "bad.nii.gz", folder / "marks.json")

    def test_a_reference_of_another_scan_is_refused(self, saved):
        case, folder = saved
        write_mask(folder / "short.nii.gz", case.reference[1:], Grid.from_spacing((21, 40, 48), (2.5, 1, 1)))
        with pytest.raises(CaseError, match=r"short\.nii\.gz: the labels have shape"):
            read_case(folder / "ct.nii.gz", folder / "marks.json", folder / "short.nii.gz")
        write_mask(folder / "thick.nii.gz", case.reference, Grid.from_spacing((22, 40, 48), (3, 1, 1)))
        with pytest.raises(CaseError, match=r"thick\.nii\.gz: the labels have another affine than the CT"):
            read_case(folder / "ct.nii.gz", folder / "marks.json", folder / "thick.nii.gz")

    def test_the_source_is_all_that_writing_needs(self, tmp_path):
        path = files.save_nifti(tmp_path / "ct.nii", affine=files.AFFINE[:, [2, 0, 1, 3]])
        files.patch(path, files.SFORM_CODE, "<h", 4)
        _, source = read_ct(path)
        write_mask(tmp_path / "mask.nii.gz", np.ones(source.grid.shape_zyx, dtype=bool), source)
        mask = nib.load(tmp_path / "mask.nii.gz")
        assert mask.shape == nib.load(path).shape
        assert mask.header["sform_code"] == 4

    def test_every_real_case_reads(self, shared_data):
        for folder in sorted(shared_data.glob("val/*/*")):
            case = read_case(folder / "ct.nii.gz", folder / "marks.json", folder / "labels.nii.gz")
            assert case.hu, folder


class TestNames:
    @pytest.mark.parametrize("read", [read_ct, read_labels])
    @pytest.mark.parametrize("name", ["a.nii.gz", "a.npz", "a.dcm", "a"])
    def test_no_such_file(self, tmp_path, read, name):
        with pytest.raises(CaseError, match=rf"{name}: no such file"):
            read(tmp_path / name)

    @pytest.mark.parametrize("read", [read_ct, read_labels])
    def test_unknown_formats(self, tmp_path, read):
        (tmp_path / "a.txt").write_bytes(b"x")
        with pytest.raises(CaseError, match=r"a\.txt: is not a scan .* \.nii, \.nii\.gz, \.npz"):
            read(tmp_path / "a.txt")
        with pytest.raises(
            CaseError, match="holds no DICOM file of a mask" if read is read_labels else "holds no DICOM file"
        ):
            read(tmp_path)

    def test_names_may_be_text_and_suffixes_in_capitals(self, tmp_path):
        files.save_nifti(tmp_path / "ct.nii").rename(tmp_path / "Größe 1.NII")
        assert read_ct(str(tmp_path / "Größe 1.NII"))[0].shape == (5, 6, 7)


class TestWriteMask:
    grid = Grid.from_spacing((2, 3, 4), (1, 1, 1))

    @pytest.mark.parametrize(
        ("labels", "dtype"),
        [
            (np.ones((2, 3, 4), dtype=bool), np.uint8),
            (np.full((2, 3, 4), 255, dtype=np.uint16), np.uint8),
            (np.full((2, 3, 4), 256, dtype=np.uint16), np.uint16),
            (np.full((2, 3, 4), 65535, dtype=np.int64), np.uint16),
        ],
    )
    @pytest.mark.parametrize("name", ["mask.nii.gz", "mask.nii", "mask.npz"])
    def test_type_and_values(self, tmp_path, labels, dtype, name):
        write_mask(tmp_path / name, labels, self.grid)
        read = read_labels(tmp_path / name, self.grid)
        assert read.dtype == dtype
        np.testing.assert_array_equal(read, labels)

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            (np.full((2, 3, 4), -1), "-1"),
            (np.full((2, 3, 4), 70000), "70000"),
            (np.full((2, 3, 4), 0.5), "0.5"),
            (
                np.ones((2, 3, 5), dtype=bool),
                r"must have the scan's shape \(2, 3, 4\) \(z, y, x\), got \(2, 3, 5\)",
            ),
        ],
    )
    def test_what_is_no_label_map_of_the_scan_is_refused(self, tmp_path, labels, message):
        with pytest.raises(OutputError, match=rf"mask\.nii\.gz: .*{message}"):
            write_mask(tmp_path / "mask.nii.gz", labels, self.grid)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("name", ["mask.nhdr", "mask", "mask.gz"])
    def test_unknown_formats(self, tmp_path, name):
        with pytest.raises(OutputError, match=rf"{name}: the name must end in \.nii or"):
            write_mask(tmp_path / name, np.ones((2, 3, 4), dtype=bool), self.grid)

    @pytest.mark.parametrize("name", ["mask.nii.gz", "mask.npz"])
    def test_nothing_is_overwritten_unless_asked(self, tmp_path, name):
        write_mask(tmp_path / name, np.ones((2, 3, 4), dtype=bool), self.grid)
        with pytest.raises(OutputError, match=rf"{name} exists"):
            write_mask(tmp_path / name, np.zeros((2, 3, 4), dtype=bool), self.grid)
        assert read_labels(tmp_path / name).all()
        write_mask(tmp_path / name, np.zeros((2, 3, 4), dtype=bool), self.grid, overwrite=True)
        assert not read_labels(tmp_path / name).any()


def test_marks_of_the_edge_of_one_slice(tmp_path):
    """One slice, the line from border to border."""
    case = ellipsoid_case()
    grid = Grid.from_spacing((1, 40, 48), (2.5, 1, 1))
    mark = RecistMark(1, ((0, 0, 0), (0, 39, 47)))
    write_ct(tmp_path / "ct.nii.gz", case.ct[:1], grid)
    write_marks(tmp_path / "marks.json", (mark,), grid)
    assert read_case(tmp_path / "ct.nii.gz", tmp_path / "marks.json").marks == (mark,)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".npz"])
def test_names_of_no_regular_file(tmp_path, suffix):
    os.mkfifo(tmp_path / f"pipe{suffix}")
    with pytest.raises(CaseError, match=rf"pipe{suffix}: is not a regular file"):
        read_ct(tmp_path / f"pipe{suffix}")
    for name, message in (("a" * 300, "too long"), ("a\0b", r"a\\x00b.*not a valid file name")):
        with pytest.raises(CaseError, match=message):
            read_ct(tmp_path / (name + suffix))
        with pytest.raises(OutputError, match=message):
            write_mask(
                tmp_path / (name + suffix), np.ones((1, 2, 3)), Grid.from_spacing((1, 2, 3), (1, 1, 1))
            )


@pytest.mark.parametrize("write", [write_mask, write_ct])
@pytest.mark.parametrize("values", [[[1, 2], [3]], 7, np.ma.masked_equal(np.ones((1, 2, 3), int), 1)])
def test_what_is_no_array_is_not_written(tmp_path, write, values):
    with pytest.raises(OutputError, match=r"cannot write .*a\.nii: (labels|voxels) must"):
        write(tmp_path / "a.nii", values, Grid.from_spacing((1, 2, 3), (1, 1, 1)))
    assert not list(tmp_path.iterdir())


def test_a_scan_too_large_says_so(tmp_path, monkeypatch):
    def refuse(*_):
        raise MemoryError

    monkeypatch.setattr(nifti, "scaled", refuse)
    with pytest.raises(CaseError, match=r"does not fit into memory$"):
        read_ct(files.save_nifti(tmp_path / "ct.nii"))


class TestReadCaseOfImages:
    def test_images_arrays_and_cases_are_read_as_segment_reads_them(self):
        nibabel = pytest.importorskip("nibabel")
        case = make_phantom()
        image = nibabel.Nifti1Image(case.ct.transpose(), case.source.file_affine)
        mask = nibabel.Nifti1Image(case.reference.transpose(), case.source.file_affine)
        for read in (
            read_case(image, case.marks, mask),
            read_case(image, case.marks, case.reference.transpose()),
            read_case(case.ct, case.marks, case.reference, grid=case),
            read_case((case.ct, case.source), case.marks, LabelMap(case.reference)),
            read_case(case),
        ):
            np.testing.assert_array_equal(read.ct, case.ct)
            np.testing.assert_array_equal(read.reference, case.reference)
            assert (read.marks, read.source.array_axes) == (case.marks, None)
        drawn = read_case(case.ct, None, case.reference, spacing_mm=case.grid.spacing_mm)
        assert [mark.label for mark in drawn.marks] == [1, 2, 3]

    @pytest.mark.parametrize(
        ("reference", "words"),
        [(7, "reference must be an array"), (np.ones((2, 3, 4)), "reference must have the scan's shape")],
    )
    def test_what_is_no_reference_is_refused(self, reference, words):
        case = make_phantom()
        with pytest.raises(CaseError, match=words):
            read_case(case.ct, case.marks, reference, grid=case.grid)


def test_marks_that_are_no_lesions_are_not_blamed_on_the_ct(tmp_path):
    case = make_phantom()
    for name in ("a.nii", "a.dcm"):
        with pytest.raises(MarkError, match=r"marks must be RecistMarks or Lesions, .* got 5"):
            write_mask(tmp_path / name, case.reference, case, marks=[5])
    write_mask(tmp_path / "a.nii", LabelMap(case.reference), case, marks=case)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.nii"), case.reference)
