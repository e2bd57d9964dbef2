import itertools
import math

import nibabel as nib
import numpy as np
import pytest

from lite_ensam.core.errors import CaseError, OutputError
from lite_ensam.core.grid import Grid
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.io.nifti import read_nifti_ct, read_nifti_labels, write_nifti
from tests.unit.io import files

ALL_AXIS_CODES = [
    "".join(codes)
    for order in itertools.permutations(("LR", "PA", "IS"))
    for codes in itertools.product(*order)
]


def save_in_orientation(path, array_ras, affine_ras, codes):
    turn = nib.orientations.ornt_transform
    orientation = turn(nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(codes))
    array = nib.orientations.apply_orientation(array_ras, orientation)
    affine = affine_ras @ nib.orientations.inv_ornt_aff(orientation, array_ras.shape)
    assert "".join(nib.aff2axcodes(affine)) == codes
    return files.save_nifti(path, np.ascontiguousarray(array), affine)


class TestOrientation:
    def test_there_are_48(self):
        assert len(set(ALL_AXIS_CODES)) == 48

    @pytest.mark.parametrize("codes", ALL_AXIS_CODES)
    @pytest.mark.parametrize("oblique", [False, True])
    def test_axes_come_as_z_y_x_and_go_back_as_they_were(self, tmp_path, codes, oblique):
        affine_ras = np.diag([-1.0, -1, 1, 1]) @ (files.oblique_affine() if oblique else files.AFFINE)
        array_ras = files.voxels((7, 6, 5))
        path = save_in_orientation(tmp_path / "ct.nii.gz", array_ras, affine_ras, codes)

        ct, source = read_nifti_ct(path)
        assert ct.shape == source.grid.shape_zyx == (5, 6, 7)
        assert source.grid.spacing_mm == pytest.approx((2.5, 0.7, 0.8))
        # A value has one place in the world, whatever way the file is stored.
        for index_ras in ((0, 0, 0), (6, 5, 4), (3, 1, 2)):
            (index_zyx,) = np.argwhere(ct == array_ras[index_ras])
            world = affine_ras @ [*index_ras, 1]
            np.testing.assert_allclose(source.grid.voxel_to_mm(index_zyx), world[:3], atol=1e-4)

        write_nifti(tmp_path / "mask.nii.gz", (ct > 0).astype(np.uint8), source)
        source, mask = nib.load(path), nib.load(tmp_path / "mask.nii.gz")
        np.testing.assert_array_equal(mask.affine, source.affine)
        np.testing.assert_array_equal(np.asarray(mask.dataobj), np.asarray(source.dataobj) > 0)
        assert mask.header.get_zooms() == source.header.get_zooms()

    def test_the_usual_order_is_a_c_contiguous_array(self, tmp_path):
        ct, source = read_nifti_ct(files.save_nifti(tmp_path / "ct.nii.gz"))
        assert ct.flags.c_contiguous
        assert source.file_axes_zyx == (2, 1, 0)
        np.testing.assert_array_equal(ct, files.voxels().T)


class TestTypes:
    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    @pytest.mark.parametrize("version", [1, 2])
    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize(
        ("stored", "read"),
        [
            ("u1", "uint8"),
            ("i1", "int16"),
            ("i2", "int16"),
            ("u2", "uint16"),
            ("i4", "int16"),
            ("u4", "int16"),
            ("i8", "int16"),
            ("f4", "float32"),
            ("f8", "int16"),
        ],
    )
    def test_every_dtype_byte_order_and_version(self, tmp_path, suffix, version, order, stored, read):
        array = files.voxels(dtype=np.int16) % 100
        path = files.save_nifti(
            tmp_path / f"ct{suffix}", array.astype(order + stored), version=version, order=order
        )
        ct, _ = read_nifti_ct(path)
        assert ct.dtype == read
        assert ct.dtype.isnative
        np.testing.assert_array_equal(ct, array.T)

    def test_the_byte_order_really_is_the_files(self, tmp_path):
        path = files.save_nifti(tmp_path / "ct.nii", order=">")
        assert path.read_bytes()[:4] == b"\0\0\1\x5c"

    def test_fractions_stay_float32(self, tmp_path):
        array = files.voxels(dtype=np.float64) + 0.25
        ct, _ = read_nifti_ct(files.save_nifti(tmp_path / "ct.nii", array))
        assert ct.dtype == np.float32
        np.testing.assert_array_equal(ct, array.T)

    @pytest.mark.parametrize(
        ("stored", "slope", "intercept", "read"),
        [
            ("i2", 1, -1024, "int16"),
            ("u2", 1, -1024, "int16"),
            ("u1", 2, -10, "int16"),
            ("i2", 0.5, 0, "float32"),
            ("i2", 1, 0.5, "float32"),
            ("i2", 1000, 0, "float32"),
            ("f4", 10, -5, "int16"),
            ("i2", 0, 7, "int16"),
            ("i2", math.nan, math.nan, "int16"),
        ],
    )
    def test_scale_factors_are_applied(self, tmp_path, stored, slope, intercept, read):
        array = files.voxels(dtype=stored)
        path = files.save_nifti(tmp_path / "ct.nii", array)
        files.patch(path, files.SCL_SLOPE, "<ff", slope, intercept)
        ct, _ = read_nifti_ct(files.gzipped(path))
        plain = slope == 0 or math.isnan(slope)
        assert ct.dtype == read
        np.testing.assert_allclose(ct, (array if plain else array.astype(float) * slope + intercept).T)

    @pytest.mark.parametrize("dtype", [np.complex64, np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])])
    def test_colour_and_complex_are_refused(self, tmp_path, dtype):
        path = files.save_nifti(tmp_path / "ct.nii", np.zeros((7, 6, 5), dtype=dtype))
        with pytest.raises(CaseError, match=r"ct\.nii: voxels must be real numbers"):
            read_nifti_ct(path)

    def test_unknown_types_are_refused(self, tmp_path):
        path = files.patch(files.save_nifti(tmp_path / "ct.nii"), files.DATATYPE, "<h", 77)
        with pytest.raises(CaseError, match=r"unknown voxel type \(NIfTI datatype 77\)"):
            read_nifti_ct(path)

    @pytest.mark.parametrize("values", ["nan", "inf"])
    def test_nan_and_infinity_come_through_for_case_to_name(self, tmp_path, values):
        array = files.voxels(dtype=np.float64)
        array[1, 2, 3] = float(values)
        ct, _ = read_nifti_ct(files.save_nifti(tmp_path / "ct.nii.gz", array))
        assert not np.isfinite(ct[3, 2, 1])

    def test_beyond_float32_is_infinite_without_a_warning(self, tmp_path):
        array = files.voxels(dtype=np.float64)
        array[0, 0, 0] = 1e300
        ct, _ = read_nifti_ct(files.save_nifti(tmp_path / "ct.nii", array))
        assert np.isinf(ct[0, 0, 0])


class TestShape:
    @pytest.mark.parametrize("shape", [(7, 6, 5, 1), (7, 6, 5, 1, 1)])
    def test_trailing_ones_are_dropped_and_written_again(self, tmp_path, shape):
        path = files.save_nifti(tmp_path / "ct.nii.gz", files.voxels(shape))
        ct, source = read_nifti_ct(path)
        assert ct.shape == (5, 6, 7)
        write_nifti(tmp_path / "mask.nii.gz", np.ones((5, 6, 7), dtype=np.uint8), source)
        assert nib.load(tmp_path / "mask.nii.gz").shape == nib.load(path).shape

    def test_one_slice_is_a_volume(self, tmp_path):
        ct, source = read_nifti_ct(files.save_nifti(tmp_path / "ct.nii.gz", files.voxels((7, 6, 1))))
        assert ct.shape == (1, 6, 7)
        write_nifti(tmp_path / "mask.nii.gz", np.ones((1, 6, 7), dtype=np.uint8), source)
        assert nib.load(tmp_path / "mask.nii.gz").shape == (7, 6, 1)

    @pytest.mark.parametrize("shape", [(7, 6), (7,), (7, 6, 5, 2), (7, 6, 5, 1, 3)])
    def test_other_dimensions_are_refused_with_their_shape(self, tmp_path, shape):
        path = files.save_nifti(tmp_path / "ct.nii.gz", files.voxels(shape))
        with pytest.raises(
            CaseError,
            match=rf"a CT or mask has three axes, this image is {len(shape)}D of shape \({shape[0]},.*",
        ):
            read_nifti_ct(path)

    @pytest.mark.parametrize("dim", [(3, 7, 6, 0), (3, 7, -6, 5), (0, 7, 6, 5), (9, 7, 6, 5)])
    def test_a_nonsense_shape_is_refused(self, tmp_path, dim):
        path = files.patch(files.save_nifti(tmp_path / "ct.nii"), files.DIM, "<4h", *dim)
        with pytest.raises(CaseError, match="three axes"):
            read_nifti_ct(path)


class TestGeometry:
    @pytest.mark.parametrize(
        "spacing", [(0, 0.7, 2.5), (0.8, -0.7, 2.5), (0.8, 0.7, math.nan), (math.inf, 1, 1)]
    )
    def test_zero_or_negative_spacing_is_refused(self, tmp_path, spacing):
        path = files.patch(files.save_nifti(tmp_path / "ct.nii"), files.PIXDIM + 4, "<3f", *spacing)
        with pytest.raises(CaseError, match=r"ct\.nii: spacing must be positive"):
            read_nifti_ct(path)

    def test_a_sheared_affine_is_refused(self, tmp_path):
        affine = files.AFFINE.copy()
        affine[1, 2] = 0.6
        with pytest.raises(CaseError, match="sheared"):
            read_nifti_ct(files.save_nifti(tmp_path / "ct.nii.gz", affine=affine))

    def test_an_affine_with_a_zero_column_is_refused(self, tmp_path):
        path = files.save_nifti(tmp_path / "ct.nii")
        files.patch(path, 280 + 8, "<f", 0)
        files.patch(path, 312 + 8, "<f", 0)
        with pytest.raises(CaseError, match="spacing of zero"):
            read_nifti_ct(path)

    def test_a_header_that_contradicts_itself_is_refused(self, tmp_path):
        path = files.save_nifti(tmp_path / "ct.nii", affine=files.oblique_affine())
        files.patch(path, files.PIXDIM + 4, "<3f", 0.805, 0.7, 2.5)
        read_nifti_ct(path)  # less than 1 % off
        files.patch(path, files.PIXDIM + 4, "<3f", 0.82, 0.7, 2.5)
        with pytest.raises(CaseError, match=r"0\.82 x 0\.7 x 2\.5 mm by its pixdim"):
            read_nifti_ct(path)
        files.patch(path, files.PIXDIM + 4, "<3f", 0.8, 0.7, 5)
        with pytest.raises(
            CaseError, match=r"0\.8 x 0\.7 x 5 mm by its pixdim, 0\.8 x 0\.7 x 2\.5 mm by its"
        ):
            read_nifti_ct(path)

    def test_metres_are_refused(self, tmp_path):
        affine = np.diag([0.0008, 0.0007, 0.0025, 1])
        with pytest.raises(CaseError, match=r"ct\.nii: a spacing of 0\.0025 mm .* is it in metres"):
            read_nifti_ct(files.save_nifti(tmp_path / "ct.nii", affine=affine))

    def test_other_units_are_refused(self, tmp_path):
        path = files.patch(files.save_nifti(tmp_path / "ct.nii"), files.XYZT_UNITS, "<b", 3)
        with pytest.raises(CaseError, match="microns"):
            read_nifti_ct(path)

    def test_an_impossible_quaternion_is_refused(self, tmp_path):
        path = files.save_nifti(tmp_path / "ct.nii")
        files.patch(path, files.QFORM_CODE, "<hh3f", 1, 0, 2, 2, 2)
        with pytest.raises(CaseError, match="qform"):
            read_nifti_ct(path)

    @pytest.mark.parametrize("codes", [(1, 0), (0, 2), (0, 0), (1, 1), (4, 3)])
    def test_codes_and_affine_are_kept(self, tmp_path, codes):
        path = files.save_nifti(tmp_path / "ct.nii", affine=files.oblique_affine())
        image = nib.load(path)
        image.set_qform(files.oblique_affine(), code=1)
        nib.save(image, path)
        files.patch(path, files.QFORM_CODE, "<hh", *codes)
        _, source = read_nifti_ct(path)
        write_nifti(tmp_path / "mask.nii.gz", np.ones((5, 6, 7), dtype=np.uint8), source)
        source, mask = nib.load(path), nib.load(tmp_path / "mask.nii.gz")
        np.testing.assert_array_equal(mask.affine, source.affine)
        for name in ("qform_code", "sform_code", "srow_x", "quatern_b", "qoffset_z", "xyzt_units", "pixdim"):
            np.testing.assert_array_equal(mask.header[name], source.header[name], err_msg=name)

    def test_qfac_of_zero_means_one(self, tmp_path):
        path = files.save_nifti(tmp_path / "ct.nii", affine=np.diag([0.8, 0.7, 2.5, 1]))
        files.patch(path, files.QFORM_CODE, "<hh", 1, 0)
        files.patch(path, files.PIXDIM, "<f", 0)
        assert read_nifti_ct(path)[1].file_affine[2, 2] == pytest.approx(2.5)


class TestLabels:
    @pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "i8", "f4", "f8"])
    def test_any_dtype_with_whole_numbers(self, tmp_path, dtype):
        array = (np.arange(210).reshape(7, 6, 5) % 4).astype(dtype)
        labels, _ = read_nifti_labels(files.save_nifti(tmp_path / "labels.nii.gz", array))
        assert labels.dtype in (np.uint8, np.uint16)
        np.testing.assert_array_equal(labels, array.T)

    @pytest.mark.parametrize(("value", "dtype"), [(-1, "i2"), (70000, "i4"), (1.5, "f4"), (math.nan, "f4")])
    def test_what_is_no_label_is_refused(self, tmp_path, value, dtype):
        array = np.zeros((7, 6, 5), dtype=dtype)
        array[1, 2, 3] = value
        with pytest.raises(
            CaseError, match=r"labels\.nii: labels must be whole numbers from 0 to 65535, got"
        ):
            read_nifti_labels(files.save_nifti(tmp_path / "labels.nii", array))

    def test_scale_factors_count(self, tmp_path):
        path = files.save_nifti(tmp_path / "labels.nii", np.ones((7, 6, 5), dtype=np.uint8))
        files.patch(path, files.SCL_SLOPE, "<ff", 3, 0)
        assert read_nifti_labels(path)[0].max() == 3


class TestWriting:
    def test_the_cts_header_does_not_scale_the_mask(self, tmp_path):
        path = files.save_nifti(tmp_path / "ct.nii")
        files.patch(path, files.SCL_SLOPE, "<ff", 2, -1024)
        _, source = read_nifti_ct(path)
        write_nifti(tmp_path / "mask.nii.gz", np.full((5, 6, 7), 9, dtype=np.uint16), source)
        mask = nib.load(tmp_path / "mask.nii.gz")
        assert mask.get_data_dtype() == np.uint16
        assert (np.asarray(mask.dataobj) == 9).all()

    @pytest.mark.parametrize("version", [1, 2])
    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    def test_it_reads_back(self, tmp_path, version, order, suffix):
        path = files.save_nifti(tmp_path / "ct.nii", version=version, order=order)
        ct, source = read_nifti_ct(path)
        write_nifti(tmp_path / f"copy{suffix}", ct, source)
        copy, again = read_nifti_ct(tmp_path / f"copy{suffix}")
        np.testing.assert_array_equal(copy, ct)
        assert again.grid.matches(source.grid)
        assert type(nib.load(tmp_path / f"copy{suffix}")) is type(nib.load(path))
        np.testing.assert_array_equal(
            np.asarray(nib.load(tmp_path / f"copy{suffix}").dataobj), files.voxels()
        )

    def test_same_labels_same_bytes(self, tmp_path):
        _, source = read_nifti_ct(files.save_nifti(tmp_path / "ct.nii"))
        for name in ("a.nii.gz", "b.nii.gz"):
            write_nifti(tmp_path / name, np.ones((5, 6, 7), dtype=np.uint8), source)
        assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()

    def test_a_grid_without_a_file(self, tmp_path):
        source = Grid.from_affine((5, 6, 7), files.oblique_affine())
        write_nifti(tmp_path / "mask.nii.gz", np.ones((5, 6, 7), dtype=np.uint8), ScanSource.of(source))
        image = nib.load(tmp_path / "mask.nii.gz")
        assert image.shape == (7, 6, 5)
        np.testing.assert_allclose(image.affine, files.oblique_affine(), atol=1e-5)
        np.testing.assert_allclose(image.get_qform(), files.oblique_affine(), atol=1e-4)
        assert image.header.get_xyzt_units()[0] == "mm"
        assert read_nifti_ct(tmp_path / "mask.nii.gz")[1].grid.matches(source)

    def test_a_volume_too_long_for_nifti_1(self, tmp_path):
        source = Grid.from_spacing((1, 2, 40000), (1, 1, 1))
        write_nifti(tmp_path / "mask.nii.gz", np.ones((1, 2, 40000), dtype=np.uint8), ScanSource.of(source))
        assert nib.load(tmp_path / "mask.nii.gz").shape == (40000, 2, 1)

    def test_what_exists_is_kept(self, tmp_path):
        _, source = read_nifti_ct(files.save_nifti(tmp_path / "ct.nii"))
        before = (tmp_path / "ct.nii").read_bytes()
        with pytest.raises(OutputError, match="exists"):
            write_nifti(tmp_path / "ct.nii", np.ones((5, 6, 7), dtype=np.uint8), source)
        assert (tmp_path / "ct.nii").read_bytes() == before


def test_real_scans_read_as_nibabel_reads_them(shared_data):
    paths = sorted(shared_data.glob("val/*/*/ct.nii.gz"))
    assert paths
    for path in paths:
        ct, source = read_nifti_ct(path)
        image = nib.load(path)
        np.testing.assert_array_equal(ct, np.asarray(image.dataobj).transpose(2, 1, 0))
        np.testing.assert_array_equal(source.file_affine, image.affine)
