"""What `segment` takes: every form of a scan and of its lines gives one mask, what cannot be right is said."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import lite_ensam
from lite_ensam.core.errors import CaseError, LiteEnsamError, MarkError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.io import read_ct, read_labels, write_ct, write_marks
from tests.integration.conftest import Run

SimpleITK = pytest.importorskip("SimpleITK")

BARE = make_phantom(shape_zyx=(40, 96, 96), spacing_mm=(3.0, 2.5, 2.5))
SPACING = BARE.grid.spacing_mm
AFFINE = np.array([[-2.5, 0, 0, 20.0], [0, -2.5, 0, 15.0], [0, 0, 3.0, -700.0], [0, 0, 0, 1.0]])
PLACED = Grid.from_affine(BARE.grid.shape_zyx, AFFINE)
CT = BARE.volume
MARKS = tuple(RecistMark(mark.label, mark.endpoints_zyx) for mark in BARE.marks)
ENDS = [[list(end) for end in mark.endpoints_zyx] for mark in MARKS]
ENDS_RAS = [PLACED.voxel_to_mm(ends).tolist() for ends in ENDS]
ENDS_LPS = (np.array(ENDS_RAS) * (-1, -1, 1)).tolist()
ENTRIES = [{"endpoints_zyx": ends} for ends in ENDS]
ROWS = [
    {"label": n, **dict(zip(("z0", "y0", "x0", "z1", "y1", "x1"), np.ravel(ends).tolist(), strict=True))}
    for n, ends in enumerate(ENDS, start=1)
]

Call = tuple[tuple[Any, ...], dict[str, Any]]


def call(*arguments: Any, **options: Any) -> Call:
    return arguments, options


def on_array(marks: Any, **options: Any) -> Callable[[Path], Call]:
    """These marks on the bare array."""
    return lambda folder: call(CT, marks, SPACING, **options)


def placed(marks: Any, **options: Any) -> Callable[[Path], Call]:
    """These marks on the array with its place in the world."""
    return lambda folder: call(CT, marks, grid=PLACED, **options)


def in_file(name: str) -> Callable[[Path], Call]:
    def write(folder: Path) -> Call:
        write_ct(folder / name, CT, PLACED)
        return call(folder / name, MARKS)

    return write


def with_marks(name: str, content: Any, **options: Any) -> Callable[[Path], Call]:
    """A NIfTI file with a file of marks beside it."""

    def write(folder: Path) -> Call:
        write_ct(folder / "ct.nii.gz", CT, PLACED)
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
        return call(folder / "ct.nii.gz", folder / name, **options)

    return write


def nibabel_image(affine: np.ndarray = AFFINE) -> nib.Nifti1Image:
    return nib.Nifti1Image(np.ascontiguousarray(CT.T), affine)


def itk_image() -> Any:
    image = SimpleITK.GetImageFromArray(CT)
    image.SetSpacing(SPACING[::-1])
    image.SetOrigin((-20.0, -15.0, -700.0))
    return image


def marker() -> np.ndarray:
    drawn = np.zeros(CT.shape, np.uint8)
    for mark in MARKS:
        for end in np.rint(mark.endpoints_zyx).astype(int):
            drawn[tuple(end)] = mark.label
    return drawn


def slicer(system: str, ends_mm: list[Any], kind: str = "Line", **changes: Any) -> dict[str, Any]:
    """What 3D Slicer writes."""
    return {
        "@schema": "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/"
        "Schema/markups-schema-v1.0.3.json#",
        "markups": [
            {
                "type": kind,
                "coordinateSystem": system,
                "coordinateUnits": "mm",
                "locked": False,
                "labelFormat": "%N-%d",
                "controlPoints": [
                    {"id": str(n), "label": f"L-{n}", "position": end, "positionStatus": "defined"}
                    for n, end in enumerate(line, start=1)
                ],
                "measurements": [{"name": "length", "enabled": True, "value": 12.5, "units": "mm"}],
            }
            | changes
            for line in ends_mm
        ],
    }


class Frame:
    """What is known of a pandas data frame: columns, and rows on demand."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows, self.columns = rows, list(rows[0])

    def to_dict(self, orient: str) -> list[dict[str, Any]]:
        assert orient == "records"
        return self.rows


class NamedAxes:
    """What is known of an xarray with its axes in the order x, y, z."""

    dims = ("x", "y", "z")
    coords: Mapping[str, Any] = {
        name: np.arange(n) * step for name, n, step in zip("zyx", CT.shape, SPACING, strict=True)
    }

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(CT.T, dtype)


class ArrayLike:
    """An array of some other library."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self.array, dtype)


class MetaTensor(ArrayLike):
    """What is known of MONAI's images: a channel in front, i, j, k, and an affine."""

    affine = AFFINE


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


Refusal = tuple[Callable[[], Call], type[LiteEnsamError], str]


def turned(axes: tuple[int, int, int]) -> np.ndarray:
    return np.ascontiguousarray(CT.transpose(axes))


REFUSED: dict[str, Refusal] = {
    "spacing missing": (lambda: call(CT, MARKS), CaseError, "spacing_mm is missing"),
    "spacing and grid": (lambda: call(CT, MARKS, SPACING, grid=PLACED), CaseError, "not both"),
    "spacing of an image": (
        lambda: call(nibabel_image(), MARKS, SPACING),
        CaseError,
        "spacing_mm belongs to arrays; an image has its own",
    ),
    "spacing of a Case": (lambda: call(BARE, None, SPACING), CaseError, "a Case has its own"),
    "grid of another shape": (
        lambda: call(turned((2, 1, 0)), MARKS, grid=PLACED),
        CaseError,
        "(96, 96, 40), its grid (40, 96, 96) (z, y, x): x, y, z order?",
    ),
    "spacing in x, y, z order": (
        lambda: call(CT, MARKS, (1.6, 1.6, 2.5)),
        CaseError,
        "1.6 x 2.5 mm (y, x) are not square, as a CT's are: spacing in x, y, z order instead of z, y, x?",
    ),
    "spacing with y first": (lambda: call(CT, MARKS, (2.5, 3.0, 2.5)), CaseError, "spacing in x, y, z order"),
    "spacing in metres": (lambda: call(CT, MARKS, (0.003, 0.0025, 0.0025)), CaseError, "is it in metres?"),
    "spacing in micrometres": (lambda: call(CT, MARKS, (3000, 2500, 2500)), CaseError, "micrometres?"),
    "two axes": (lambda: call(CT[0], MARKS, SPACING), CaseError, "three axes"),
    "an image without affine": (lambda: call(nib.Nifti1Image(CT.T, None), MARKS), CaseError, "affine"),
    "an image of two times": (
        lambda: call(nib.Nifti1Image(np.stack([CT.T] * 2, -1), AFFINE), MARKS),
        CaseError,
        "three axes",
    ),
    "z-scored": (
        lambda: call(((CT - CT.mean()) / CT.std()).astype(np.float32), MARKS, SPACING),
        CaseError,
        "z-scored or normalised?",
    ),
    "in [0, 1]": (
        lambda: call(((CT + 1024) / 4095).astype(np.float32), MARKS, SPACING),
        CaseError,
        "scale them back to HU",
    ),
    "in [-1, 1]": (
        lambda: call((CT / 1100).clip(-1, 1).astype(np.float32), MARKS, SPACING),
        CaseError,
        "back",
    ),
    "marks missing": (lambda: call(CT, None, SPACING), MarkError, "no `marks` given"),
    "marks of no kind": (lambda: call(CT, 7, SPACING), MarkError, "marks must be RecistMarks, a mapping"),
    "marks_in unknown": (lambda: call(CT, ENDS, SPACING, marks_in="mm"), MarkError, "one of voxel, ras, lps"),
    "a line on a coronal slice": (
        lambda: call(CT, [[10, 40, 20], [14, 40, 30]], SPACING),
        MarkError,
        "both have y = 40: axes in another order, or drawn on a coronal slice?",
    ),
    "a line on a sagittal slice": (
        lambda: call(CT, [[10, 40, 20], [14, 50, 20]], SPACING),
        MarkError,
        "both have x = 20: x, y, z order, or drawn on a sagittal slice?",
    ),
    "x, y, z order, outside": (
        lambda: call(CT, np.array([[[41.0, 50, 20], [41.0, 60, 20]]]), SPACING),
        MarkError,
        "outside the volume of (40, 96, 96) voxels: x, y, z order?",
    ),
    "RecistMark in x, y, z order": (
        lambda: call(CT, RecistMark(1, ((41, 50, 20), (41, 60, 20))), SPACING),
        MarkError,
        "x, y, z order?",
    ),
    "x, y, z order of a marker": (
        lambda: call(CT, np.ascontiguousarray(marker().T), SPACING),
        MarkError,
        "x, y, z order?",
    ),
    "millimetres as voxels, outside": (
        lambda: call(CT, ENDS_RAS, grid=PLACED),
        MarkError,
        'marks_in="ras" or "lps"',
    ),
    "millimetres as voxels, between slices": (
        lambda: call(CT, np.array([[11, 40, 20], [11, 50, 20]]) * (3.1, 0.7, 0.7), (3.1, 0.7, 0.7)),
        MarkError,
        "z = 34.1 lies between two slices, expected a voxel index: millimetres?",
    ),
    "millimetres as voxels, inside": (
        lambda: call(CT, np.array([[6, 40, 21], [6, 57, 32]]) * (3.0, 0.7, 0.7), (3.0, 0.7, 0.7)),
        MarkError,
        "whole multiples of the spacing, expected voxel indices: millimetres?",
    ),
    "LPS as RAS": (lambda: call(CT, ENDS_LPS, grid=PLACED, marks_in="ras"), MarkError, "LPS instead of RAS?"),
    "RAS as LPS": (lambda: call(CT, ENDS_RAS, grid=PLACED, marks_in="lps"), MarkError, "RAS instead of LPS?"),
    "metres": (
        lambda: call(CT, (np.array(ENDS_RAS) / 1000).tolist(), grid=PLACED, marks_in="ras"),
        MarkError,
        "metres instead of millimetres?",
    ),
    "micrometres": (
        lambda: call(CT, (np.array(ENDS_RAS) * 1000).tolist(), grid=PLACED, marks_in="ras"),
        MarkError,
        "micrometres instead of millimetres?",
    ),
    "voxels as millimetres": (
        lambda: call(CT, ENDS, grid=PLACED, marks_in="ras"),
        MarkError,
        "voxel indices instead of millimetres?",
    ),
    "indices called millimetres": (
        lambda: call(CT, ENTRIES, SPACING, marks_in="lps"),
        MarkError,
        "endpoints_zyx are voxel indices",
    ),
    "RecistMarks in millimetres": (
        lambda: call(CT, MARKS, SPACING, marks_in="ras"),
        MarkError,
        "RecistMarks",
    ),
    "an unknown key": (
        lambda: call(CT, [{**ENTRIES[0], "lable": 3}], SPACING),
        MarkError,
        "'lable' is not read; a mark has label, endpoints_zyx, endpoints_mm",
    ),
    "some labels": (
        lambda: call(CT, [{**ENTRIES[0], "label": 3}, ENTRIES[1]], SPACING),
        MarkError,
        "mark number 2 needs a label",
    ),
    "a label twice": (
        lambda: call(CT, [{**one, "label": 3} for one in ENTRIES], SPACING),
        MarkError,
        "label 3 comes 3 times",
    ),
    "a table without its columns": (
        lambda: call(CT, [{"z0": 1, "y0": 2}], SPACING),
        MarkError,
        "must name the columns label,z0,y0,x0,z1,y1,x1",
    ),
    "two numbers": (lambda: call(CT, [[1, 2], [3, 4]], SPACING), MarkError, "two points of three finite"),
    "a ROI of Slicer": (
        lambda: call(CT, slicer("LPS", ENDS_LPS, kind="ROI"), grid=PLACED),
        MarkError,
        "markup number 1 is of type 'ROI'; only a markup of type 'Line' is a RECIST line",
    ),
    "an angle of Slicer": (
        lambda: call(CT, slicer("LPS", ENDS_LPS, kind="Angle"), grid=PLACED),
        MarkError,
        "type 'Angle'",
    ),
    "a curve of Slicer": (
        lambda: call(CT, slicer("LPS", ENDS_LPS, kind="Curve"), grid=PLACED),
        MarkError,
        "type 'Curve'",
    ),
    "half a line of Slicer": (
        lambda: call(CT, slicer("LPS", [ends[:1] for ends in ENDS_LPS]), grid=PLACED),
        MarkError,
        "two placed points",
    ),
    "an unknown system of Slicer": (
        lambda: call(CT, slicer("IJK", ENDS_LPS), grid=PLACED),
        MarkError,
        "coordinateSystem must be LPS or RAS",
    ),
    "weights that are none": (lambda: call(BARE, weights="nowhere"), LiteEnsamError, "lite-ensam export"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_right_is_refused_with_its_cause(kind: str) -> None:
    made, error, words = REFUSED[kind]
    arguments, options = made()
    with pytest.raises(error) as raised:
        lite_ensam.segment(*arguments, **options)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def same_place_twice() -> list[Any]:
    """The first tumour's line, and a shorter one across it on the next slice."""
    (z, y0, x0), (_, y1, x1) = MARKS[0].endpoints_zyx
    y, x = (y0 + y1) / 2, (x0 + x1) / 2
    return [ENDS[0], [[z + 1, np.rint(y - 3), np.rint(x)], [z + 1, np.rint(y + 3), np.rint(x)]]]


NOTED: dict[str, tuple[Callable[[], Call], str]] = {
    "HU + 1024": (lambda: call((CT + 1024).clip(0).astype(np.uint16), MARKS, SPACING), "HU + 1024?"),
    "HU + 1024, said to be HU": (
        lambda: call((CT + 1024).clip(0).astype(np.uint16), MARKS, SPACING, hu=True),
        "HU + 1024?",
    ),
    "little but lung, + 1024": (
        lambda: call((CT // 20 + 100).clip(24, 174).astype(np.int16), MARKS, SPACING),
        "none is 0: HU + 1024?",
    ),
    "HU said to be windowed": (lambda: call(CT, MARKS, SPACING, hu=False), "a windowed scan's in 0 to 255"),
    "windowed said to be HU": (
        lambda: call((CT // 8 + 130).clip(0, 255).astype(np.uint8), MARKS, SPACING, hu=True),
        "is it windowed to 0-255?",
    ),
    "an array in x, y, z order": (
        lambda: call(turned((2, 1, 0)), [[40, 40, 20], [40, 60, 20]], (2.5, 2.5, 2.5)),
        "96 slices of 96 x 40 voxels: x, y, z order?",
    ),
    "an array with y first": (
        lambda: call(turned((1, 0, 2)), [[40, 10, 20], [40, 20, 20]], (2.5, 2.5, 2.5)),
        "axes in another order?",
    ),
    "a file whose spacing is in another order": (
        lambda: call(nibabel_image(np.diag([3.0, 2.5, 2.5, 1.0])), [[10, 40, 20], [10, 50, 20]]),
        "spacing in x, y, z order",
    ),
    "two lines on one tumour": (
        lambda: call(CT, same_place_twice(), SPACING),
        "marks 1 and 2 seem to lie on one tumour",
    ),
}


@pytest.mark.parametrize("kind", NOTED)
def test_what_is_doubtful_is_noted_with_its_cause(kind: str) -> None:
    made, words = NOTED[kind]
    arguments, options = made()
    notes = lite_ensam.segment(*arguments, **options).report["notes"]
    assert [words in note for note in notes].count(True) == 1, notes


def test_a_scan_that_is_right_gets_no_note() -> None:
    assert lite_ensam.segment(nibabel_image(), ENDS).report["notes"] == []


def test_the_table_has_at_least_40_inputs() -> None:
    assert len(SCANS) + len(IMAGES) + len(MARK_FORMS) >= 40
    assert len(REFUSED) + len(NOTED) >= 40


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
    assert (done.returncode, "is not an image that SimpleITK can read" in done.stderr) == (1, True)
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
