"""Steps of a viewer's work, for pages that are loaded again and still offer undo and redo."""

from __future__ import annotations

from typing import Any, NamedTuple

from lite_ensam.core.recist import RecistMark
from lite_ensam.widgets.marks_trait import marks_to_json

__all__ = ["History", "Work"]

_MOST_STEPS = 30
"""A page gets all of them at once; each holds all edits by hand."""


class Work(NamedTuple):
    """Work that undo brings back.

    Attributes
    ----------
    marks : tuple[RecistMark, ...]
        The lines.
    edits : list[dict[str, Any]]
        By hand, as JSON.
    thresholds : dict[str, float]
        Of single lesions, by label as text.
    measures : list[dict[str, Any]]
        Rulers and ROIs, as JSON.
    """

    marks: tuple[RecistMark, ...]
    edits: list[dict[str, Any]]
    thresholds: dict[str, float]
    measures: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """As the browser has it, JSON-ready."""
        return self._asdict() | {"marks": marks_to_json(self.marks)}


class History:
    """Earlier and later work of a viewer.

    A page keeps its own steps as long as it lives. Here they are told from the work that passes by: what was there one
    step ago and comes back was undone.

    Parameters
    ----------
    work : Work
        At the start; undo does not reach before it.

    Examples
    --------
    >>> empty, drawn = Work((), [], {}, []), Work((RecistMark(1, ((4, 10, 2), (4, 10, 12))),), [], {}, [])
    >>> history = History(empty)
    >>> history.note(drawn)
    >>> history.note(empty)
    >>> len(history.to_json()["done"]), len(history.to_json()["undone"])
    (0, 1)
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._done: list[Work] = []
        self._undone: list[Work] = []
        self._slid = ""

    def note(self, work: Work) -> None:
        """Take the work that there is now; nothing happens if it is the work that was there before.

        Parameters
        ----------
        work : Work
            After a change.
        """
        if work == self._work:
            return
        slid = ""  # after undo or redo, a slide is a step of its own
        if self._done and work == self._done[-1]:
            self._undone.append(self._work)
            self._done.pop()
        elif self._undone and work == self._undone[-1]:
            self._done.append(self._work)
            self._undone.pop()
        else:
            slid = _slid_threshold(self._work, work)
            if not slid or slid != self._slid:  # all moves of a slider are one step
                self._done = [*self._done, self._work][-_MOST_STEPS:]
            self._undone.clear()
        self._work, self._slid = work, slid

    def to_json(self) -> dict[str, Any]:
        """Work that undo and redo bring back, the next of each last; JSON-ready."""
        return {
            "done": [work.to_json() for work in self._done],
            "undone": [work.to_json() for work in self._undone],
        }


def _slid_threshold(before: Work, after: Work) -> str:
    """The lesion whose threshold alone is another; "" if more or less has changed."""
    if before._replace(thresholds={}) != after._replace(thresholds={}):
        return ""
    changed = {
        label
        for label in before.thresholds.keys() | after.thresholds.keys()
        if before.thresholds.get(label) != after.thresholds.get(label)
    }
    return changed.pop() if len(changed) == 1 else ""
