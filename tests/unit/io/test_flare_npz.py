import struct
import tracemalloc
import zipfile

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lite_ensam.core.errors import CaseError, OutputError
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import read_case, read_ct, read_labels, read_marks, write_ct, write_mask
from lite_ensam.io.flare_npz import npz_keys, read_npz_ct, read_npz_labels
from tests.unit.io import files


def test_a_case_reads_whole(tmp_path):
    case = read_case(files.save_flare(tmp_path / "CT_Lesion_FLARE23Ts_0001__recist1.npz"))
    assert case.ct.dtype == np.uint8
    assert case.hu is False
    assert case.name == "CT_Lesion_FLARE23Ts_0001__recist1"
    assert case.grid.spacing_mm == pytest.approx((2.5, 0.7, 0.8))
    assert case.marks == (RecistMark(1, ((1, 2, 1), (1, 2, 5))), RecistMark(2, ((3, 1, 4), (3, 4, 4))))
    assert case.reference is None


def test_a_training_case_has_its_marks_drawn_on_the_reference(tmp_path):
    gts = np.zeros((5, 6, 7), dtype=np.uint8)
    gts[1:3, 1:3, 1:4] = 3
    gts[2, 1:3, 4] = 3
    case = read_case(files.save_flare(tmp_path / "train.npz", recist=None, gts=gts))
    assert case.reference is not None
    assert case.marks == (RecistMark(3, ((2, 1, 1), (2, 2, 4))),) or case.marks == (
        RecistMark(3, ((2, 1, 4), (2, 2, 1))),
    )


def test_the_affine_turns_itk_directions_into_nibabels(tmp_path):
    turned = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]])
    _, source = read_npz_ct(files.save_flare(tmp_path / "a.npz", direction=turned.ravel()))
    # ITK: point = origin + direction @ (spacing * index), in left, posterior, superior.
    index_xyz = np.array([3, 2, 1])
    left_posterior_superior = [-30, -40, -90] + turned @ (index_xyz * [0.8, 0.7, 2.5])
    expected = left_posterior_superior * [-1, -1, 1]
    np.testing.assert_allclose(source.grid.voxel_to_mm(index_xyz[::-1]), expected)


def test_slices_are_the_first_axis_whatever_the_direction(tmp_path):
    sagittal = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0.0]])
    ct, source = read_npz_ct(files.save_flare(tmp_path / "a.npz", direction=sagittal.ravel()))
    assert ct.shape == source.grid.shape_zyx == (5, 6, 7)


def test_origin_and_direction_may_be_missing(tmp_path):
    _, source = read_npz_ct(files.save_flare(tmp_path / "a.npz", origin=None, direction=None))
    np.testing.assert_allclose(source.grid.affine, np.diag([-0.8, -0.7, 2.5, 1]))


@pytest.mark.parametrize("labels_dtype", [np.uint8, np.uint16, np.int64])
def test_the_answer_is_segs_with_the_cases_geometry(tmp_path, labels_dtype):
    source_path = files.save_flare(tmp_path / "a.npz")
    _, source = read_ct(source_path)
    labels = np.zeros((5, 6, 7), dtype=labels_dtype)
    labels[1, 2, 1:6] = 2
    write_mask(tmp_path / "out.npz", labels, source)
    with np.load(tmp_path / "out.npz", allow_pickle=False) as out, np.load(source_path) as given:
        assert out["segs"].dtype == np.uint8
        np.testing.assert_array_equal(out["segs"], labels)
        for key in ("spacing", "origin", "direction"):
            np.testing.assert_allclose(out[key], given[key], atol=1e-12)
    np.testing.assert_array_equal(read_labels(tmp_path / "out.npz", source), labels)


def test_more_than_255_labels_need_uint16(tmp_path):
    _, source = read_ct(files.save_flare(tmp_path / "a.npz"))
    write_mask(tmp_path / "out.npz", np.full((5, 6, 7), 300), source)
    with np.load(tmp_path / "out.npz") as out:
        assert out["segs"].dtype == np.uint16


def test_npz_in_nifti_out(tmp_path):
    _, source = read_ct(files.save_flare(tmp_path / "a.npz"))
    labels = np.zeros((5, 6, 7), dtype=np.uint8)
    labels[4, 1, 2] = 1
    write_mask(tmp_path / "out.nii.gz", labels, source)
    image = nib.load(tmp_path / "out.nii.gz")
    np.testing.assert_allclose(image.affine, files.AFFINE, atol=1e-6)
    assert np.argwhere(np.asarray(image.dataobj)).tolist() == [[2, 1, 4]]
    np.testing.assert_array_equal(read_labels(tmp_path / "out.nii.gz", source), labels)


def test_nifti_in_npz_out_and_in_again(tmp_path):
    # A file whose axes are permuted: the npz holds it in the file's order, as ITK would.
    path = files.save_nifti(tmp_path / "ct.nii.gz", affine=files.AFFINE[:, [1, 2, 0, 3]])
    ct, source = read_ct(path)
    write_ct(tmp_path / "ct.npz", ct, source)
    with np.load(tmp_path / "ct.npz") as arrays:
        np.testing.assert_array_equal(arrays["imgs"], files.voxels().T)
    _, again = read_npz_ct(tmp_path / "ct.npz")
    np.testing.assert_allclose(again.file_affine, source.file_affine, atol=1e-6)


class TestBadInput:
    def test_no_such_file(self, tmp_path):
        with pytest.raises(CaseError, match=r"a\.npz: no such file"):
            read_npz_ct(tmp_path / "a.npz")

    @pytest.mark.parametrize("key", ["imgs", "spacing"])
    def test_missing_keys_are_named_beside_what_there_is(self, tmp_path, key):
        path = files.save_flare(tmp_path / "a.npz", **{key: None})
        with pytest.raises(CaseError, match=rf"a\.npz: has no array '{key}'; it holds .*recist"):
            read_npz_ct(path)

    @pytest.mark.parametrize("key", ["imgs", "spacing", "direction"])
    def test_pickled_objects_are_never_opened(self, tmp_path, key):
        path = files.save_flare(tmp_path / "a.npz", **{key: np.array([print], dtype=object)})
        with pytest.raises(CaseError, match=rf"a\.npz: array '{key}' holds pickled Python objects"):
            read_npz_ct(path)

    @pytest.mark.parametrize("shape", [(6, 7), (1, 5, 6, 7)])
    def test_other_dimensions_are_refused(self, tmp_path, shape):
        path = files.save_flare(tmp_path / "a.npz", imgs=np.zeros(shape, dtype=np.uint8))
        with pytest.raises(CaseError, match="must be 3D"):
            read_npz_ct(path)

    @pytest.mark.parametrize("spacing", [[0, 1, 1], [1, -1, 1]])
    def test_spacing_must_be_positive(self, tmp_path, spacing):
        with pytest.raises(CaseError, match="spacing must be positive"):
            read_npz_ct(files.save_flare(tmp_path / "a.npz", spacing=spacing))

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("spacing", [1, 1]),
            ("spacing", [1, 1, np.nan]),
            ("origin", ["a", "b", "c"]),
            ("direction", np.eye(2)),
        ],
    )
    def test_numbers_must_be_as_many_and_finite(self, tmp_path, key, value):
        with pytest.raises(CaseError, match=rf"array '{key}' must be \d finite numbers"):
            read_npz_ct(files.save_flare(tmp_path / "a.npz", **{key: value}))

    @pytest.mark.parametrize(
        ("direction", "message"),
        [
            (np.diag([2.0, 1, 1]), "columns of length 1"),
            (np.array([[1, 0.6, 0], [0, 0.8, 0], [0, 0, 1]]), "sheared"),
        ],
    )
    def test_direction_must_be_a_rotation(self, tmp_path, direction, message):
        with pytest.raises(CaseError, match=message):
            read_npz_ct(files.save_flare(tmp_path / "a.npz", direction=direction))

    @pytest.mark.parametrize("content", [b"", b"hello", bytes(3000)])
    def test_not_an_npz(self, tmp_path, content):
        (tmp_path / "a.npz").write_bytes(content)
        with pytest.raises(CaseError, match=r"a\.npz: is not an \.npz file"):
            read_npz_ct(tmp_path / "a.npz")

    def test_truncated(self, tmp_path):
        path = files.save_flare(tmp_path / "a.npz")
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(CaseError, match="truncated"):
            read_npz_ct(path)

    def test_wrong_crc(self, tmp_path):
        imgs = np.random.default_rng(0).integers(0, 255, (5, 6, 7)).astype(np.uint8)
        np.savez(tmp_path / "a.npz", imgs=imgs, spacing=np.ones(3))  # stored, not deflated
        content = (tmp_path / "a.npz").read_bytes()
        position = content.index(imgs.tobytes()) + 50
        damaged = content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]
        (tmp_path / "a.npz").write_bytes(damaged)
        with pytest.raises(CaseError, match=r"a\.npz: the file is damaged \(Bad CRC-32"):
            read_npz_ct(tmp_path / "a.npz")

    @pytest.mark.parametrize(
        ("member", "n_mib", "message"),
        [
            ("imgs.npy", 3072, r"'imgs' is 3,072\.0 MiB when inflated, expected at most 2,048\.0 MiB"),
            ("imgs", 3072, r"'imgs' is 3,072\.0 MiB when inflated"),
            ("spacing.npy", 256, r"'spacing' is 256\.0 MiB when inflated, expected at most 0\.1 MiB"),
        ],
    )
    def test_what_swells_is_refused_before_it_is_inflated(self, tmp_path, member, n_mib, message):
        path = files.save_flare(tmp_path / "a.npz", **{member.removesuffix(".npy"): None})
        files.swelling(path, member, n_mib)
        tracemalloc.start()
        try:
            with pytest.raises(CaseError, match=rf"a\.npz: array {message}"):
                read_npz_ct(path)
            assert tracemalloc.get_traced_memory()[1] < 16 << 20
        finally:
            tracemalloc.stop()

    def test_a_list_that_says_less_than_there_is_inflates_no_more_than_it_says(self, tmp_path):
        path = files.swelling(files.save_flare(tmp_path / "a.npz", imgs=None), "imgs.npy", 512)
        content = bytearray(path.read_bytes())
        struct.pack_into("<I", content, content.rindex(b"PK\1\2") + 24, 1000)
        path.write_bytes(content)
        tracemalloc.start()
        try:
            with pytest.raises(CaseError, match=r"a\.npz: "):
                read_npz_ct(path)
            assert tracemalloc.get_traced_memory()[1] < 16 << 20
        finally:
            tracemalloc.stop()

    def test_a_text_file_in_the_archive_is_no_array(self, tmp_path):
        path = files.save_flare(tmp_path / "a.npz", recist=None)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("recist", "hello")
        assert "recist" in npz_keys(path)
        with pytest.raises(CaseError, match="'recist' is not an array"):
            read_npz_labels(path, "recist")

    @pytest.mark.parametrize(
        "header",
        [
            "(" * 300,
            "{'descr': '|u1', 'fortran_order': False, 'shape': (5, 6, 10**30)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (5, 6, 99999999999999999999999)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (-5, 6, 7)}",
            "{'descr': (), 'fortran_order': False, 'shape': (5, 6, 7)}",
            "{'descr': [1], 'fortran_order': False, 'shape': (5, 6, 7)}",
            "{'descr': 'x9', 'fortran_order': False, 'shape': (5, 6, 7)}",
            "{1: 2, 'shape': 3, 'descr': 4}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (5, 6, 7",
            "",
        ],
    )
    def test_a_header_that_is_none(self, tmp_path, header):
        path = files.save_flare(tmp_path / "a.npz", imgs=None)
        with zipfile.ZipFile(path, "a") as archive:
            text = header.encode()
            archive.writestr("imgs.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + bytes(210))
        with pytest.raises(CaseError, match=r"a\.npz: (array 'imgs' is damaged|.*memory)"):
            read_npz_ct(path)

    @pytest.mark.parametrize(
        ("fields", "message"),
        # Flags and method, in the local header and in the archive's own list.
        [({(6, 8): 1}, "encrypted"), ({(8, 10): 77}, "compression")],
    )
    def test_encrypted_or_packed_by_an_unknown_method(self, tmp_path, fields, message):
        path = files.save_flare(tmp_path / "a.npz")
        content = bytearray(path.read_bytes())
        for (local, central), value in fields.items():
            for start, offset in ((b"PK\3\4", local), (b"PK\1\2", central)):
                struct.pack_into("<H", content, content.index(start) + offset, value)
        path.write_bytes(content)
        with pytest.raises(CaseError, match=rf"a\.npz: array 'imgs' is damaged or encrypted .*{message}"):
            read_npz_ct(path)

    @settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_any_bytes_give_a_scan_or_a_plain_error(self, tmp_path, data):
        path = files.save_flare(tmp_path / "a.npz")
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        try:
            ct, _ = read_npz_ct(path)
        except CaseError:
            return
        assert ct.ndim == 3

    def test_spacing_in_metres_or_beyond_all_numbers(self, tmp_path):
        for changes, message in (
            ({"spacing": [0.0008, 0.0007, 0.0025]}, "is it in metres"),
            ({"spacing": [1e200, 1, 1]}, "micrometres"),
            ({"direction": np.eye(3).ravel() * 1e200}, "columns of length 1"),
            ({"origin": [1e300, 0, 0]}, "below 1e\\+06 mm"),
        ):
            with pytest.raises(CaseError, match=message):
                read_npz_ct(files.save_flare(tmp_path / "a.npz", **changes))

    def test_a_marker_of_another_shape(self, tmp_path):
        path = files.save_flare(tmp_path / "a.npz", recist=np.ones((5, 6, 8), dtype=np.uint8))
        _, source = read_ct(path)
        with pytest.raises(ValueError, match=r"marker volume has shape \(5, 6, 8\), the CT \(5, 6, 7\)"):
            read_marks(path, source)

    def test_writing_checks_the_shape(self, tmp_path):
        _, source = read_ct(files.save_flare(tmp_path / "a.npz"))
        with pytest.raises(OutputError, match="shape"):
            write_mask(tmp_path / "out.npz", np.zeros((5, 6, 8), dtype=np.uint8), source)
        assert not (tmp_path / "out.npz").exists()
