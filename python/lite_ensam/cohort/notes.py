"""Notes of a cohort's cases in a few sentences: nobody reads a column of ten thousand rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lite_ensam.core.errors import printable
from lite_ensam.core.short_repr import with_short_repr

__all__ = ["CaseNotes"]

_MOST_PRINTED = 5
_MOST_LISTED = 200
_MOST_COUNTED = 1000
"""Different sentences; many hold a number of their case, and a million of them would fill the memory."""


@with_short_repr
@dataclass
class CaseNotes:
    """Notes of cases that pass one by one.

    Parameters
    ----------
    n_cases : int, default 0
        Cases with a note.
    listed : list[tuple[str, str]], optional
        The first cases with a note, and their notes.
    """

    n_cases: int = 0
    listed: list[tuple[str, str]] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)
    _first: dict[str, str] = field(default_factory=dict)

    def add(self, case: str, notes: Sequence[str]) -> None:
        """Take the notes of a case."""
        self.n_cases += bool(notes)
        if notes and len(self.listed) < _MOST_LISTED:
            self.listed.append((case, "; ".join(notes)))
        for note in dict.fromkeys(notes):
            if note in self._counts or len(self._counts) < _MOST_COUNTED:
                self._counts[note] = self._counts.get(note, 0) + 1
                self._first.setdefault(note, case)

    def summary(self) -> tuple[str, ...]:
        """How many cases have notes, and the notes that most of them share.

        Examples
        --------
        >>> notes = CaseNotes()
        >>> notes.add("a", ["tilted gantry"])
        >>> notes.summary()
        ('cases with notes: 1, see index.html and the column notes of cases.csv', 'case a: tilted gantry')
        """
        if not self.n_cases:
            return ()
        counted = sorted(self._counts.items(), key=lambda item: -item[1])[:_MOST_PRINTED]
        return (
            f"cases with notes: {self.n_cases}, see index.html and the column notes of cases.csv",
            *(
                f"{count} cases: {note}" if count > 1 else f"case {printable(self._first[note])}: {note}"
                for note, count in counted
            ),
        )
