"""The package's own header against nibabel's."""

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_ensam.core.scan_source import ScanSource
from lite_ensam.io.nifti_header import NiftiHeader

NIBABEL = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
numbers = st.floats(-1, 1)


@st.composite
def affines(draw):
    """Any turn, mirrored or not, any spacing."""
    quaternion = np.array(draw(st.tuples(numbers, numbers, numbers, numbers)))
    length = np.linalg.norm(quaternion)
    turn = np.eye(3) if length < 0.1 else nib.quaternions.quat2mat(quaternion / length)
    affine = np.eye(4)
    affine[:3, :3] = turn[draw(st.permutations(range(3)))] * draw(
        st.tuples(*[st.sampled_from([0.5, 1.0, 3.0])] * 3)
    )
    affine[:3, 3] = draw(st.tuples(numbers, numbers, numbers))
    return affine


@pytest.mark.parametrize("size", [348, 540])
@pytest.mark.parametrize("order", ["<", ">"])
def test_fields_lie_where_nibabel_has_them(size, order):
    theirs = NIBABEL[size](endianness=order)
    for n, name in enumerate(theirs):
        if name not in ("sizeof_hdr", "magic"):
            theirs[name] = np.full_like(theirs[name], n)
    ours = NiftiHeader.from_bytes(theirs.binaryblock)
    for name in theirs:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    assert ours.size == size
    assert ours.to_bytes() == theirs.binaryblock
    assert ours.to_little_endian().to_bytes() == theirs.as_byteswapped("<").binaryblock
    assert ours.lowest_offset == theirs.single_vox_offset


@given(affine=affines(), long=st.booleans(), codes=st.sampled_from([(1, 0), (0, 1), (0, 0), (1, 1)]))
def test_a_plain_header_says_to_nibabel_what_it_says_here(affine, long, codes):
    shape = (40_000 if long else 40, 5, 6)
    ours = NiftiHeader.plain(shape, affine)
    ours.set_dtype(np.dtype(np.uint8))
    ours["scl_slope"] = 1
    ours["qform_code"], ours["sform_code"] = codes
    theirs = NIBABEL[540 if long else 348](ours.to_bytes())
    assert theirs.get_data_shape() == shape
    assert theirs.get_data_dtype() == ours.dtype() == np.uint8
    assert theirs.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(ours.affine(), theirs.get_best_affine(), rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(theirs.get_qform(), affine, atol=1e-3)


@given(affine=affines())
def test_axes_are_those_that_nibabel_finds(affine):
    shares = np.abs(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
    if any(np.diff(np.sort(column))[-1] < 1e-3 for column in [*shares, *shares.T]):
        return  # halfway between two axes either is right
    world = nib.io_orientation(affine)[:, 0].astype(int).tolist()
    source = ScanSource.from_file_affine((4, 5, 6), affine)
    assert source.file_axes_zyx == (world.index(2), world.index(1), world.index(0))


def test_a_half_turn_is_a_quaternion_no_longer_than_one():
    for axis in np.random.default_rng(0).normal(size=(300, 3)):
        affine = np.eye(4)
        affine[:3, :3] = 2 * np.outer(axis, axis) / (axis @ axis) - np.eye(3)
        header = NiftiHeader.plain((40_000, 5, 6), affine)
        header["sform_code"] = 0
        np.testing.assert_allclose(header.affine(), affine, atol=1e-6)
