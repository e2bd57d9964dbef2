"""Texts of DICOM headers that a message may repeat: nothing by which a patient could be known."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

from lite_ensam.core.errors import printable
from lite_ensam.io.dicom.datasets import Dataset

__all__ = [
    "OF_THE_PATIENT",
    "harmless_number",
    "harmless_text",
    "is_called",
    "series_handle",
    "series_name",
    "series_number",
]

OF_THE_PATIENT = ("PatientName", "PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID")
"""Attributes whose words no message repeats."""

_MOST_DIGITS = 5
"""A text with more may hold a date or a number of the patient."""

_LONGEST_TEXT = 40
"""Of a description in a message, in characters."""


def harmless_text(header: Dataset, texts: Iterable[str]) -> str:
    """The first text that holds neither a word nor, as far as can be seen, a number of the patient; perhaps empty."""
    values = " ".join(str(header.get(name) or "") for name in OF_THE_PATIENT)
    words = {word.casefold() for word in re.split(r"[\s^=,;]+", values) if len(word) > 1}
    for text in filter(None, map(str.strip, texts)):
        is_of_patient = any(word in text.casefold() for word in words)
        if not is_of_patient and sum(char.isdigit() for char in text) <= _MOST_DIGITS:
            return printable(text[:_LONGEST_TEXT])
    return ""


def series_number(header: Dataset) -> str:
    """SeriesNumber as text; empty without one."""
    return str(header.get("SeriesNumber") or "").strip()


def harmless_number(header: Dataset) -> str:
    """`series_number` if it is a short number; empty if it may be an identifier."""
    number = series_number(header)
    return number if number.isdigit() and len(number) <= _MOST_DIGITS else ""


def series_handle(header: Dataset) -> str:
    """A series' number and four digits of its UID's hash, "7#3fa2": it tells series of one number apart."""
    digest = sha256(str(header.get("SeriesInstanceUID") or "").encode()).hexdigest()
    return f"{harmless_number(header)}#{digest[:4]}"


def is_called(header: Dataset, wanted: str) -> bool:
    """Whether a user means this series by its number or its `series_handle`."""
    return wanted in (series_number(header), series_handle(header))


def series_name(header: Dataset) -> str:
    """A series by its number and description, as viewers list it: its UID is an identifier of the patient."""
    description = harmless_text(header, [str(header.get("SeriesDescription") or "")])
    number = harmless_number(header)
    name = f"series {number}" if number else "a series without a number"
    return f"{name} '{description}'" if description else name
