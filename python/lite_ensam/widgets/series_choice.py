"""A folder with several CT series: which of them is shown is chosen in the page of `lite-ensam view`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lite_ensam.core.errors import ArgumentError, brief
from lite_ensam.core.number_kinds import is_whole
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import PathLike
from lite_ensam.widgets.explorer import Explorer

if TYPE_CHECKING:
    from lite_ensam.io.dicom import SeriesSummary

__all__ = ["SeriesChoice", "series_to_choose_from"]


@with_short_repr
@dataclass(frozen=True)
class SeriesChoice:
    """Series to choose from.

    Parameters
    ----------
    series : Sequence[SeriesSummary]
        At least two series.
    show : Callable[[str], Explorer]
        Opens the series with a SeriesInstanceUID.
    """

    series: Sequence[SeriesSummary]
    show: Callable[[str], Explorer]

    def to_json(self) -> list[dict[str, Any]]:
        """Rows that the page lists; a series is named by its place in the list."""
        return [{name: value for name, value in asdict(one).items() if name != "uid"} for one in self.series]

    def open(self, number: Any) -> Explorer:
        """The scan of a series, by its place in the list (else ArgumentError); other errors as `explore`."""
        if not is_whole(number) or not 0 <= number < len(self.series):
            raise ArgumentError(
                f"series must be a number from 0 to {len(self.series) - 1}, got {brief(number)}"
            )
        return self.show(self.series[number].uid)


def series_to_choose_from(path: PathLike) -> Sequence[SeriesSummary]:
    """The CT series of a DICOM folder if there are several, else nothing."""
    if not os.path.isdir(path):
        return ()
    from lite_ensam.io.dicom import list_ct_series

    found = list_ct_series(path)
    return found if len(found) > 1 else ()
