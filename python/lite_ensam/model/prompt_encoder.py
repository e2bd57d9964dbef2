"""Prompt encoder: the two endpoints of a RECIST line to tokens (paper, section 2.1 'Encoding of RECIST annotation')."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lite_ensam.model.config import ModelConfig


class PromptEncoder(nn.Module):
    """One learnt type vector for each end of the line; the place enters only through LieRE's rotation.

    With one shared vector the attention could not tell the ends apart, and a voxel's position relative
    to the line would cancel (docs/developer/decisions): the two vectors differ unless the config says otherwise.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.unit_entry = config.unit_entry
        self.types = nn.Parameter(torch.randn(2 if config.distinct_endpoints else 1, config.embed_dim))

    def forward(self, n_lines: int) -> Float[Tensor, "b 2 d"]:
        """Tokens of `n_lines` lines, first endpoint first; of unit length if the config says so."""
        types = F.normalize(self.types, dim=-1) if self.unit_entry else self.types
        return types.expand(n_lines, 2, -1)
