"""What `segment` takes: every form of a scan and of its lines gives one mask, what cannot be right is said."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import lite_ensam
from lite_ensam.core.errors import LiteEnsamError
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.io import read_ct, read_labels, write_ct, write_marks
from tests.integration.conftest import Run
from tests.integration.inputs import (
    AFFINE,
    BARE,
    CT,
    ENDS,
    ENDS_LPS,
    ENDS_RAS,
    ENTRIES,
    MARKS,
    PLACED,
    ROWS,
    SPACING,
    ArrayLike,
    Call,
    Frame,
    MetaTensor,
    NamedAxes,
    SimpleITK,
    call,
    in_file,
    itk_image,
    marker,
    nibabel_image,
    on_array,
    placed,
    slicer,
    with_marks,
)

SCANS: dict[str, Callable[[Path], Call]] = {
    "array": on_array(MARKS),
    "array with a grid": placed(MARKS),
    "array with a source": lambda folder: call(CT, MARKS, grid=ScanSource.of(PLACED)),
    "floats": lambda folder: call(CT.astype(np.float64), MARKS, SPACING),
    "big integers": lambda folder: call(CT.astype(np.int64), MARKS, SPACING),
    "big-endian": lambda folder: call(CT.astype(">i2"), MARKS, SPACING),
    "Fortran order": lambda folder: call(np.asfortranarray(CT), MARKS, SPACING),
    "something with __array__": lambda folder: call(ArrayLike(CT), MARKS, SPACING),
    "nested lists": lambda folder: call(CT.tolist(), MARKS, SPACING),
    "pair with a grid": lambda folder: call((CT, PLACED), MARKS),
    "Case": lambda folder: call(BARE),
    "Case with other marks": lambda folder: call(BARE, ENDS),
    ".nii": in_file("ct.nii"),
    ".nii.gz": in_file("ct.nii.gz"),
    ".nrrd": in_file("ct.nrrd"),
    ".mha": in_file("ct.mha"),
    "SimpleITK": lambda folder: call(itk_image(), MARKS),
}

IMAGES: dict[str, Callable[[], Any]] = {
    "nibabel": nibabel_image,
    "nibabel, scaled": lambda: nib.Nifti1Image((CT.T / 2).astype(np.float32) * 2, AFFINE),
    "nibabel, an axis of one time": lambda: nib.Nifti1Image(CT.T[..., None], AFFINE),
    "MONAI": lambda: MetaTensor(CT.T[None]),
    "xarray": NamedAxes,
}
"""Images whose array is in the order i, j, k: so are the labels."""

MARK_FORMS: dict[str, Callable[[Path], Call]] = {
    "RecistMarks": on_array(list(MARKS)),
    "a generator": on_array(mark for mark in MARKS),
    "nested lists": on_array(ENDS),
    "tuples": on_array(tuple(map(tuple, ENDS))),
    "an array": on_array(np.array(ENDS)),
    "a list of arrays": on_array([np.array(ends) for ends in ENDS]),
    "six numbers a line": on_array(np.array(ENDS).reshape(-1, 6)),
    "a mapping": on_array(dict(enumerate(ENDS, start=1))),
    "a mapping to arrays": on_array({np.int64(n): np.array(ends) for n, ends in enumerate(ENDS, start=1)}),
    "dictionaries of the JSON": on_array(ENTRIES),
    "the JSON object": on_array({"marks": [{"label": n, **one} for n, one in enumerate(ENTRIES, start=1)]}),
    "rows of a table": on_array(ROWS),
    "rows of csv.DictReader": on_array([{key: str(cell) for key, cell in row.items()} for row in ROWS]),
    "a data frame": on_array(Frame(ROWS)),
    "a mapping of columns": on_array({name: [row[name] for row in ROWS] for name in ROWS[0]}),
    "a structured array": on_array(
        np.array([tuple(row.values()) for row in ROWS], dtype=[(name, "f8") for name in ROWS[0]])
    ),
    "a marker volume": on_array(marker()),
    "a marker volume as an image": lambda folder: call(
        nibabel_image(), nib.Nifti1Image(np.ascontiguousarray(marker().T), AFFINE)
    ),
    "RAS": placed(ENDS_RAS, marks_in="ras"),
    "LPS": placed(ENDS_LPS, marks_in="lps"),
    "a mapping in LPS": placed(dict(enumerate(ENDS_LPS, start=1)), marks_in="lps"),
    "endpoints_mm": placed([{"endpoints_mm": ends} for ends in ENDS_RAS]),
    "endpoints_mm in LPS": placed([{"endpoints_mm": ends} for ends in ENDS_LPS], marks_in="lps"),
    "JSON": with_marks("marks.json", {"marks": ENTRIES}),
    "JSON in LPS": with_marks(
        "marks.json", {"marks": [{"endpoints_mm": ends} for ends in ENDS_LPS]}, marks_in="lps"
    ),
    "CSV without labels": with_marks(
        "marks.csv",
        "z0,y0,x0,z1,y1,x1\n" + "\n".join(",".join(map(str, np.ravel(ends))) for ends in ENDS),
    ),
    "3D Slicer, LPS": with_marks("lines.mrk.json", slicer("LPS", ENDS_LPS)),
    "3D Slicer, RAS": with_marks("lines.mrk.json", slicer("RAS", ENDS_RAS)),
    "3D Slicer's object": placed(slicer("LPS", ENDS_LPS)),
}


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    return np.asarray(lite_ensam.segment(BARE))


@pytest.mark.parametrize("form", SCANS)
def test_every_form_of_a_scan_gives_one_mask(form: str, expected: np.ndarray, tmp_path: Path) -> None:
    arguments, options = SCANS[form](tmp_path)
    result = lite_ensam.segment(*arguments, **options)
    np.testing.assert_array_equal(np.asarray(result), expected)
    assert result.labels.shape == CT.shape


@pytest.mark.parametrize("form", IMAGES)
def test_an_image_gets_labels_in_its_own_order(form: str, expected: np.ndarray, tmp_path: Path) -> None:
    result = lite_ensam.segment(IMAGES[form](), ENDS)
    np.testing.assert_array_equal(result.labels, expected.T)
    result.save(tmp_path / "mask.nii.gz")
    lite_ensam.write_mask(tmp_path / "again.nii.gz", result.labels, result.source)
    assert (tmp_path / "mask.nii.gz").read_bytes() == (tmp_path / "again.nii.gz").read_bytes()


@pytest.mark.parametrize("form", MARK_FORMS)
def test_every_form_of_lines_gives_one_mask(form: str, expected: np.ndarray, tmp_path: Path) -> None:
    arguments, options = MARK_FORMS[form](tmp_path)
    labels = np.asarray(lite_ensam.segment(*arguments, **options))
    np.testing.assert_array_equal(labels.T if form.endswith("as an image") else labels, expected)


def test_a_tensor_of_torch(expected: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    ct = torch.from_numpy(CT.astype(np.float32)).requires_grad_()
    np.testing.assert_array_equal(lite_ensam.segment(ct, torch.tensor(ENDS), SPACING).labels, expected)
    half = ct.detach().bfloat16()
    rounded = lite_ensam.segment(half.float(), ENDS, SPACING)
    np.testing.assert_array_equal(lite_ensam.segment(half, ENDS, SPACING).labels, rounded.labels)


def test_a_row_of_a_data_frame(expected: np.ndarray) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([np.ravel(ends) for ends in ENDS], columns=["z0", "y0", "x0", "z1", "y1", "x1"])
    np.testing.assert_array_equal(lite_ensam.segment(BARE, frame).labels, expected)
    alone = lite_ensam.segment(BARE, frame.iloc[0])
    np.testing.assert_array_equal(alone.labels, lite_ensam.segment(BARE, ENDS[0]).labels)


def test_a_table_of_arrow(expected: np.ndarray) -> None:
    arrow = pytest.importorskip("pyarrow")
    np.testing.assert_array_equal(
        lite_ensam.segment(CT, arrow.Table.from_pylist(ROWS), SPACING).labels, expected
    )


def test_the_pair_that_read_ct_returns(expected: np.ndarray, tmp_path: Path) -> None:
    write_ct(tmp_path / "ct.nii.gz", CT, PLACED)
    result = lite_ensam.segment(lite_ensam.read_ct(tmp_path / "ct.nii.gz"), MARKS)
    np.testing.assert_array_equal(result.labels, expected)


@pytest.mark.parametrize("codes", ["RAS", "LAS", "PLS", "SAR", "IPL"])
def test_images_in_other_orders_and_directions(codes: str, expected: np.ndarray, tmp_path: Path) -> None:
    from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

    there = ornt_transform(io_orientation(AFFINE), axcodes2ornt(codes))
    image = nibabel_image().as_reoriented(there)
    result = lite_ensam.segment(image, ENDS_RAS, marks_in="ras")
    assert result.labels.shape == image.shape
    own = nib.Nifti1Image(np.asarray(result).astype(np.uint8), image.affine)
    straight = own.as_reoriented(ornt_transform(axcodes2ornt(codes), io_orientation(AFFINE)))
    np.testing.assert_array_equal(np.asarray(straight.dataobj).T, expected)
    result.save(tmp_path / "mask.nii.gz")
    written = nib.load(tmp_path / "mask.nii.gz")
    np.testing.assert_allclose(written.affine, image.affine)
    np.testing.assert_array_equal(np.asarray(written.dataobj), result.labels)

    k_j_i = np.rint(nib.affines.apply_affine(np.linalg.inv(image.affine), ENDS_RAS))[..., ::-1]
    np.testing.assert_array_equal(lite_ensam.segment(image, k_j_i).labels, result.labels)


def test_one_line_needs_no_label_and_no_list() -> None:
    for one in (ENDS[0], np.array(ENDS[0]), ENTRIES[0], ROWS[0], MARKS[0], np.ravel(ENDS[0]).tolist()):
        result = lite_ensam.segment(CT, one, SPACING)
        assert [mark.label for mark in result.marks] == [1]
        assert result.marks[0].endpoints_zyx == MARKS[0].endpoints_zyx


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_a_mask_of_an_array_with_a_grid_has_its_affine(suffix: str, tmp_path: Path) -> None:
    result = lite_ensam.segment(CT, MARKS, grid=PLACED)
    result.save(tmp_path / f"mask{suffix}")
    labels = read_labels(tmp_path / f"mask{suffix}", PLACED)
    np.testing.assert_array_equal(labels, result.labels)
    image = SimpleITK.ReadImage(tmp_path / f"mask{suffix}")
    np.testing.assert_allclose(image.GetOrigin(), (-20.0, -15.0, -700.0), atol=1e-4)
    assert image.GetPixelIDTypeAsString() == "8-bit unsigned integer"


def test_headers_with_their_voxels_beside_them_are_read(expected: np.ndarray, tmp_path: Path) -> None:
    for name in ("ct.mhd", "ct.nhdr"):
        SimpleITK.WriteImage(itk_image(), tmp_path / name)
        np.testing.assert_array_equal(lite_ensam.segment(tmp_path / name, MARKS).labels, expected)
        with pytest.raises(LiteEnsamError, match=r"must end in .*\.mha"):
            write_ct(tmp_path / f"out_{name}", CT, PLACED)


def test_names_and_labels_of_slicers_lines(tmp_path: Path) -> None:
    content = slicer("LPS", ENDS_LPS[:2])
    content["markups"][0]["controlPoints"][0]["label"] = "segment 7-1"
    content["markups"][0]["controlPoints"][1]["label"] = "segment 7-2"
    result = lite_ensam.segment(CT, content, grid=PLACED)
    assert [(mark.label, mark.name) for mark in result.marks] == [(1, "segment 7"), (2, "")]


def test_the_table_has_at_least_40_inputs() -> None:
    assert len(SCANS) + len(IMAGES) + len(MARK_FORMS) >= 40


@pytest.mark.parametrize("form", SCANS)
def test_explore_takes_the_same_scans(form: str, tmp_path: Path) -> None:
    pytest.importorskip("ipywidgets")
    arguments, options = SCANS[form](tmp_path)
    viewer = lite_ensam.explore(*arguments, **options).viewer
    np.testing.assert_array_equal(viewer.ct, CT)
    assert [mark.endpoints_zyx for mark in viewer.marks] == [mark.endpoints_zyx for mark in MARKS]


@pytest.mark.parametrize("form", [form for form in MARK_FORMS if form != "a generator"])
def test_explore_takes_the_same_lines(form: str, tmp_path: Path) -> None:
    pytest.importorskip("ipywidgets")
    arguments, options = MARK_FORMS[form](tmp_path)
    viewer = lite_ensam.explore(*arguments, **options).viewer
    for shown, mark in zip(viewer.marks, MARKS, strict=True):
        np.testing.assert_allclose(shown.endpoints_zyx, mark.endpoints_zyx, atol=1e-6)


def test_explore_shows_an_image_as_z_y_x(tmp_path: Path) -> None:
    pytest.importorskip("ipywidgets")
    explorer = lite_ensam.explore(nibabel_image(), ENDS, folder=tmp_path)
    np.testing.assert_array_equal(explorer.viewer.ct, CT)
    explorer.viewer.segment()
    labels = read_labels(explorer.save("NIfTI"), PLACED)
    np.testing.assert_array_equal(labels, explorer.viewer.labels)
    assert labels.any()


def test_lines_on_the_command_line(run: Run, expected: np.ndarray, tmp_path: Path) -> None:
    write_ct(tmp_path / "ct.nii.gz", CT, PLACED)
    for frame, ends in (("voxel", ENDS), ("ras", ENDS_RAS), ("lps", ENDS_LPS)):
        lines = [option for line in ends for option in ("--line", ",".join(map(str, np.ravel(line))))]
        mask = tmp_path / f"{frame}.nrrd"
        done = run("segment", tmp_path / "ct.nii.gz", *lines, "--marks-in", frame, "-o", mask)
        assert done.returncode == 0, done.stderr
        np.testing.assert_array_equal(read_labels(mask), expected)
    one = ("--line", "1,2,3,4,5,6")
    for wrong in (("--line", "1,2,3"), ("--line", "a"), (*one, "--marks", tmp_path / "marks.json")):
        done = run("segment", tmp_path / "ct.nii.gz", *wrong, "-o", tmp_path / "no.nii.gz")
        assert done.returncode == 2
    done = run("segment", tmp_path / "ct.nii.gz", "--line", "60,40,9,60,50,9", "-o", tmp_path / "no.nii.gz")
    assert (done.returncode, "x, y, z order?" in done.stderr) == (1, True)
    done = run(
        "segment", tmp_path / "ct.nii.gz", "--line", "-99,-70,-640,-80,-70,-640", "-o", tmp_path / "no.nii.gz"
    )
    assert (done.returncode, "--marks-in ras" in done.stderr) == (1, True), done.stderr


def test_nrrd_and_metaimage_are_converted(run: Run, tmp_path: Path) -> None:
    write_ct(tmp_path / "ct.nrrd", CT, PLACED)
    assert run("convert", tmp_path / "ct.nrrd", "-o", tmp_path / "ct.mha").returncode == 0
    assert run("convert", tmp_path / "ct.mha", "-o", tmp_path / "ct.nii.gz").returncode == 0
    ct, source = read_ct(tmp_path / "ct.nii.gz")
    np.testing.assert_array_equal(ct, CT)
    np.testing.assert_allclose(source.grid.affine, AFFINE)
    (tmp_path / "bad.nrrd").write_bytes(b"NRRD0004\ntype: short\n")
    done = run("convert", tmp_path / "bad.nrrd", "-o", tmp_path / "no.nii.gz")
    assert (done.returncode, "has no field" in done.stderr) == (1, True)
    assert len(done.stderr.splitlines()) == 1


def test_marks_are_written_as_they_are_read(tmp_path: Path) -> None:
    write_marks(tmp_path / "marks.json", MARKS, PLACED)
    content = json.loads((tmp_path / "marks.json").read_text())
    with open(tmp_path / "marks.csv", "w", newline="") as file:
        table = csv.DictWriter(file, list(ROWS[0]))
        table.writeheader()
        table.writerows(ROWS)
    for marks in (tmp_path / "marks.json", content, content["marks"], tmp_path / "marks.csv"):
        assert lite_ensam.segment(CT, marks, grid=PLACED).marks == MARKS
