"""The lines of a presentation state (GSPS): of each annotation those that are diameters."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lite_ensam.core.errors import MarkError, brief
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.types import Float64Array
from lite_ensam.io.dicom.datasets import Dataset
from lite_ensam.io.dicom.drawings import (
    Drawing,
    crosses,
    graphic_points,
    length_mm,
    points_on_image,
    read_drawing,
)
from lite_ensam.io.dicom.findings import Finding

__all__ = ["read_presentation_state"]

_NEAR_END = 0.1
"""An arrow's head begins this near to its tip, and a tick lies this near to the end of its line, in lengths of the
line; strokes of both are shorter than half of it."""

_DIAMETERS = ("MULTILINE", "POLYLINE", "ELLIPSE", "")
"""Types of compound graphics that may be drawn around or along a lesion; rulers, arrows and axes are others."""


def read_presentation_state(state: Dataset, ct: ScanSource) -> tuple[list[Finding], list[str]]:
    """Findings of a presentation state: lines that cross on one slice are long and short axis of one lesion.

    Parameters
    ----------
    state : Dataset
        The dataset.
    ct : ScanSource
        The scan that it is drawn on.

    Returns
    -------
    tuple[list[Finding], list[str]]
        Findings, and notes on graphics that were skipped.
    """
    spacing_mm = np.asarray(ct.grid.spacing_mm)
    drawn: list[tuple[str, Drawing]] = []
    notes = []
    for number, annotation in enumerate(state.get("GraphicAnnotationSequence") or [], start=1):
        where = f"annotation {number}"
        found, refused = _drawings(state, annotation, ct)
        drawn += [(where, drawing) for drawing in found]
        if not found and not refused and annotation.get("TextObjectSequence"):
            refused = ["is a text"]
        notes += [f"passed over: {where} {text}" for text in dict.fromkeys(refused)]
    longest_first = sorted(
        range(len(drawn)), key=lambda n: length_mm(drawn[n][1].ends_zyx, spacing_mm), reverse=True
    )
    lesions: dict[int, Finding] = {}
    for n in longest_first:
        where, drawing = drawn[n]
        owner = next((m for m in lesions if drawing.is_line and _takes(lesions[m], drawn[m][1], drawing)), n)
        if owner == n:
            lesions[n] = Finding(where, drawing.ends_zyx)
        else:
            lesions[owner] = replace(lesions[owner], short_zyx=drawing.ends_zyx)
    return [lesions[n] for n in sorted(lesions)], notes


def _takes(lesion: Finding, long_axis: Drawing, line: Drawing) -> bool:
    """Whether a shorter line is the short axis of a lesion."""
    return lesion.short_zyx is None and long_axis.is_line and crosses(long_axis.ends_zyx, line.ends_zyx)


def _drawings(state: Dataset, annotation: Dataset, ct: ScanSource) -> tuple[list[Drawing], list[str]]:
    """Diameters of one annotation, and what is wrong with its other graphics."""
    spacing_mm = np.asarray(ct.grid.spacing_mm)
    compounds = {
        one.get("CompoundGraphicInstanceID"): str(one.get("CompoundGraphicType", ""))
        for one in annotation.get("CompoundGraphicSequence") or []
    }
    others = {number: kind for number, kind in compounds.items() if kind not in _DIAMETERS}
    refused = [f"is {brief(kind)}, not a diameter" for kind in others.values()]
    graphics: list[tuple[str, Float64Array]] = []
    for one in annotation.get("GraphicObjectSequence") or []:
        if one.get("CompoundGraphicInstanceID") in others:
            continue  # the same ruler or arrow again, in simple strokes
        try:
            graphics.append((str(one.get("GraphicType", "")), _points(state, annotation, one, ct)))
        except MarkError as error:
            refused.append(str(error))
    strokes = [points for kind, points in graphics if kind == "POLYLINE" and len(points) < 4]
    arrows = _arrows(strokes)
    found = []
    for kind, points in graphics:
        try:
            if any(points is stroke for stroke in arrows):
                raise MarkError("is an arrow, not a diameter")
            if not any(points is stroke for stroke in strokes) or not _is_tick(points, strokes):
                found.append(read_drawing(kind, points, spacing_mm))
        except MarkError as error:
            refused.append(str(error))
    return found, refused


def _arrows(strokes: Sequence[Float64Array]) -> list[Float64Array]:
    """Shafts and heads of arrows: a shaft is a line with a bent stroke, or two short ones, at one of its ends."""
    arrows: list[Float64Array] = []
    for shaft in strokes:
        size = float(np.linalg.norm(shaft[-1] - shaft[0]))
        for tip in shaft[[0, -1]] if len(shaft) == 2 else ():
            at_tip = [
                one
                for one in strokes
                if one is not shaft
                and np.linalg.norm(np.diff(one, axis=0), axis=1).max() < size / 2
                and np.linalg.norm((one[1:2] if len(one) == 3 else one) - tip, axis=1).min()
                < _NEAR_END * size
            ]
            if len(at_tip) > 1 or any(len(one) == 3 for one in at_tip):
                arrows += [shaft, *at_tip]
    return arrows


def _is_tick(stroke: Float64Array, strokes: Sequence[Float64Array]) -> bool:
    """Whether a line of two points is the small bar at the end of another one."""
    return len(stroke) == 2 and any(
        len(line) == 2
        and np.linalg.norm(stroke[1] - stroke[0]) < size / 2
        and np.linalg.norm(line - stroke.mean(axis=0), axis=1).min() < _NEAR_END * size
        for line in strokes
        if (size := float(np.linalg.norm(line[1] - line[0])))
    )


def _points(state: Dataset, annotation: Dataset, drawn: Dataset, ct: ScanSource) -> Float64Array:
    """Voxel indices (n, 3) in z, y, x of a graphic's points."""
    image = _image_of(state, annotation)
    columns_rows, units = graphic_points(drawn, 2), drawn.get("GraphicAnnotationUnits")
    if units == "DISPLAY":
        columns_rows = _from_display(state, str(image.ReferencedSOPInstanceUID), columns_rows)
    elif units != "PIXEL":
        raise MarkError(f"is drawn in units of {brief(units)}, expected PIXEL or DISPLAY")
    return points_on_image(image, columns_rows, ct)


def _image_of(state: Dataset, annotation: Dataset) -> Dataset:
    """The image that an annotation is drawn on: without a reference all that the state is for, if that is one."""
    images = annotation.get("ReferencedImageSequence") or [
        image
        for series in state.get("ReferencedSeriesSequence") or []
        for image in series.get("ReferencedImageSequence") or []
    ]
    if len(images) != 1:
        raise MarkError(f"is drawn on {len(images)} images, expected one")
    return images[0]


def _from_display(state: Dataset, uid: str, shares: Float64Array) -> Float64Array:
    """Columns and rows (n, 2) of points given as shares of the displayed area, 0 to 1."""
    if int(state.get("ImageRotation") or 0) or state.get("ImageHorizontalFlip") == "Y":
        raise MarkError("is drawn in units of 'DISPLAY' on a turned image; units of PIXEL are needed")
    for area in state.get("DisplayedAreaSelectionSequence") or []:
        images = area.get("ReferencedImageSequence") or []
        if not images or uid in {str(image.ReferencedSOPInstanceUID) for image in images}:
            first = np.asarray(area.DisplayedAreaTopLeftHandCorner, dtype=np.float64)
            last = np.asarray(area.DisplayedAreaBottomRightHandCorner, dtype=np.float64)
            # corners are pixels, counted from 1 and both displayed as a whole (PS3.3, C.10.4)
            return first - 1 + shares * (last - first + 1)
    raise MarkError("is drawn in units of 'DISPLAY', without the displayed area of its image")
