"""How one of several reports or masks of a patient is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from lite_ensam.core.errors import ArgumentError, brief

__all__ = ["ObjectChoice"]


@dataclass(frozen=True)
class ObjectChoice:
    """Selects one of several DICOM files of marks or masks; each part that is given must fit.

    Parameters
    ----------
    description : str, default ""
        Part of the series' or the content's description; letter case does not count.
    date : str, default ""
        "newest", "oldest", or the day that it was made on, YYYY-MM-DD.
    maker : str, default ""
        Part of the manufacturer's or the model's name.

    Raises
    ------
    ArgumentError
        If `date` has another form.
    """

    description: str = ""
    date: str = ""
    maker: str = ""

    def __post_init__(self) -> None:
        if self.date not in ("", "newest", "oldest"):
            try:
                is_day = date.fromisoformat(self.date).isoformat() == self.date
            except ValueError:
                is_day = False
            if not is_day:
                raise ArgumentError(f"date must be newest, oldest or YYYY-MM-DD, got {brief(self.date)}")
