"""Answers of an archive about files that it was to store, in words; one vocabulary for STOW-RS and C-STORE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.io.dicom.datasets import Dataset

__all__ = ["DUPLICATE", "UNCONFIRMED", "StoreOutcome", "reason_in_words"]

DUPLICATE, UNCONFIRMED = 0x0111, -1
"""A file of this identity is there already (PS3.7, C.5.8); no status: neither stored nor refused."""

_REASONS = {
    DUPLICATE: "it has a file of this identity already",
    UNCONFIRMED: "it does not confirm that it has it",
    0x0110: "it failed while storing",
    0x0117: "it does not accept the file's identity",
    0x0122: "it does not take files of this kind",
    0x0124: "it does not allow this sender to store",
    0xC122: "it does not take this transfer syntax",
}
_FAMILIES = {
    0xA7: "it has no room left",
    0xA9: "it finds that the file is not of the kind that was announced",
    0xC0: "it cannot understand the file",
    0x01: "it failed while storing",
}
"""By the first byte (PS3.4, B.2.3; PS3.18, I.2.2)."""


def reason_in_words(code: int) -> str:
    """Why a file was refused, with the code.

    Examples
    --------
    >>> reason_in_words(0x0111)
    'it has a file of this identity already (0111)'
    """
    words = _REASONS.get(code) or _FAMILIES.get(code >> 8) or "it says no more"
    return words if code < 0 else f"{words} ({code:04X})"


@with_short_repr
@dataclass(frozen=True)
class StoreOutcome:
    """The fate of files that were sent.

    Parameters
    ----------
    refused : Mapping[str, int]
        Reason for each file that was not stored, by SOPInstanceUID.
    """

    refused: Mapping[str, int]

    @classmethod
    def of_answer(
        cls, status: int, answer: Dataset | None, sent: Sequence[str], repeated: bool = False
    ) -> StoreOutcome:
        """Outcome of a STOW-RS answer.

        Parameters
        ----------
        status : int
            HTTP status: 200, 202 or 409.
        answer : Dataset or None
            Store Instances Response (PS3.18, I.2), or None if it is missing or unreadable.
        sent : Sequence[str]
            SOPInstanceUIDs of the files.
        repeated : bool, default False
            Whether the files were sent again because the first answer was lost; duplicates then count as
            stored.
        """
        items = {
            name: (answer or {}).get(name) or () for name in ("FailedSOPSequence", "ReferencedSOPSequence")
        }
        failed = {str(one.ReferencedSOPInstanceUID): _code(one) for one in items["FailedSOPSequence"]}
        stored = {str(one.ReferencedSOPInstanceUID) for one in items["ReferencedSOPSequence"]}
        if stored or failed or status != 200:
            failed |= {uid: UNCONFIRMED for uid in sent if uid not in stored and uid not in failed}
        return cls({uid: code for uid, code in failed.items() if not (repeated and code == DUPLICATE)})


def _code(item: Dataset) -> int:
    try:
        return int(item.FailureReason)
    except (AttributeError, TypeError, ValueError):
        return UNCONFIRMED
