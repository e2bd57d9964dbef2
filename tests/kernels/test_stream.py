import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lite_ensam import _kernels
from tests.kernels import strategies

STORED = tuple(np.dtype(code) for code in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"))
in_tmp_path = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(path: Path, volume: np.ndarray, dtype: np.dtype, offset: int, compressed: bool) -> str:
    content = bytes(offset) + volume.astype(dtype).tobytes()
    middle = len(content) // 2
    members = gzip.compress(content[:middle]) + gzip.compress(content[middle:], compresslevel=1)
    path.write_bytes(members if compressed else content)
    return str(path)


@in_tmp_path
@given(
    data=st.data(),
    volume=strategies.arrays(tuple(dtype.type for dtype in STORED), min_side=1),
    order=st.sampled_from("<>"),
    offset=st.integers(0, 9),
    compressed=st.booleans(),
    slope=st.sampled_from([1.0, 2.0, 0.25]),
)
def test_read_boxes_matches_reference(tmp_path, data, volume, order, offset, compressed, slope):
    dtype = volume.dtype.newbyteorder(order)
    path = written(tmp_path / "volume", volume, dtype, offset, compressed)
    boxes = data.draw(st.lists(strategies.boxes(volume.shape), max_size=3))
    voxels, bounds, is_whole = _kernels.read_boxes(path, offset, volume.shape, dtype.str, boxes, slope, 1.0)
    assert len(voxels) == len(boxes)
    for (start, stop), found in zip(boxes, voxels, strict=True):
        expected = volume[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
        assert found.dtype == volume.dtype
        np.testing.assert_array_equal(found, expected)
    assert bounds == (volume.min(), volume.max())
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = volume.astype(np.float64) * slope + 1.0
        assert is_whole == np.array_equal(scaled[np.isfinite(scaled)], np.rint(scaled).ravel())


@in_tmp_path
@given(
    volume=strategies.arrays((np.uint8, np.int16, np.float32), st.sampled_from([0, 0, 0, 0, 1, 7]), 1),
    compressed=st.booleans(),
)
def test_read_labelled_matches_reference(tmp_path, volume, compressed):
    path = written(tmp_path / "marker", volume, volume.dtype, 3, compressed)
    places, values = _kernels.read_labelled(path, 3, volume.shape, volume.dtype.str)
    np.testing.assert_array_equal(places, np.argwhere(volume))
    np.testing.assert_array_equal(values, volume[volume != 0])
    assert values.dtype == volume.dtype


def test_nan_leaves_no_range_and_infinity_is_one(tmp_path):
    volume = np.array([[[1, np.nan, 3]]], np.float32)
    path = written(tmp_path / "volume", volume, volume.dtype, 0, False)
    assert _kernels.read_boxes(path, 0, volume.shape, "<f4", [])[1] is None
    volume[0, 0, 1] = np.inf
    path = written(tmp_path / "volume", volume, volume.dtype, 0, False)
    assert _kernels.read_boxes(path, 0, volume.shape, "<f4", [])[1] == (1.0, np.inf)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(("offset", "shape"), [(0, (1, 2, 4)), (13, (1, 1, 1)), (3, (1, 2, 3))])
def test_a_file_that_ends_early(tmp_path, compressed, offset, shape):
    path = written(tmp_path / "volume", np.zeros((1, 2, 3), np.int16), np.dtype("<i2"), 0, compressed)
    with pytest.raises(EOFError, match="ends before its last voxel"):
        _kernels.read_boxes(path, offset, shape, "<i2", [])
    with pytest.raises(EOFError):
        _kernels.read_labelled(path, offset, shape, "<i2")


@pytest.mark.parametrize("place", [-1, -5, 20])
def test_a_damaged_file(tmp_path, place):
    content = bytearray(gzip.compress(np.random.default_rng(0).bytes(600)))
    content[place] ^= 0x10
    (tmp_path / "volume").write_bytes(content)
    with pytest.raises((gzip.BadGzipFile, EOFError)):
        _kernels.read_boxes(str(tmp_path / "volume"), 0, (1, 2, 3), "<i2", [])


def test_bad_arguments_and_missing_files(tmp_path):
    path = written(tmp_path / "volume", np.zeros((1, 2, 3), np.int16), np.dtype("<i2"), 0, False)
    with pytest.raises(ValueError, match="box must satisfy"):
        _kernels.read_boxes(path, 0, (1, 2, 3), "<i2", [((0, 0, 0), (1, 3, 3))])
    for dtype in ("<c8", "i2", "", "<f2"):
        with pytest.raises(TypeError, match="dtype must"):
            _kernels.read_boxes(path, 0, (1, 2, 3), dtype, [])
    with pytest.raises(FileNotFoundError):
        _kernels.read_boxes(str(tmp_path / "none"), 0, (1, 2, 3), "<i2", [])


@given(
    parts=st.lists(st.binary(max_size=200) | st.integers(0, 10_000).map(bytes), max_size=4),
    level=st.integers(0, 9),
)
def test_what_is_deflated_is_a_gzip_stream(parts, level):
    deflater = _kernels.Deflater(level)
    stream = b"".join([*(deflater.compress(part) for part in parts), deflater.finish()])
    assert gzip.decompress(stream) == b"".join(parts)
    for call in (deflater.finish, lambda: deflater.compress(b""), lambda: deflater.compress_zeros(1)):
        with pytest.raises(ValueError, match="finished"):
            call()


@given(
    parts=st.lists(st.binary(max_size=200) | st.integers(0, 10_000), max_size=6),
    level=st.integers(0, 9),
)
def test_zeros_are_bytes_like_others(parts, level):
    deflater = _kernels.Deflater(level)
    deflated = [
        deflater.compress_zeros(part) if isinstance(part, int) else deflater.compress(part) for part in parts
    ]
    assert gzip.decompress(b"".join([*deflated, deflater.finish()])) == b"".join(map(bytes, parts))


def test_a_level_beyond_nine_is_refused():
    with pytest.raises(ValueError, match="level must be 0 to 9, got 10"):
        _kernels.Deflater(10)


@given(
    volume=strategies.arrays((np.int16, np.float32), st.integers(-3000, 3000), min_side=1),
    start_zyx=strategies.triples(strategies.crop_starts()),
    step_zyx=strategies.triples(strategies.crop_steps()),
    shape_zyx=strategies.triples(st.integers(1, 6)),
)
def test_a_part_is_resampled_as_the_whole_is(volume, start_zyx, step_zyx, shape_zyx):
    box = start_zyx, step_zyx, shape_zyx
    start, stop = _kernels.resample_box(volume.shape, *box)
    part = volume[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
    patch = _kernels.crop_resample(part, *box, start, volume.shape)
    np.testing.assert_array_equal(patch, _kernels.crop_resample(volume, *box))
    if part.shape[0] > 1:
        with pytest.raises(ValueError, match="the patch needs the voxels"):
            _kernels.crop_resample(part[1:], *box, (start[0] + 1, *start[1:]), volume.shape)
