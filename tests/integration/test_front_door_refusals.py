"""What cannot be right is refused, what is doubtful noted: each with its likely cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import lite_ensam
from lite_ensam.core.errors import ArgumentError, CaseError, EngineError, LiteEnsamError, MarkError
from lite_ensam.core.recist import RecistMark
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
    SPACING,
    Call,
    call,
    marker,
    nibabel_image,
    slicer,
)

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
        'marks_in="ras" or marks_in="lps"',
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
    "weights that are no path": (lambda: call(BARE, weights=5), EngineError, "weights must be a folder"),
    "no weights by mistake": (lambda: call(BARE, weights=""), EngineError, "manifest.json"),
    "a scan of which some voxels are masked": (
        lambda: call(np.ma.masked_less(CT, -900), MARKS, SPACING),
        CaseError,
        "must not contain masked values",
    ),
    "lines of which some numbers are masked": (
        lambda: call(CT, np.ma.masked_equal(ENDS, ENDS[0][0][0]), SPACING),
        MarkError,
        "endpoints must be two points of three finite numbers",
    ),
    "the pair the wrong way round": (lambda: call((PLACED, CT), MARKS), CaseError, "ct must be an array"),
    "a text for hu": (lambda: call(BARE, hu="no"), ArgumentError, "hu must be True, False or None, got 'no'"),
    "a text for mirror": (
        lambda: call(BARE, mirror="no"),
        ArgumentError,
        "mirror must be True or False, got 'no'",
    ),
    "repeats as text": (lambda: call(BARE, n_repeats="3"), ArgumentError, "n_repeats must be a whole number"),
    "a mapping for points": (
        lambda: call(BARE, prompts={1: {"inside_zyx": {20: 1, 40: 2, 30: 3}}}),
        MarkError,
        "inside_zyx must be points of three finite numbers",
    ),
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
    assert len(REFUSED) + len(NOTED) >= 40
