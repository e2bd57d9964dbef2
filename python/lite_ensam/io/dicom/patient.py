"""Patient and study attributes of a scan made fit to be copied: texts in UTF-8, dates that are dates."""

from __future__ import annotations

import re
from collections.abc import MutableSequence
from typing import Any

from lite_ensam.io.dicom.datasets import Dataset, load_package

__all__ = ["UTF_8", "clean_patient"]

UTF_8 = "ISO_IR 192"
"""SpecificCharacterSet of everything that is written: it has all names."""

_MAY_BE_EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
"""Type 2: DICOM lets them be empty, not left out, as some de-identification leaves them."""

_GROUPS = (0x0008, 0x0010, 0x0032, 0x0038, 0x0040)
"""Of elements about patient, study and visit."""

_OF_SERIES = ("Series", "Acquisition", "Content", "Instance")
"""How keywords begin that are not about the study; nothing that is written has them from the slices."""

_SEXES = ("M", "F", "O")
_LEFT_OVER = re.compile("\x1b[ -/]+[0-~]|=+$")
"""Escape sequences of ISO 2022 that pydicom does not know, and empty groups at a name's end."""

_TEXTS = ("PN", "LO", "SH", "LT", "ST", "UT", "UC")


def clean_patient(image: Dataset) -> list[str]:
    """Make patient and study of an image's header fit to be copied, in place; what was done to them.

    Texts become UTF-8. Values that are not as the standard has them (a birth date 1.2.1970) become empty: the notes
    name the attribute, never the value.
    """
    blanked = _blank_bad_values(image)
    notes = _to_utf_8(image)
    for name in _MAY_BE_EMPTY:
        if name not in image:
            setattr(image, name, None)
    if blanked:
        notes.append(
            f"{', '.join(blanked)} of the slices is not a valid DICOM value: left empty in what is written"
        )
    return notes


def _blank_bad_values(image: Dataset) -> list[str]:
    """Keywords of what became empty."""
    keyword_of = load_package().datadict.keyword_for_tag
    blanked = []
    for tag in list(image.keys()):
        keyword = keyword_of(tag)
        if tag.group not in _GROUPS or not keyword or keyword.startswith(_OF_SERIES):
            continue
        try:
            element = image[tag]
            element.value = _checked(keyword, element.VR, element.value)
        except Exception:  # pydicom quotes the value
            del image[tag]
            setattr(image, keyword, None)
            blanked.append(keyword)
    return blanked


def _checked(keyword: str, kind: str, value: Any) -> Any:
    """The value as it is written; ValueError if it is not of its kind."""
    valuerep = load_package().valuerep
    if not value:
        return value
    if kind == "DA":
        return valuerep.DA(str(value)).strftime("%Y%m%d")  # old files have 2020.03.14
    if kind in ("TM", "DT"):
        getattr(valuerep, kind)(str(value))
    if keyword == "PatientSex" and value not in _SEXES:
        raise ValueError
    return value


def _to_utf_8(image: Dataset) -> list[str]:
    """Decode all texts and let them be written as UTF-8; a note about those of which the characters are a guess."""
    is_declared = bool(image.get("SpecificCharacterSet"))
    guessed = []
    image.decode()
    for element in image.iterall():
        if element.keyword == "SpecificCharacterSet":
            element.value = UTF_8
        elif element.VR in _TEXTS and element.value and not str(element.value).isascii():
            values = element.value if isinstance(element.value, MutableSequence) else [element.value]
            # as str: a name of pydicom's keeps the bytes that it was read from
            texts = [
                _LEFT_OVER.sub("", str(value) if is_declared else _guess(str(value))) for value in values
            ]
            element.value = texts if len(texts) > 1 else texts[0]
            if not is_declared:
                guessed.append(element.keyword)
    image.SpecificCharacterSet = UTF_8
    if not guessed:
        return []
    return [f"SpecificCharacterSet of the slices is missing: characters of {', '.join(guessed)} are a guess"]


def _guess(text: str) -> str:
    """A text of no declared character set, which pydicom takes for Latin-1, as UTF-8 if it can be."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
