"""Structured reports and presentation states for the tests, item by item as the standard has them."""

from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ComprehensiveSRStorage, GrayscaleSoftcopyPresentationStateStorage

from lite_ensam.io.dicom import SeriesSource
from tests.unit.io.dicom.files import new_dataset

LONG, SHORT, LENGTH = ("103339001", "SCT"), ("103340004", "SCT"), ("410668003", "SCT")
OLD_LONG = ("G-A185", "SRT")
REGION = ("111030", "DCM")


def item(value_type: str, code: tuple[str, str] | None = None, children: tuple = (), **more: Any) -> Dataset:
    one = Dataset()
    one.ValueType = value_type
    if code:
        name = Dataset()
        name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = *code, "words"
        one.ConceptNameCodeSequence = [name]
    if children:
        one.ContentSequence = list(children)
    for key, value in more.items():
        setattr(one, key, value)
    return one


def image(uid: str) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPInstanceUID = uid
    return item("IMAGE", ReferencedSOPSequence=[reference])


def scoord(
    uid: str, columns_rows: list[float], code: tuple[str, str] | None = None, kind: str = "POLYLINE"
) -> Dataset:
    return item("SCOORD", code, (image(uid),), GraphicType=kind, GraphicData=columns_rows)


def code_item(concept: tuple[str, str], code: str, meaning: str) -> Dataset:
    """A CODE item, such as a finding or its site."""
    value = Dataset()
    setattr(value, "CodeValue" if len(code) <= 16 else "LongCodeValue", code)
    value.CodingSchemeDesignator, value.CodeMeaning = "99TEST", meaning
    return item("CODE", concept, ConceptCodeSequence=[value])


def text(code: str, words: str) -> Dataset:
    return item("TEXT", (code, "DCM"), TextValue=words)


def number(code: tuple[str, str], *coordinates: Dataset, value: str = "", unit: str = "mm") -> Dataset:
    """A measurement, with its value if one is given."""
    measured = item("NUM", code, coordinates)
    if value:
        units, values = Dataset(), Dataset()
        units.CodeValue, units.CodingSchemeDesignator, units.CodeMeaning = unit, "UCUM", unit
        values.NumericValue, values.MeasurementUnitsCodeSequence = value, [units]
        measured.MeasuredValueSequence = [values]
    return measured


def group(*children: Dataset, name: str = "", uid: str = "") -> Dataset:
    tracking = [item("TEXT", ("112039", "DCM"), TextValue=name)] if name else []
    tracking += [item("UIDREF", ("112040", "DCM"), UID=uid)] if uid else []
    return item("CONTAINER", ("125007", "DCM"), (*tracking, *children))


def write_sr(path: Path, *groups: Dataset) -> Path:
    report = new_dataset("SR", ComprehensiveSRStorage)
    report.ContentSequence = [item("CONTAINER", ("126010", "DCM"), groups)]
    report.save_as(path, enforce_file_format=True)
    return path


def uid_of(source: SeriesSource, k: int) -> str:
    return str(source.slices[k].SOPInstanceUID)


def write_gsps(
    path: Path, source: SeriesSource, *annotations: list[list[float]], units: str = "PIXEL"
) -> Path:
    """Annotation k lies on slice k; its lines are columns and rows."""
    state = new_dataset("PR", GrayscaleSoftcopyPresentationStateStorage)
    state.GraphicAnnotationSequence = []
    for k, lines in enumerate(annotations):
        annotation, reference = Dataset(), Dataset()
        reference.ReferencedSOPClassUID = source.slices[k].SOPClassUID
        reference.ReferencedSOPInstanceUID = uid_of(source, k)
        annotation.ReferencedImageSequence, annotation.GraphicObjectSequence = [reference], []
        for line in lines:
            drawn = Dataset()
            drawn.GraphicAnnotationUnits, drawn.GraphicDimensions = units, 2
            drawn.NumberOfGraphicPoints, drawn.GraphicData = len(line) // 2, line
            drawn.GraphicType = "POLYLINE"
            annotation.GraphicObjectSequence.append(drawn)
        state.GraphicAnnotationSequence.append(annotation)
    state.save_as(path, enforce_file_format=True)
    return path
