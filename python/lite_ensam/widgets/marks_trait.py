"""The marker's trait `marks`: lines in any form, from Python and from the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import traitlets

from lite_ensam.errors import MarkError
from lite_ensam.io import GivenMarks, given_marks
from lite_ensam.recist import RecistMark
from lite_ensam.widgets.marks_json import checked_marks, marks_from_json

if TYPE_CHECKING:
    from lite_ensam.widgets.recist_marker import RecistMarker

__all__ = ["Marks", "read_marks"]


class Marks(traitlets.Tuple):  # type: ignore[type-arg]
    """Marks in any form that `lite_ensam.segment` takes, kept as a tuple of `RecistMark`s."""

    def validate(self, widget: RecistMarker, marks: GivenMarks) -> tuple[RecistMark, ...]:
        """Marks that lie in the scan."""
        return checked_marks(given_marks(marks, widget.grid), widget.grid.shape_zyx)

    def set(self, widget: Any, marks: Any) -> None:
        """Change them while nobody reads masks or numbers."""
        with widget.lock:
            super().set(widget, marks)


def read_marks(entries: Any, widget: RecistMarker) -> tuple[RecistMark, ...]:
    """Marks that the browser sent. Bad ones change nothing and are answered with a sentence."""
    try:
        return marks_from_json(entries, widget.grid.shape_zyx)
    except MarkError as error:
        widget.error = str(error)
        widget.send_state("marks")
        return widget.marks
