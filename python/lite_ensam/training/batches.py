"""Batches of training: patches of one shape with their lines and targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lite_ensam.core.short_repr import with_short_repr

__all__ = ["Batch", "group_alike"]


@with_short_repr
@dataclass(frozen=True)
class Batch:
    """Training examples of one shape.

    Parameters
    ----------
    values : Tensor
        Float32 (b, c, z, y, x) in [0, 1].
    endpoints_zyx : Tensor
        Float32 (b, 2, 3), voxel indices in the patch.
    target : Tensor
        Float32 (b, 1, z, y, x), 0 or 1, or the share of a pooled voxel that is tumour.
    known : Tensor or None, default None
        Float32 (b, 1, z, y, x), 0 where voxels do not count in the loss; None is 1 everywhere.
    rounds : Tensor or None, default None
        Int (b,), number of clicks that each patch gets on the network's errors; None without clicks.
    """

    values: Tensor
    endpoints_zyx: Tensor
    target: Tensor
    known: Tensor | None = None
    rounds: Tensor | None = None

    def __len__(self) -> int:
        return len(self.values)

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        parts = (self.values, self.endpoints_zyx, self.target, self.known, self.rounds)
        return Batch(*(part if part is None else part.to(device) for part in parts))  # type: ignore[arg-type]


def group_alike(batches: Sequence[Batch]) -> list[Batch]:
    """Batches of one shape as one; all must say what is known, and none may have clicks.

    torch leaves oneDNN for a batch of one in float32, and is three times slower without it.

    Parameters
    ----------
    batches : Sequence[Batch]
        Batches with `known` and without `rounds`.

    Returns
    -------
    list[Batch]
        A batch for each shape.
    """
    shapes: dict[tuple[int, ...], list[Batch]] = {}
    for batch in batches:
        shapes.setdefault(tuple(batch.values.shape[1:]), []).append(batch)
    return [
        Batch(
            *(
                torch.cat([getattr(one, name) for one in alike])
                for name in ("values", "endpoints_zyx", "target", "known")
            )
        )
        for alike in shapes.values()
    ]
