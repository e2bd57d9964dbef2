"""RECIST lines out of DICOM: structured reports (TID 1500), presentation states, contours."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

import numpy as np

from lite_ensam.core.errors import MarkError, brief, printable
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.types import Float64Array
from lite_ensam.io.dicom.contour_marks import read_contour_marks
from lite_ensam.io.dicom.datasets import (
    Dataset,
    PathLike,
    is_dicom,
    lps_to_ras,
    read_dataset,
    translate_dicom_errors,
)
from lite_ensam.io.dicom.segmentation import NAME

__all__ = ["find_marks", "read_dicom_marks"]

_MEASUREMENT_GROUP, _TRACKING_IDENTIFIER, _TRACKING_UID = "125007", "112039", "112040"
_LONG_AXIS = {"103339001", "G-A185"}
"""Codes (SNOMED CT, and its older SRT) that TID 1500 knows a longest diameter by."""

_LENGTH, _ALGORITHM_NAME = "410668003", "111001"
"""What a report of our own keeps the line that was given under: its long axis is the mask's."""

_WITH_MARKS = ("SR", "PR", "RTSTRUCT")
_DOSE_REPORT = "1.2.840.10008.5.1.4.1.1.88.67"
"""Scanners put one beside their slices."""

_SHORT_AXIS = {"103340004", "G-A186"}


@translate_dicom_errors
def read_dicom_marks(path: PathLike, source: ScanSource | Grid) -> tuple[RecistMark, ...]:
    """All lines of a DICOM file, labelled 1, 2, ... in its order.

    Parameters
    ----------
    path : a structured report with measurement groups as TID 1500 has them: of each the long axis (in our own
        the line that was given), or else the longest line or outline that is no short axis (SCOORD on an image
        of the series, or SCOORD3D in its frame of reference); a presentation state (GSPS): of each annotation
        the longest line of two points; or an RTSTRUCT: see `read_contour_marks`
    source : of the CT. Coordinates on images need the CT to have been read from DICOM itself

    Returns
    -------
    Marks with the tracking identifier or the ROI's name as name, and the tracking UID. Not yet checked to lie
    inside the volume.

    Raises
    ------
    MarkError
        If the file is of another kind, holds no line, or a line lies on another series or is none.
    CaseError
        If the file cannot be read.
    MissingExtraError
        If pydicom is not installed.
    """
    dataset = read_dataset(path)
    readers: dict[str, Callable[[Dataset, ScanSource], Iterator[RecistMark]]] = {
        "SR": _from_report,
        "PR": _from_presentation_state,
    }
    modality = str(dataset.get("Modality"))
    if modality == "RTSTRUCT":
        return read_contour_marks(path, source)
    if modality not in readers:
        raise MarkError(f"is of modality {brief(modality)}, expected SR, PR or RTSTRUCT")
    marks = tuple(readers[modality](dataset, ScanSource.of(source)))
    if not marks:
        raise MarkError(f"holds no line that could be a RECIST mark (modality {modality})")
    return marks


def find_marks(folder: PathLike) -> Path:
    """The one DICOM file of a folder and its subfolders that may hold marks; `MarkError` if there is no such one."""
    found = []
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and is_dicom(path):
            header = read_dataset(path, voxels=False)
            if header.get("Modality") in _WITH_MARKS and header.get("SOPClassUID") != _DOSE_REPORT:
                found.append(path)
    if len(found) != 1:
        names = f": {', '.join(printable(path.name) for path in found)}" if found else ""
        raise MarkError(
            f"{printable(folder)}: no marks given, and the folder holds {len(found)} files that could be ones{names}"
        )
    return found[0]


def _from_report(report: Dataset, ct: ScanSource) -> Iterator[RecistMark]:
    label = 0
    for number, group in enumerate(_groups(report), start=1):
        name, uid = _text(group, _TRACKING_IDENTIFIER), _text(group, _TRACKING_UID)
        where = f"measurement group {number}" + (f" ({name})" if name else "")
        wanted = {_LENGTH} if _text(group, _ALGORITHM_NAME) == NAME else _LONG_AXIS
        lines = []
        for item in group.get("ContentSequence", []):
            code = _code(item)
            for coordinates in (item, *item.get("ContentSequence", [])):
                if coordinates.get("ValueType") in ("SCOORD", "SCOORD3D") and code not in _SHORT_AXIS:
                    with _said_of(where):
                        ends = _ends(_points(coordinates, ct), ct)
                    if ends is not None:
                        lines.append((code in wanted, _length_mm(ends, ct), ends))
        if lines:
            label += 1
            _, _, ends = max(lines, key=lambda line: line[:2])
            with _said_of(where):
                mark = RecistMark(label, ends.tolist(), name, uid)
            yield mark


def _groups(item: Dataset) -> Iterator[Dataset]:
    """Measurement groups anywhere below an item."""
    for child in item.get("ContentSequence", []):
        if _code(child) == _MEASUREMENT_GROUP:
            yield child
        else:
            yield from _groups(child)


def _code(item: Dataset) -> str:
    """Code value of an item's concept name."""
    names = item.get("ConceptNameCodeSequence") or []
    return str(names[0].get("CodeValue", "")) if names else ""


def _text(group: Dataset, code: str) -> str:
    """Value of the first text or UID of a group with this concept name."""
    for item in group.get("ContentSequence", []):
        if _code(item) == code:
            return str(item.get("TextValue") or item.get("UID") or "")
    return ""


def _points(coordinates: Dataset, ct: ScanSource) -> Float64Array:
    """Voxel indices (n, 3) in z, y, x of a SCOORD or SCOORD3D item."""
    numbers = np.asarray(coordinates.GraphicData, dtype=np.float64)
    if coordinates.ValueType == "SCOORD3D":
        frame = str(coordinates.get("ReferencedFrameOfReferenceUID", ""))
        own = ct.frame_of_reference_uid
        if frame and own and frame != own:
            raise MarkError(f"lies in the frame of reference {brief(frame)}, the CT in {own}")
        return ct.points_from_world(lps_to_ras(numbers.reshape(-1, 3)))
    images = [
        one.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for one in coordinates.get("ContentSequence", [])
        if one.get("ValueType") == "IMAGE"
    ]
    if len(images) != 1:
        raise MarkError(f"its coordinates refer to {len(images)} images, expected one")
    return ct.points_of_image(str(images[0]), numbers.reshape(-1, 2))


def _from_presentation_state(state: Dataset, ct: ScanSource) -> Iterator[RecistMark]:
    label = 0
    for number, annotation in enumerate(state.get("GraphicAnnotationSequence", []), start=1):
        where = f"annotation {number}"
        lines = []
        for drawn in annotation.get("GraphicObjectSequence", []):
            if drawn.get("GraphicType") == "POLYLINE" and int(drawn.get("NumberOfGraphicPoints", 0)) == 2:
                with _said_of(where):
                    points = _points_drawn(annotation, drawn, ct)
                lines.append((_length_mm(points, ct), points))
        if lines:
            label += 1
            _, ends = max(lines, key=lambda line: line[0])
            with _said_of(where):
                mark = RecistMark(label, ends.tolist())
            yield mark


def _points_drawn(annotation: Dataset, drawn: Dataset, ct: ScanSource) -> Float64Array:
    units, images = drawn.get("GraphicAnnotationUnits"), annotation.get("ReferencedImageSequence") or []
    if units != "PIXEL":
        raise MarkError(
            f"is drawn in units of {brief(units)}, expected PIXEL: it lies on the screen, not on the image"
        )
    if len(images) != 1:
        raise MarkError(f"is drawn on {len(images)} images, expected one")
    columns_rows = np.asarray(drawn.GraphicData, dtype=np.float64).reshape(-1, 2)
    return ct.points_of_image(str(images[0].ReferencedSOPInstanceUID), columns_rows)


def _ends(points_zyx: Float64Array, ct: ScanSource) -> Float64Array | None:
    """The two points farthest apart in mm, (2, 3); None of a single point."""
    if len(points_zyx) < 2:
        return None
    pairs = (points_zyx[list(pair)] for pair in combinations(range(len(points_zyx)), 2))
    return max(pairs, key=lambda ends: _length_mm(ends, ct))


def _length_mm(ends_zyx: Float64Array, ct: ScanSource) -> float:
    return float(np.linalg.norm((ends_zyx[1] - ends_zyx[0]) * ct.grid.spacing_mm))


@contextmanager
def _said_of(where: str) -> Iterator[None]:
    """A `MarkError` in the block says where in the file."""
    try:
        yield
    except MarkError as error:
        raise MarkError(f"{where}: {error}") from None
