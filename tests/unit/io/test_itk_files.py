"""NRRD and MetaImage files: what ITK writes and reads, and damages that ended the process in its parser."""

import bz2
import gzip
import zlib

import numpy as np
import pytest

from lite_ensam.core.errors import CaseError
from lite_ensam.io import read_ct, read_labels, write_ct

CT = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6) * 7 - 300
NRRD = {
    "type": "short",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "6 5 4",
    "space directions": "(0.7,0,0) (0,0.8,0) (0,0,2.5)",
    "kinds": "domain domain domain",
    "endian": "little",
    "encoding": "raw",
    "space origin": "(-3.5,4,-700.25)",
}
META = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    "Offset": "-3.5 4 -700.25",
    "ElementSpacing": "0.7 0.8 2.5",
    "DimSize": "6 5 4",
    "ElementType": "MET_SHORT",
    "ElementDataFile": "LOCAL",
}
AFFINE = [[-0.7, 0, 0, 3.5], [0, -0.8, 0, -4], [0, 0, 2.5, -700.25], [0, 0, 0, 1]]
"""RAS: what the LPS of both headers is in our world."""

RAW = CT.tobytes()
ZLIB = zlib.compress(RAW)
TEXT = " ".join(map(str, CT.ravel())).encode()


def nrrd(path, data=RAW, more=(), **changes):
    """A NRRD file; a field that is None is left out."""
    fields = NRRD | {name.replace("_", " "): value for name, value in changes.items()}
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    path.write_bytes("\n".join(["NRRD0004", *lines, *more, ""]).encode() + b"\n" + data)
    return path


def meta(path, data=RAW, **changes):
    """A MetaImage file; a field that is None is left out."""
    fields = META | changes
    fields["ElementDataFile"] = fields.pop("ElementDataFile")  # the last one
    lines = [f"{name} = {value}" for name, value in fields.items() if value is not None]
    path.write_bytes("\n".join([*lines, ""]).encode() + data)
    return path


def check(path, shape=CT.shape):
    """The file holds CT where AFFINE says; where SimpleITK is there, it says so too."""
    ct, source = read_ct(path)
    np.testing.assert_array_equal(ct, CT)
    np.testing.assert_allclose(source.grid.affine, AFFINE, atol=1e-9)
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed (extra register)")
    image = sitk.ReadImage(path)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image).reshape(shape), CT)
    np.testing.assert_allclose(image.GetOrigin()[:3], (-3.5, 4, -700.25))
    return source


@pytest.mark.parametrize(
    ("data", "changes"),
    [
        (RAW, {}),
        (CT.astype(">i2").tobytes(), {"endian": "big"}),
        (gzip.compress(RAW), {"encoding": "gzip"}),
        (TEXT, {"encoding": "ascii", "endian": None}),
        (TEXT.replace(b" ", b", "), {"encoding": "ascii", "endian": None}),
        (b"remark\n" + RAW, {"line_skip": "1"}),
        (bytes(9) + RAW, {"byte_skip": "9"}),
        (bytes(9) + RAW, {"byte_skip": "-1"}),
        (CT.astype("<f8").tobytes(), {"type": "double"}),
        (CT.astype("<i8").tobytes(), {"type": "long long int"}),
    ],
)
def test_nrrd_encodings(tmp_path, data, changes):
    assert check(nrrd(tmp_path / "ct.nrrd", data, **changes)).notes == ()


def test_what_the_formats_allow_and_simpleitk_does_not_read(tmp_path):
    packed = nrrd(tmp_path / "ct.nrrd", bz2.compress(RAW), encoding="bz2")
    text = meta(tmp_path / "text.mha", TEXT, BinaryData="False")
    unsized = meta(tmp_path / "unsized.mha", ZLIB, CompressedData="True")
    for path in (packed, text, unsized):
        np.testing.assert_array_equal(read_ct(path)[0], CT)


@pytest.mark.parametrize(
    ("space", "directions", "origin"),
    [
        ("right-anterior-superior", "(-0.7,0,0) (0,-0.8,0) (0,0,2.5)", "(3.5,-4,-700.25)"),
        ("LAS", "(0.7,0,0) (0,-0.8,0) (0,0,2.5)", "(-3.5,-4,-700.25)"),
    ],
)
def test_nrrd_in_other_worlds(tmp_path, space, directions, origin):
    check(nrrd(tmp_path / "ct.nrrd", space=space, space_directions=directions, space_origin=origin))


def test_a_nrrd_without_orientation_is_taken_as_itk_takes_it_and_said(tmp_path):
    source = check(nrrd(tmp_path / "ct.nrrd", space="scanner-xyz"))
    assert "taken as left-posterior-superior" in source.notes[0]
    bare = nrrd(
        tmp_path / "bare.nrrd", space=None, space_directions=None, space_origin=None, spacings="0.7 0.8 2.5"
    )
    _, source = read_ct(bare)
    assert source.grid.spacing_mm == (2.5, 0.8, 0.7)
    assert len(source.notes) == 1


BARE = {"space": None, "space_directions": None, "space_origin": None, "spacings": "0.7 0.8 2.5"}


@pytest.mark.parametrize(
    ("centers", "first"),
    [
        (None, (1.35, 2.4, 4.25)),
        ("cell cell cell", (1.35, 2.4, 4.25)),
        ("node node node", (1.0, 2.0, 3.0)),
        ("cell ??? node", (1.35, 2.4, 3.0)),
    ],
)
def test_axis_mins_are_where_cells_begin_or_nodes_lie(tmp_path, centers, first):
    path = nrrd(tmp_path / "ct.nrrd", axis_mins="1 2 3", centers=centers, **BARE)
    x, y, z = first
    np.testing.assert_allclose(read_ct(path)[1].grid.affine[:3, 3], (-x, -y, z))
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed (extra register)")
    np.testing.assert_allclose(sitk.ReadImage(path).GetOrigin(), first)


def test_axis_mins_that_nrrd_does_not_know_are_none(tmp_path):
    path = nrrd(tmp_path / "ct.nrrd", axis_mins="nan nan nan", **BARE)
    np.testing.assert_array_equal(read_ct(path)[1].grid.affine[:3, 3], 0)


@pytest.mark.parametrize("units", ["cm cm cm", '"mm" cm "mm"'])
def test_units_of_nrrd_count_without_quotation_marks_too(tmp_path, units):
    with pytest.raises(CaseError, match="spacing must be in mm, its header says 'cm'"):
        read_ct(nrrd(tmp_path / "ct.nrrd", space_units=units))
    for n, said in enumerate(("mm mm mm", "mm, mm, mm", '"mm","mm","mm"')):
        np.testing.assert_array_equal(read_ct(nrrd(tmp_path / f"{n}.nrrd", space_units=said))[0], CT)


@pytest.mark.parametrize(
    ("data_file", "order"),
    [
        ("s%03d.raw 0 3 1", [0, 1, 2, 3]),
        ("s%03d.raw 0 3 1 2", [0, 1, 2, 3]),
        ("s%03d.raw 3 0 -1", [3, 2, 1, 0]),
        ("half%d.raw 0 1 1 3", [0, 1, 2, 3]),
    ],
)
def test_numbered_files_of_nrrd(tmp_path, data_file, order):
    for k, one in enumerate(CT):
        (tmp_path / f"s{k:03d}.raw").write_bytes(one.tobytes())
    for n in range(2):
        (tmp_path / f"half{n}.raw").write_bytes(CT[2 * n : 2 * n + 2].tobytes())
    path = nrrd(tmp_path / "ct.nhdr", b"", data_file=data_file)
    np.testing.assert_array_equal(read_ct(path)[0], CT[order])
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed (extra register)")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(path)), CT[order])


def test_slicers_segmentation_of_one_layer_has_a_fourth_axis_sometimes(tmp_path):
    labels = (CT > 0).astype(np.uint8)
    path = nrrd(
        tmp_path / "a.seg.nrrd",
        labels.tobytes(),
        ["Segment0_Name:=liver: left", "Segmentation_MasterRepresentation:=Binary labelmap", "# a remark"],
        type="unsigned char",
        dimension="4",
        sizes="1 6 5 4",
        space_directions="none (0.7,0,0) (0,0.8,0) (0,0,2.5)",
        kinds="list domain domain domain",
    )
    np.testing.assert_array_equal(read_labels(path), labels)


@pytest.mark.parametrize(
    ("data", "changes"),
    [
        (RAW, {}),
        (RAW, {"BinaryData": None, "BinaryDataByteOrderMSB": None}),
        (CT.astype(">i2").tobytes(), {"BinaryDataByteOrderMSB": "True"}),
        (ZLIB, {"CompressedData": "True", "CompressedDataSize": len(ZLIB)}),
        (RAW, {"HeaderSize": "-1"}),
        (RAW, {"TransformMatrix": None, "Offset": None, "Position": "-3.5 4 -700.25"}),
        (CT.astype("<i4").tobytes(), {"ElementType": "MET_LONG"}),
        (CT.astype("<i8").tobytes(), {"ElementType": "MET_LONG_LONG"}),
    ],
)
def test_metaimage_encodings(tmp_path, data, changes):
    check(meta(tmp_path / "ct.mha", data, **changes))


def test_voxels_in_other_files(tmp_path):
    (tmp_path / "all.raw").write_bytes(RAW)
    for n, one in enumerate(CT, start=1):
        (tmp_path / f"slice{n:02d}.raw").write_bytes(one.tobytes())
    names = [f"slice{n:02d}.raw" for n in range(1, 5)]
    check(nrrd(tmp_path / "a.nhdr", b"", data_file="all.raw"))
    check(nrrd(tmp_path / "b.nhdr", b"", data_file="slice%02d.raw 1 4 1"))
    listed = nrrd(tmp_path / "c.nhdr", b"", ["data file: LIST", *names])
    listed.write_bytes(listed.read_bytes().rstrip() + b"\n")
    check(listed)
    check(meta(tmp_path / "a.mhd", b"", ElementDataFile="all.raw"))
    check(meta(tmp_path / "b.mhd", b"", ElementDataFile="slice%02d.raw 1 4 1"))
    check(meta(tmp_path / "c.mhd", "\n".join(names).encode(), ElementDataFile="LIST"))
    with pytest.raises(CaseError, match=r"d\.mhd: .*gone\.raw: no such file"):
        read_ct(meta(tmp_path / "d.mhd", b"", ElementDataFile="gone.raw"))


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.uint8, np.float32])
def test_what_is_written_is_read_by_itk(tmp_path, suffix, dtype):
    _, source = read_ct(nrrd(tmp_path / "ct.nrrd"))
    path = tmp_path / f"out{suffix}"
    write_ct(path, (CT > 0).astype(dtype), source)
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed (extra register)")
    image = sitk.ReadImage(path)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), CT > 0)
    np.testing.assert_allclose(image.GetSpacing(), (0.7, 0.8, 2.5))
    np.testing.assert_allclose(image.GetOrigin(), (-3.5, 4, -700.25))
    np.testing.assert_allclose(image.GetDirection(), np.eye(3).ravel())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sizes": "6 5 -4"}, "sizes must be whole numbers of at least 1"),
        ({"sizes": "6 5"}, "sizes must be 3 numbers"),
        ({"sizes": "6 5 nan"}, "sizes must be whole"),
        ({"sizes": "6 5 5"}, "truncated"),
        ({"sizes": "6 5 3"}, "holds more voxels than its header says"),
        ({"sizes": f"6 5 {10**15}"}, "truncated"),
        ({"dimension": "9" * 5000}, "the number of axes must be"),
        ({"dimension": "17"}, "a CT or mask has three axes, its header says 17"),
        ({"type": "block"}, "its type is 'block'"),
        ({"endian": None}, "endian must be little or big"),
        ({"encoding": "hex"}, "its encoding is 'hex'"),
        ({"space_directions": "(0.7,0,0) (0,0.8,0)"}, "space directions must be 3 vectors"),
        ({"space_directions": "none (0,0.8,0) (0,0,2.5)"}, "three axes in space"),
        ({"space_directions": None}, "no field 'spacings'"),
        ({"space_directions": None, "spacings": "0 1 1"}, "spacings must be positive"),
        ({"space_directions": None, "spacings": "1 1 1"}, "expected `space directions`"),
        (
            {"space_directions": None, "space_origin": None, "spacings": "1 1 1"},
            "expected `space directions`",
        ),
        (BARE | {"axis_mins": "1 2 nan"}, "`axis mins` and `centers` need one value for each of the 3 axes"),
        (BARE | {"axis_mins": "1 2 3", "centers": "cell"}, "need one value for each of the 3 axes"),
        ({"space_units": '"cm" "cm" "cm"'}, "its header says 'cm'"),
        ({"byte_skip": "-2"}, "must not be negative"),
        ({"data_file": "a%d%d.raw 1 2 1"}, "no such file"),
        ({"data_file": "a%d.raw 1 999999999 1"}, "files of voxels, expected 1 to"),
        ({"9" * 5000: "1", "encoding": "gzip"}, "damaged"),
    ],
)
def test_nrrd_headers_that_make_no_sense(tmp_path, changes, said):
    with pytest.raises(CaseError, match=rf"^.*ct\.nrrd: .*{said}") as error:
        read_ct(nrrd(tmp_path / "ct.nrrd", **changes))
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"NDims": "2", "DimSize": "30 4"}, "a CT or mask has three axes, this image is 2D"),
        ({"DimSize": "6 5 5"}, "truncated"),
        ({"DimSize": "6 5 3"}, "holds more voxels"),
        ({"ElementSpacing": None}, "no field ElementSpacing"),
        ({"ElementSpacing": "0.7 0.8 -2.5"}, "ElementSpacing must be positive"),
        ({"ElementType": "MET_STRING"}, "its ElementType is 'MET_STRING'"),
        ({"ElementNumberOfChannels": "3"}, "ElementNumberOfChannels must be 1"),
        ({"ElementToIntensityFunctionOffset": "-1024"}, "IntensityFunctionOffset must be 0"),
        ({"TransformMatrix": "1 0 0 0 2 0 0 0 1"}, "rows of length 1"),
        ({"TransformMatrix": "1 0 0"}, "TransformMatrix must be 9 numbers"),
        ({"DistanceUnits": "cm"}, "its header says 'cm'"),
        ({"HeaderSize": "nan"}, "HeaderSize must be a whole number"),
        ({"CompressedData": "True"}, "damaged"),
        ({"ElementDataFile": None}, "does not come to ElementDataFile"),
        ({"ElementDataFile": ""}, "files of voxels"),
    ],
)
def test_metaimage_headers_that_make_no_sense(tmp_path, changes, said):
    data = b"" if changes.get("ElementDataFile", "LOCAL") is None else RAW
    with pytest.raises(CaseError, match=rf"^.*ct\.mha: .*{said}") as error:
        read_ct(meta(tmp_path / "ct.mha", data, **changes))
    assert len(str(error.value).splitlines()) == 1


def test_files_that_are_something_else(tmp_path):
    for name in ("a.nrrd", "a.mha", "a.nhdr", "a.mhd"):
        for content in (b"", b"\x1f\x8b" + bytes(100), b"NRRD0004\n" + b"9" * (1 << 21), bytes(1 << 21)):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(CaseError, match=rf"{name}: "):
                read_ct(tmp_path / name)


def test_a_stream_that_goes_on_is_not_inflated_to_its_end(tmp_path):
    bomb = gzip.compress(RAW + bytes(1 << 28), 9)
    with pytest.raises(CaseError, match="holds more voxels"):
        read_ct(nrrd(tmp_path / "ct.nrrd", bomb, encoding="gzip"))
