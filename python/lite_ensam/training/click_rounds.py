"""Rounds of clicks: the network is shown its own errors as a user would point at them.

Every round sees the mask from before the first click and all clicks so far, as inference does: a result
follows from the line and the points alone, whatever order they came in (docs/guide/training.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from lite_ensam.core.patch_config import PatchConfig
from lite_ensam.training.batch_channels import click_channel
from lite_ensam.training.batches import Batch
from lite_ensam.training.lesion_batches import Chance
from lite_ensam.training.prompts import Clicks, next_clicks

__all__ = ["with_clicks"]

Network = Callable[[Tensor, Tensor], Tensor]
"""From values and endpoints to logits."""


@torch.no_grad()
def with_clicks(network: Network, batch: Batch, config: PatchConfig, generator: torch.Generator) -> Batch:
    """The batch with clicks on as many rounds of errors as each patch is to have.

    Parameters
    ----------
    network : Network
        The network as it is now.
    batch : Batch
        A batch whose channels have neither a click nor a last mask.
    config : PatchConfig
        Channels of the patch.
    generator : torch.Generator
        Generator on the batch's device.

    Returns
    -------
    Batch
        The batch, whose channels show the clicks and the last mask.
    """
    if batch.rounds is None or "clicks" not in config.channels or not bool(batch.rounds.any()):
        return batch
    values, known = (
        batch.values.clone(),
        torch.ones_like(batch.target) if batch.known is None else batch.known,
    )
    clicks_at, mask_at = (config.channels.index(name) for name in ("clicks", "last_mask"))
    most = int(batch.rounds.max())
    clicks = Clicks.none(len(batch), values.device)
    for number in range(1, most + 1):
        chosen = (batch.rounds >= number).nonzero()[:, 0]
        logits = network(values[chosen], batch.endpoints_zyx[chosen]).float()
        if number == 1:
            values[chosen, mask_at] = logits[:, 0].sigmoid()
        found = next_clicks(Chance(generator, len(chosen)), logits, batch.target[chosen], known[chosen])
        more = Clicks(values.new_zeros(len(batch), 1, 3), values.new_zeros(len(batch), 1))
        more.points[chosen], more.signs[chosen] = found.points, found.signs
        clicks += more
        values[chosen, clicks_at] = click_channel(clicks.of(chosen), values.shape[2])
    return replace(batch, values=values)
