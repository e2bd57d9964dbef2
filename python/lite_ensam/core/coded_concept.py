"""`CodedConcept`: what something is, by a code of a terminology."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from lite_ensam.core.errors import MarkError, brief, printable

__all__ = ["CodedConcept"]

_LONGEST = {"value": 64, "scheme": 16, "meaning": 64}


@dataclass(frozen=True)
class CodedConcept:
    """A concept as DICOM has it (PS3.3, 8.1): a code, the terminology that it is from, and what it means.

    Parameters
    ----------
    value : str
        Such as "10200004", at most 64 characters.
    scheme : str
        Such as "SCT" (SNOMED CT), at most 16.
    meaning : str
        Such as "Liver", for people, at most 64.

    Raises
    ------
    MarkError
        If one of them is not a text, is empty, is longer, or holds control characters or a backslash.

    Examples
    --------
    >>> CodedConcept.of({"value": "10200004", "scheme": "SCT", "meaning": "Liver"}).meaning
    'Liver'
    """

    value: str
    scheme: str
    meaning: str

    def __post_init__(self) -> None:
        for name, longest in _LONGEST.items():
            text = getattr(self, name)
            is_text = isinstance(text, str) and text == text.strip() == printable(text) and "\\" not in text
            if not is_text or not 1 <= len(text) <= longest:
                raise MarkError(
                    f"the {name} of a code must be a text of 1 to {longest} characters, got {brief(text)}"
                )

    @classmethod
    def of(cls, entry: Any) -> Self:
        """Make a concept from a mapping with the keys of `as_dict`; MarkError if it is not a concept.

        Parameters
        ----------
        entry : Any
            Mapping with the keys of `as_dict`.

        Returns
        -------
        Self
            The concept.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(entry, Mapping) or sorted(map(str, entry)) != sorted(names):
            raise MarkError(f"a code must be a mapping with {', '.join(names)}, got {brief(entry)}")
        return cls(**entry)

    def as_dict(self) -> dict[str, str]:
        """Return value, scheme and meaning by name.

        Returns
        -------
        dict[str, str]
            Texts with the keys `value`, `scheme` and `meaning`.
        """
        return asdict(self)
