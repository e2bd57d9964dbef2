"""How near a tumour's numbers probably are to a reader's: a quality score and 95 % intervals.

The intervals are conformal: of tumours in patients that the weights have not learnt from, 95 % lie within them
(Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World, 2005). They hold for tumours and scans like those.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

__all__ = ["CONFIDENCE", "LEVEL", "HeldOutErrors", "TumorConfidence", "TumorError"]

LEVEL = 0.95
"""Share of held-out tumours that lie within the intervals."""

CONFIDENCE = (
    "expected_dice", "volume_low_ml", "volume_high_ml", "longest_diameter_low_mm", "longest_diameter_high_mm",
    "short_axis_low_mm", "short_axis_high_mm",
)  # fmt: skip
"""Names of quality score and interval limits in tables and reports, one column each."""

Interval: TypeAlias = tuple[float, float]
"""Lower and upper bound."""


@dataclass(frozen=True)
class TumorConfidence:
    """A quality score and the 95 % intervals of a reader's numbers for the same tumour.

    Parameters
    ----------
    expected_dice : float
        The Dice coefficient with a reader's mask that the network expects, 0 to 1.
    volume_interval_ml, longest_diameter_interval_mm, short_axis_interval_mm : Interval
        Lower and upper bound.
    """

    expected_dice: float
    volume_interval_ml: Interval
    longest_diameter_interval_mm: Interval
    short_axis_interval_mm: Interval

    def to_dict(self) -> dict[str, float]:
        """Return a JSON-ready number for each name in `CONFIDENCE`.

        Returns
        -------
        dict[str, float]
            Numbers by name.
        """
        intervals = (self.volume_interval_ml, self.longest_diameter_interval_mm, self.short_axis_interval_mm)
        return dict(zip(CONFIDENCE, (self.expected_dice, *chain(*intervals)), strict=True))


@dataclass(frozen=True)
class TumorError:
    """Errors of a held-out tumour's measurements against the reader's.

    Parameters
    ----------
    expected_dice : float
        What the network expected, 0 to 1.
    volume, longest_diameter, short_axis : float
        Natural logarithms of result over reader.
    """

    expected_dice: float
    volume: float
    longest_diameter: float
    short_axis: float


@dataclass(frozen=True)
class HeldOutErrors:
    """Errors of some weights on patients that they have not learnt from; kept in the weights' manifest.

    Volumes are the less sure the lower the expected Dice: their errors grow as 1 - expected Dice. Diameters' do not.

    Parameters
    ----------
    n_tumors : int
        Number of tumours that were measured.
    n_patients : int
        Number of their patients.
    volume : float
        95 % quantile of the absolute logarithmic error, divided by 1 - expected Dice.
    longest_diameter, short_axis : float
        95 % quantile of the absolute logarithmic error.
    """

    n_tumors: int
    n_patients: int
    volume: float
    longest_diameter: float
    short_axis: float

    @classmethod
    def of(cls, errors: Sequence[TumorError], n_patients: int) -> HeldOutErrors:
        """Compute the quantiles of errors; ValueError for fewer than 19, which have no 95 % quantile.

        Parameters
        ----------
        errors : Sequence[TumorError]
            Errors of tumours.
        n_patients : int
            Number of patients that the tumours are of.

        Returns
        -------
        HeldOutErrors
            The quantiles.
        """
        volume = [abs(one.volume) / (1 - one.expected_dice) for one in errors]
        longest, short = (
            [abs(getattr(one, name)) for one in errors] for name in ("longest_diameter", "short_axis")
        )
        return cls(len(errors), n_patients, *(_quantile(values) for values in (volume, longest, short)))

    @classmethod
    def from_dict(cls, numbers: Mapping[str, Any]) -> HeldOutErrors:
        """Read the result of `to_dict`; ValueError or KeyError if it is not valid.

        Parameters
        ----------
        numbers : Mapping[str, Any]
            Result of `to_dict`.

        Returns
        -------
        HeldOutErrors
            The quantiles.
        """
        errors = cls(
            int(numbers["n_tumors"]),
            int(numbers["n_patients"]),
            *(float(numbers[name]) for name in ("volume", "longest_diameter", "short_axis")),
        )
        if not all(0 < getattr(errors, one.name) < math.inf for one in fields(cls)):
            raise ValueError(f"held-out errors must be positive, got {errors}")
        return errors

    def to_dict(self) -> dict[str, float]:
        """Return the quantiles as a JSON-ready dictionary.

        Returns
        -------
        dict[str, float]
            Numbers by name.
        """
        return asdict(self)

    def confidence(
        self, expected_dice: float, volume_ml: float, longest_diameter_mm: float, short_axis_mm: float
    ) -> TumorConfidence:
        """Compute the intervals around a tumour's measurements.

        Parameters
        ----------
        expected_dice : float
            Expected Dice of the mask, see `TumorConfidence`.
        volume_ml : float
            Volume in ml.
        longest_diameter_mm : float
            Longest diameter in mm.
        short_axis_mm : float
            Short axis in mm.

        Returns
        -------
        TumorConfidence
            Expected Dice and 95 % intervals.
        """
        return TumorConfidence(
            expected_dice,
            _around(volume_ml, self.volume * (1 - expected_dice)),
            _around(longest_diameter_mm, self.longest_diameter),
            _around(short_axis_mm, self.short_axis),
        )


def _around(value: float, error: float) -> Interval:
    factor = math.exp(error)
    return value / factor, value * factor


def _quantile(values: Sequence[float]) -> float:
    """The conformal quantile: the rank counts the tumour that is still to come."""
    rank = math.ceil((len(values) + 1) * LEVEL)
    if rank > len(values):
        raise ValueError(f"{len(values)} tumours are too few: intervals need 19 or more")
    return float(np.sort(values)[rank - 1])
