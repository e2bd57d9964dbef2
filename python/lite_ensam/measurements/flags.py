"""Flags: why a reader should check a tumour. All tables, pages and reports print what is written here.

A flag has a code for programs and a sentence for people; docs/guide/measuring.md lists them. Code that knows more
of a tumour than its mask shows adds flags of its own with `TumorMeasurement.flagged`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "AERATED",
    "DISAGREEMENT",
    "DISAGREES_WITH_LINE",
    "EMPTY",
    "HARDLY_KNOWN",
    "RECOVERED",
    "SHORT_AXIS_NOT_ACROSS",
    "TOO_SMALL",
    "TOUCHES_EDGE",
    "Flag",
    "flag_cells",
    "flag_lists",
    "in_pieces",
    "sentences",
]

DISAGREEMENT = 0.2
"""Mask and line disagree if their longest diameters differ by more than this share of the line: RECIST's PD."""


@dataclass(frozen=True)
class Flag:
    """A finding about a mask that a reader should check.

    Parameters
    ----------
    code : str
        Code for programs, does not change.
    sentence : str
        Sentence for people.
    """

    code: str
    sentence: str


EMPTY = Flag("empty", "the mask is empty")
RECOVERED = Flag("recovered", "the network found nothing: the likeliest voxels near the line were taken")
HARDLY_KNOWN = Flag("hardly_known", "the network hardly follows the line: an unknown kind of tumour, or none")
AERATED = Flag("aerated", "air or lung instead of a tumour")
DISAGREES_WITH_LINE = Flag(
    "disagrees_with_line", f"mask and line differ by more than {100 * DISAGREEMENT:.0f} %"
)
SHORT_AXIS_NOT_ACROSS = Flag(
    "short_axis_not_across", "the drawn short axis does not go across the line, or is longer than it"
)
TOO_SMALL = Flag("too_small", "one voxel wide: too small to measure")
TOUCHES_EDGE = Flag("touches_edge", "the mask reaches the scan's edge")


def in_pieces(n_pieces: int) -> Flag:
    """Of a mask that is not connected."""
    return Flag("in_pieces", f"in {n_pieces} pieces: diameters are of the largest")


def sentences(flags: Iterable[Flag]) -> str:
    """Join the sentences of flags on one line.

    Parameters
    ----------
    flags : Iterable[Flag]
        Flags of a tumour.

    Returns
    -------
    str
        The sentences, separated by semicolons.

    Examples
    --------
    >>> sentences((EMPTY, TOO_SMALL))
    'the mask is empty; one voxel wide: too small to measure'
    """
    return "; ".join(flag.sentence for flag in flags)


def flag_lists(flags: Iterable[Flag]) -> dict[str, list[str]]:
    """Make the fields of a JSON report: `flags`, the codes, and `flag_sentences`.

    Parameters
    ----------
    flags : Iterable[Flag]
        Flags of a tumour.

    Returns
    -------
    dict[str, list[str]]
        Lists of texts.

    Examples
    --------
    >>> flag_lists([AERATED])
    {'flags': ['aerated'], 'flag_sentences': ['air or lung instead of a tumour']}
    """
    listed = list(flags)
    return {"flags": [one.code for one in listed], "flag_sentences": [one.sentence for one in listed]}


def flag_cells(flags: Iterable[Flag]) -> dict[str, str]:
    """Make the columns of a table: `flag_lists`, each as one text.

    Parameters
    ----------
    flags : Iterable[Flag]
        Flags of a tumour.

    Returns
    -------
    dict[str, str]
        Texts whose entries are separated by semicolons.

    Examples
    --------
    >>> flag_cells((TOUCHES_EDGE, in_pieces(2)))["flags"]
    'touches_edge; in_pieces'
    """
    return {name: "; ".join(texts) for name, texts in flag_lists(flags).items()}
