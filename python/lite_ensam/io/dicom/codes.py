"""Coded concepts of DICOM files."""

from __future__ import annotations

from lite_ensam.core.coded_concept import CodedConcept
from lite_ensam.core.errors import MarkError
from lite_ensam.io.dicom.datasets import Dataset, load_package

__all__ = ["as_code", "read_code"]


def read_code(item: Dataset, name: str) -> CodedConcept | None:
    """The first concept of a sequence of an item; None if it is absent or incomplete.

    Parameters
    ----------
    item : Dataset
        A dataset.
    name : str
        Name of the sequence: "ConceptCodeSequence", "AnatomicRegionSequence".
    """
    codes = item.get(name)
    if not codes:
        return None
    one = codes[0]
    value, scheme, meaning = (
        str(text or "").strip()
        for text in (
            one.get("CodeValue") or one.get("LongCodeValue"),
            one.get("CodingSchemeDesignator"),
            one.get("CodeMeaning"),
        )
    )
    try:
        return CodedConcept(value, scheme, meaning[:64].strip())
    except MarkError:
        return None


def as_code(concept: CodedConcept) -> Dataset:
    """The concept as highdicom has it."""
    return load_package("highdicom").sr.CodedConcept(concept.value, concept.scheme, concept.meaning)
