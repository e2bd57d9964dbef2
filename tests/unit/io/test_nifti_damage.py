"""Files that are no image, or no longer one."""

import gzip

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lite_ensam.core.errors import CaseError
from lite_ensam.io import nifti
from lite_ensam.io.nifti import read_nifti_ct
from tests.unit.io import files


def noise() -> np.ndarray:
    """Voxels that do not compress, so that any byte matters."""
    return np.random.default_rng(0).integers(-1000, 1000, (7, 6, 5)).astype(np.int16)


class TestDamage:
    def test_no_such_file(self, tmp_path):
        with pytest.raises(CaseError, match=r"nowhere\.nii\.gz: no such file"):
            read_nifti_ct(tmp_path / "nowhere.nii.gz")

    def test_a_folder(self, tmp_path):
        with pytest.raises(CaseError, match="is a folder"):
            read_nifti_ct(tmp_path)

    @pytest.mark.parametrize(
        "content", [b"", b"abc", b"hello, world\n" * 200, bytes(2000), b"\x89PNG\r\n\x1a\n" + bytes(999)]
    )
    @pytest.mark.parametrize("compressed", [False, True])
    def test_not_an_image(self, tmp_path, content, compressed):
        path = tmp_path / "ct.nii"
        path.write_bytes(content)
        with pytest.raises(CaseError, match=r"ct\.nii(\.gz)?: is not a NIfTI image"):
            read_nifti_ct(files.gzipped(path) if compressed else path)

    def test_analyze_and_pairs_are_refused(self, tmp_path):
        path = files.save_nifti(tmp_path / "ct.nii")
        with pytest.raises(CaseError, match="pair"):
            read_nifti_ct(files.patch(path, 344, "<4s", b"ni1\0"))
        with pytest.raises(CaseError, match="not a NIfTI image"):
            read_nifti_ct(files.patch(path, 344, "<4s", b"\0\0\0\0"))

    @pytest.mark.parametrize(("version", "position"), [(1, 344), (2, 4)])
    @pytest.mark.parametrize("magic", [b"n+3\0", b"n+1x", b"n\0\0\0", b"ni9\0"])
    def test_other_magic_is_refused(self, tmp_path, version, position, magic):
        path = files.save_nifti(tmp_path / "ct.nii", version=version)
        with pytest.raises(CaseError, match="not a NIfTI image: its magic is"):
            read_nifti_ct(files.patch(path, position, "<4s", magic))

    @pytest.mark.parametrize("compressed", [False, True])
    def test_bytes_behind_the_voxels_are_read_up_to_a_limit(self, tmp_path, monkeypatch, compressed):
        monkeypatch.setattr(nifti, "_SPARE", 2 << 20)
        for more, good in ((2 << 20, True), ((2 << 20) + 1, False)):
            path = files.save_nifti(tmp_path / "ct.nii")
            path.write_bytes(path.read_bytes() + bytes(more))
            path = files.gzipped(path) if compressed else path
            if good:
                np.testing.assert_array_equal(read_nifti_ct(path)[0], files.voxels().T)
            else:
                with pytest.raises(CaseError, match="more than 2 MiB after its last voxel"):
                    read_nifti_ct(path)

    def test_voxels_that_begin_far_on_are_not_looked_for(self, tmp_path):
        path = files.patch(files.save_nifti(tmp_path / "ct.nii"), files.VOX_OFFSET, "<f", 1e9)
        with pytest.raises(CaseError, match=r"byte 1e\+09 \(vox_offset\)"):
            read_nifti_ct(files.gzipped(path))

    @pytest.mark.parametrize("kept", [2, 5, 60, 200, 0.5, 0.9, -9, -8, -4, -1])
    def test_a_truncated_gz(self, tmp_path, kept):
        path = files.gzipped(files.save_nifti(tmp_path / "ct.nii", noise()))
        content = path.read_bytes()
        path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
        with pytest.raises(CaseError, match=r"ct\.nii\.gz: the file is truncated"):
            read_nifti_ct(path)

    @pytest.mark.parametrize("kept", [100, 347, 352, 500, -1])
    def test_a_truncated_nii(self, tmp_path, kept):
        path = files.save_nifti(tmp_path / "ct.nii", noise())
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(CaseError, match="truncated"):
            read_nifti_ct(path)

    @pytest.mark.parametrize("position", [-8, -5, -4, -1])
    def test_a_wrong_crc_or_length(self, tmp_path, position):
        path = files.gzipped(files.save_nifti(tmp_path / "ct.nii", noise()))
        content = bytearray(path.read_bytes())
        content[position] ^= 0x10
        path.write_bytes(content)
        with pytest.raises(CaseError, match=r"ct\.nii\.gz: the file is damaged"):
            read_nifti_ct(path)

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_a_flipped_bit_never_changes_a_voxel(self, tmp_path, data):
        path = files.gzipped(files.save_nifti(tmp_path / "ct.nii", noise()))
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(content)
        try:
            ct, _ = read_nifti_ct(path)
        except CaseError:
            return
        np.testing.assert_array_equal(ct, noise().T)  # a bit that means nothing: padding, a time

    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_any_header_gives_a_scan_or_a_plain_error(self, tmp_path, data):
        path = files.save_nifti(tmp_path / "ct.nii")
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, 351))] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        try:
            ct, _ = read_nifti_ct(path)
        except CaseError:
            return
        assert ct.ndim == 3

    def test_a_header_that_promises_terabytes_allocates_nothing(self, tmp_path):
        path = files.patch(files.save_nifti(tmp_path / "ct.nii"), files.DIM, "<4h", 3, 32767, 32767, 32767)
        for damaged in (path, files.gzipped(path)):
            with pytest.raises(CaseError, match="truncated"):
                read_nifti_ct(damaged)

    def test_a_gz_named_nii_and_the_other_way_round(self, tmp_path):
        plain = files.save_nifti(tmp_path / "a.nii")
        compressed = files.gzipped(plain)
        compressed.rename(tmp_path / "b.nii")
        plain.rename(tmp_path / "b.nii.gz")
        np.testing.assert_array_equal(read_nifti_ct(tmp_path / "b.nii")[0], files.voxels().T)
        np.testing.assert_array_equal(read_nifti_ct(tmp_path / "b.nii.gz")[0], files.voxels().T)

    def test_a_gz_of_several_members_and_a_header_extension(self, tmp_path):
        image = nib.Nifti1Image(files.voxels(), files.AFFINE)
        image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"x" * 100))
        nib.save(image, tmp_path / "ct.nii")
        content = (tmp_path / "ct.nii").read_bytes()
        (tmp_path / "ct.nii.gz").write_bytes(gzip.compress(content[:400]) + gzip.compress(content[400:]))
        np.testing.assert_array_equal(read_nifti_ct(tmp_path / "ct.nii.gz")[0], files.voxels().T)
