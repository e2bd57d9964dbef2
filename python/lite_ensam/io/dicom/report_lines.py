"""The lines of a structured report (TID 1500): of each measurement group the long and the short axis."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lite_ensam.core.coded_concept import CodedConcept
from lite_ensam.core.errors import MarkError, brief
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.types import Float64Array
from lite_ensam.io.dicom.codes import read_code
from lite_ensam.io.dicom.datasets import Dataset, lps_to_ras
from lite_ensam.io.dicom.drawings import (
    Drawing,
    crosses,
    graphic_points,
    length_mm,
    points_on_image,
    read_drawing,
)
from lite_ensam.io.dicom.findings import Finding, is_reader_name
from lite_ensam.io.dicom.segmentation import NAME, given_name, own_label

__all__ = ["read_report"]

_MEASUREMENT_GROUP, _TRACKING_IDENTIFIER, _TRACKING_UID = "125007", "112039", "112040"
_COMMENT, _FINDING = "121106", "121071"
_FINDING_SITES = ("363698007", "G-C0E3")
_FREE_TEXT = "CORNERSTONEFREETEXT"
"""OHIF writes the reader's own label as the meaning of this code."""

_LONG_AXIS = {"103339001", "G-A185", "131187009", "G-A193"}
"""Codes (SNOMED CT, and its older SRT) that TID 1500 knows a longest diameter by: long axis, major axis."""

_SHORT_AXIS = {"103340004", "G-A186", "131188004", "G-A194", "131189007", "G-A195"}
"""Short, minor and perpendicular axis."""

_LENGTH = "410668003"
"""The code under which our reports store the given RECIST line; their long axis is that of the mask."""

_DIAMETERS = {*_LONG_AXIS, *_SHORT_AXIS, _LENGTH, "G-D7FE", "G-A22A", "81827009", "M-02550", "121206"}
"""And length, diameter and distance."""

_RADIUS = {"131190003", "G-A196"}
_ALGORITHM_NAME, _PARAMETERS = "111001", "111002"
_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001}
_ANGLES = {"deg", "rad", "'", "''"}

_TOLERANCE, _TOLERANCE_MM = 0.05, 1.0
"""By how much a value may differ from its coordinates."""


@dataclass(frozen=True, eq=False)
class _Line:
    """A diameter of a group, under the code and with the value of its measurement."""

    drawing: Drawing
    code: str
    what: str
    value: str = ""
    unit: str = ""


def read_report(report: Dataset, ct: ScanSource) -> tuple[list[Finding], list[str]]:
    """Findings of a report's measurement groups, and notes on what was skipped.

    Parameters
    ----------
    report : Dataset
        The dataset.
    ct : ScanSource
        The scan that its coordinates lie on.
    """
    findings, notes = [], []
    for number, group in enumerate(_groups(report), start=1):
        finding, more = _Group(report, group, number, ct).read()
        findings += [finding] if finding else []
        notes += more
    if n_outside := _n_graphics_outside(report):
        notes.append(f"passed over: graphics outside of measurement groups, {n_outside} in number")
    return findings, notes


class _Group:
    """One measurement group of a report."""

    def __init__(self, report: Dataset, group: Dataset, number: int, ct: ScanSource) -> None:
        self.report, self.ct = report, ct
        self.spacing_mm = np.asarray(ct.grid.spacing_mm)
        self.items = list(_children(report, group))
        self.is_own = _text(self.items, _ALGORITHM_NAME) == NAME
        self.identifier = self._identifier()
        self.names = self._names()
        self.where = f"measurement group {number}" + (f" ({self.names[0]})" if self.names else "")

    def read(self) -> tuple[Finding | None, list[str]]:
        """Its finding, or None without any coordinates that make a line; and notes."""
        lines, refused = self._lines()
        short = [line for line in lines if line.code in _SHORT_AXIS]
        long = [line for line in lines if line not in short]
        wanted = {_LENGTH} if self.is_own else _LONG_AXIS
        best = max(
            long,
            key=lambda one: (one.code in wanted, length_mm(one.drawing.ends_zyx, self.spacing_mm)),
            default=None,
        )
        notes = [f"passed over: {self.where} {text}" for text in dict.fromkeys(refused)]
        if best is None and not short:
            return None, notes
        if best and not short and not self.is_own and best.drawing.is_line:
            short = [one for one in long if one is not best and self._is_short_axis_of(one, best)]
        if best:
            notes += self._left_over(best, [one for one in long if one not in short])
            short.sort(key=lambda one: not crosses(best.drawing.ends_zyx, one.drawing.ends_zyx))
        taken = [line for line in (best, *short[:1]) if line]
        if not self.is_own:
            notes += [text for line in taken if (text := self._contradiction(line))]
        return (
            Finding(
                self.where,
                best.drawing.ends_zyx if best else None,
                short[0].drawing.ends_zyx if short and not self.is_own else None,
                self.names,
                self.identifier if is_reader_name(self.identifier) else "",
                _text(self.items, _TRACKING_UID),
                self._site(),
            ),
            notes,
        )

    def _site(self) -> CodedConcept | None:
        """The first site of the finding that is a code, not a reader's own words."""
        sites = (
            read_code(item, "ConceptCodeSequence") for item in self.items if _code(item) in _FINDING_SITES
        )
        return next((site for site in sites if site and site.value != _FREE_TEXT), None)

    def _lines(self) -> tuple[list[_Line], list[str]]:
        """Its diameters, and what is wrong with other graphics."""
        lines, refused = [], []
        for item in self.items:
            for coordinates in (item, *_children(self.report, item)):
                if coordinates.get("ValueType") not in ("SCOORD", "SCOORD3D"):
                    continue
                try:
                    lines.append(self._line(item, coordinates))
                except MarkError as error:
                    refused.append(str(error))
        return lines, refused

    def _line(self, item: Dataset, coordinates: Dataset) -> _Line:
        """The diameter of one graphic; MarkError if it is not one."""
        code, value, unit = _code(item), *_value(item)
        what = _meaning(item) or "line"
        if unit in _ANGLES:
            raise MarkError(f"measures an angle ({brief(what)}), not a length")
        points = _points(coordinates, self.report, self.ct)
        drawing = read_drawing(str(coordinates.get("GraphicType") or _guess(points)), points, self.spacing_mm)
        is_length = unit in _MM or code in _DIAMETERS  # in pixels, too: the coordinates count
        if item is coordinates and code not in _LONG_AXIS | _SHORT_AXIS:
            measured = self._length_of_region()
            is_length = measured is not None
            if measured is not None:
                code, what, (value, unit) = _code(measured), _meaning(measured), _value(measured)
            elif drawing.is_line:
                raise MarkError("is a line without a length, such as an arrow")
        if drawing.is_line and not is_length:
            raise MarkError(f"measures {brief(what)}, which is not a length")
        if drawing.is_line and code in _RADIUS:
            raise MarkError("is a radius, not a diameter")
        return _Line(drawing, code, what, value, unit)

    def _length_of_region(self) -> Dataset | None:
        """The length or long axis that a group has without coordinates: then it is that of the group's region."""
        for item in self.items:
            is_length = _value(item)[1] in _MM and _code(item) in _DIAMETERS - _SHORT_AXIS
            if is_length and not item.get("ContentSequence"):
                return item
        return None

    def _left_over(self, best: _Line, lines: Sequence[_Line]) -> list[str]:
        """Notes on other lines that could have been the lesion's."""
        if self.is_own or not best.drawing.is_line:
            return []
        return [
            f"passed over: {self.where} has a line of {self._mm(one):.1f} mm beside the longer one that was taken"
            for one in lines
            if one is not best
            and one.drawing.is_line
            and (one.code in _LONG_AXIS or best.code not in _LONG_AXIS)
            and not np.allclose(one.drawing.ends_zyx, best.drawing.ends_zyx)
        ]

    def _is_short_axis_of(self, one: _Line, best: _Line) -> bool:
        return one.drawing.is_line and crosses(best.drawing.ends_zyx, one.drawing.ends_zyx)

    def _mm(self, line: _Line) -> float:
        return length_mm(line.drawing.ends_zyx, self.spacing_mm)

    def _contradiction(self, line: _Line) -> str:
        """A note if the value of a measurement is not that of its coordinates."""
        if line.unit not in _MM or line.code in _RADIUS:
            return ""
        if not line.drawing.is_line and line.code not in _DIAMETERS:
            return ""  # the perimeter of an outline
        try:
            said = float(line.value) * _MM[line.unit]
        except ValueError:
            return ""
        if not np.isfinite(said):
            return ""
        drawn = self._mm(line)
        decimals = len(line.value.partition(".")[2])
        is_rounded = abs(said - drawn) <= 0.5 * 10.0**-decimals * _MM[line.unit]
        if is_rounded or abs(said - drawn) <= min(_TOLERANCE * drawn, _TOLERANCE_MM):
            return ""
        return (
            f"{self.where}: the report says {said:g} mm ({line.what}), but its coordinates are {drawn:.1f} mm apart; "
            "the coordinates were taken"
        )

    def _identifier(self) -> str:
        """Tracking identifier; empty if our own report made it from the label."""
        identifier = _text(self.items, _TRACKING_IDENTIFIER)
        parameters = [_said(item) for item in self.items if _code(item) == _PARAMETERS]
        label = own_label(*parameters, identifier) if self.is_own else None
        return identifier if label is None else given_name(identifier, label)

    def _names(self) -> tuple[str, ...]:
        """Texts that could name the lesion: what a reader chose or wrote, then where and what it is.

        Of our own reports only the identifier: every lesion in them is a "Neoplasm".
        """
        findings = [item for item in self.items if _code(item) == _FINDING]
        sites = [item for item in self.items if _code(item) in _FINDING_SITES]
        written = [
            _said(item)
            for item in findings
            if item.get("ValueType") == "TEXT" or _concept(item)[0] == _FREE_TEXT
        ]
        texts = (
            (self.identifier,)
            if self.is_own
            else (
                self.identifier,
                _text(self.items, _COMMENT),
                *written,
                *map(_said, sites),
                *map(_said, findings),
            )
        )
        return tuple(dict.fromkeys(text for one in texts if is_reader_name(text := " ".join(one.split()))))


def _groups(item: Dataset) -> Iterator[Dataset]:
    """Measurement groups anywhere below an item."""
    for child in item.get("ContentSequence") or []:
        if _code(child) == _MEASUREMENT_GROUP:
            yield child
        else:
            yield from _groups(child)


def _n_graphics_outside(item: Dataset) -> int:
    """Number of coordinates that are in no measurement group."""
    below = (one for one in item.get("ContentSequence") or [] if _code(one) != _MEASUREMENT_GROUP)
    return sum((one.get("ValueType") in ("SCOORD", "SCOORD3D")) + _n_graphics_outside(one) for one in below)


def _children(report: Dataset, item: Dataset) -> Iterator[Dataset]:
    """Items below an item; one given by reference is the item that is meant."""
    for child in item.get("ContentSequence") or []:
        path = child.get("ReferencedContentItemIdentifier")
        yield child if path is None else _item_at(report, np.atleast_1d(path).tolist())


def _item_at(report: Dataset, path: Sequence[int]) -> Dataset:
    """The item at a path of numbers: 1 is the report, 1, 2 its second item."""
    item = report
    for number in path[1:]:
        items = item.get("ContentSequence") or []
        if not 1 <= number <= len(items):
            return {}
        item = items[number - 1]
    return item


def _coded(codes: Sequence[Dataset] | None) -> tuple[str, str]:
    """Value and meaning of the first code; long values have an attribute of their own."""
    if not codes:
        return "", ""
    return str(codes[0].get("CodeValue") or codes[0].get("LongCodeValue", "")), str(
        codes[0].get("CodeMeaning", "")
    )


def _code(item: Dataset) -> str:
    """Code value of an item's concept name."""
    return _coded(item.get("ConceptNameCodeSequence"))[0]


def _meaning(item: Dataset) -> str:
    return _coded(item.get("ConceptNameCodeSequence"))[1]


def _concept(item: Dataset) -> tuple[str, str]:
    """Code value and meaning of what a CODE item says."""
    return _coded(item.get("ConceptCodeSequence"))


def _said(item: Dataset) -> str:
    return str(item.get("TextValue") or _concept(item)[1])


def _text(items: Sequence[Dataset], code: str) -> str:
    """Value of the first text or UID with this concept name."""
    for item in items:
        if _code(item) == code:
            return str(item.get("TextValue") or item.get("UID") or "").strip()
    return ""


def _value(item: Dataset) -> tuple[str, str]:
    """Number and unit of a NUM item, as they are written."""
    values: Any = item.get("MeasuredValueSequence") or []
    if not values:
        return "", ""
    units = values[0].get("MeasurementUnitsCodeSequence") or []
    number = values[0].get("NumericValue")
    return "" if number is None else str(number).strip(), _coded(units)[0].strip().lower()


def _guess(points: Float64Array) -> str:
    """Graphic type where a file has none."""
    return "POLYLINE" if len(points) > 1 else "POINT"


def _points(coordinates: Dataset, report: Dataset, ct: ScanSource) -> Float64Array:
    """Voxel indices (n, 3) in z, y, x of a SCOORD or SCOORD3D item."""
    n_axes = 3 if coordinates.ValueType == "SCOORD3D" else 2
    points = graphic_points(coordinates, n_axes)
    if n_axes == 3:
        frame = str(coordinates.get("ReferencedFrameOfReferenceUID", ""))
        own = ct.frame_of_reference_uid
        if frame and own and frame != own:
            raise MarkError("lies in another frame of reference than the CT: it was drawn on another scan")
        return ct.points_from_world(lps_to_ras(points))
    images = [
        one.ReferencedSOPSequence[0]
        for one in _children(report, coordinates)
        if one.get("ValueType") == "IMAGE"
    ]
    if len(images) != 1:
        raise MarkError(f"refers to {len(images)} images, expected one")
    return points_on_image(images[0], points, ct)
