"""Labels in several pieces: a mask of 0 and 1 with all lesions of a scan would be learnt as one tumour."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from lite_ensam import _kernels
from lite_ensam.core.types import Mask

__all__ = ["in_large_pieces", "pieces_note"]

_LARGE = 0.1
"""A piece of fewer voxels than this share of the largest one is a stray part of the same lesion. Of 252 labels of LIDC
and sarcomas, six are in pieces, and none has a second piece as large as this."""


def in_large_pieces(mask: Mask) -> bool:
    """Whether the second largest piece of a mask has at least a tenth of the voxels of the largest.

    Parameters
    ----------
    mask : Mask
        Bool (z, y, x); voxels that touch over a face, an edge or a corner are of one piece.

    Returns
    -------
    bool
        False for a mask of one piece.

    Examples
    --------
    >>> in_large_pieces(np.array([[[True, True, False, True]]]))
    True
    """
    where = np.nonzero(mask)
    if not where[0].size:
        return False
    box = mask[tuple(slice(axis.min(), axis.max() + 1) for axis in where)]
    largest, n_pieces = _kernels.largest_piece(box, 1)
    if n_pieces < 2:
        return False
    second, _ = _kernels.largest_piece(box & ~largest, 1)
    return bool(np.count_nonzero(second) >= _LARGE * np.count_nonzero(largest))


def pieces_note(in_pieces: Collection[bool], where: str = "") -> list[str]:
    """Put a sentence about labels in several pieces into a list; it stays empty if all are in one.

    Parameters
    ----------
    in_pieces : Collection[bool]
        For each label, whether it is in several pieces.
    where : str, default ""
        Which labels these are, with a space in front; an empty text for all.

    Returns
    -------
    list[str]
        At most one sentence.

    Examples
    --------
    >>> pieces_note([True, False])
    ['1 of 2 labels consist of several pieces; one label is one tumour: give each lesion its own label']
    """
    count = sum(in_pieces)
    if not count:
        return []
    found = f"{count} of {len(in_pieces)} labels{where} consist of several pieces"
    return [f"{found}; one label is one tumour: give each lesion its own label"]
