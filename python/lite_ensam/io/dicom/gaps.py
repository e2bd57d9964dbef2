"""Slices that a lesion of a SEG or RTSTRUCT leaves out, for notes."""

from collections.abc import Iterable
from itertools import groupby

__all__ = ["left_out"]


def left_out(slices: Iterable[int]) -> str:
    """Name the slices between the first and the last of some that are not among them.

    Parameters
    ----------
    slices : Iterable[int]
        Numbers in any order.

    Returns
    -------
    str
        "slice 3" or "slices 3, 6 to 8"; empty if none is left out.

    Examples
    --------
    >>> left_out([2, 4, 5, 9])
    'slices 3, 6 to 8'
    """
    there = set(slices)
    missing = sorted(set(range(min(there, default=0), max(there, default=0))) - there)
    runs = [[n for _, n in run] for _, run in groupby(enumerate(missing), lambda pair: pair[1] - pair[0])]
    named = ", ".join(f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
    return f"slice{'s' * (len(missing) > 1)} {named}" if missing else ""
