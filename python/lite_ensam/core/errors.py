"""Every error that lite-ensam raises on purpose.

All of them are `LiteEnsamError`s, and each is also what Python would raise: bad scans, marks and arguments are
`ValueError`s, what cannot be written is an `OSError`, a broken engine a `RuntimeError`. Each carries one sentence that
names what is wrong, what was expected and what came. The latter may be anything: `brief` and `printable` make it fit
into a sentence.
"""

import os
import unicodedata

__all__ = [
    "ArchiveError",
    "ArgumentError",
    "CaseError",
    "CohortError",
    "EngineError",
    "LiteEnsamError",
    "MarkError",
    "MissingExtraError",
    "MissingMarksError",
    "OutputError",
    "StudyError",
    "TrainingError",
    "brief",
    "printable",
]

_LONGEST = 80
"""Of a value that is repeated in a message, in characters."""

_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's control characters, lone surrogates, and separators of lines and paragraphs."""


class LiteEnsamError(Exception):
    """Base of all errors raised by lite-ensam; the message is one line, whatever a quoted file contains.

    Parameters
    ----------
    *args : object
        The sentence; line breaks and control characters in it become escapes.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(printable(arg) if isinstance(arg, str) else arg for arg in args))


class ArgumentError(LiteEnsamError, ValueError):
    """An argument has a value that it cannot have."""


class CaseError(LiteEnsamError, ValueError):
    """The scan is bad: unreadable, of the wrong shape, or its voxels or geometry make no sense."""


class MarkError(LiteEnsamError, ValueError):
    """A RECIST mark is bad: unreadable, outside the volume, not on one slice, or not a line."""


class MissingMarksError(MarkError):
    """No line was given, or the file or folder that was given has none."""


class StudyError(LiteEnsamError, ValueError):
    """The time points of a patient make no sense, or break the rules of RECIST 1.1."""


class CohortError(LiteEnsamError, ValueError):
    """The manifest of a cohort is bad, its folder is in use, or its worker processes gave up."""


class ArchiveError(LiteEnsamError, OSError):
    """An archive (PACS) cannot be reached, or refuses a request."""


class OutputError(LiteEnsamError, OSError):
    """A result cannot be written; the target is as it was before."""


class EngineError(LiteEnsamError, RuntimeError):
    """The inference engine or the network's weights cannot be used."""


class TrainingError(LiteEnsamError, ValueError):
    """A training run cannot start or resume as requested."""


class MissingExtraError(LiteEnsamError, ImportError):
    """A feature needs an optional package; the message says which extra to install."""


def brief(value: object) -> str:
    """Write a value as Python does, on one line of at most 80 characters.

    Parameters
    ----------
    value : object
        The value to quote in a message.

    Returns
    -------
    str
        The text, cut off after 80 characters.

    Examples
    --------
    >>> brief((1, "two"))
    "(1, 'two')"
    """
    try:
        text = " ".join(repr(value).split())  # arrays are written on many lines
    except (ValueError, RecursionError):  # an integer of thousands of digits, lists within lists
        text = f"a {type(value).__name__} too large to print"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def printable(text: str | os.PathLike[str]) -> str:
    r"""Write a text or path on one line for any UTF-8 terminal or file; other characters become escapes.

    Parameters
    ----------
    text : str or os.PathLike[str]
        Text or path that a message quotes.

    Returns
    -------
    str
        The text with escapes.

    Examples
    --------
    >>> print(printable("liver\nleft"))
    liver\nleft
    """
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in _UNPRINTABLE else char
        for char in os.fspath(text)
    )
