"""Muon: momentum whose update is brought to (nearly) orthogonal form by Newton-Schulz steps.

torch's own Muon takes matrices only; here a convolution's weight (out, in, z, y, x) counts as the
matrix (out, in * z * y * x), as in ENSAM's training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic that drives all singular values towards 1, as Keller Jordan published them with Muon (2024)."""


def orthogonalize(matrix: Tensor, steps: int = 5) -> Tensor:
    """Nearest orthogonal matrix, roughly: singular values end up between 0.68 and 1.13."""
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Muon for every weight with more than one dimension.

    Parameters
    ----------
    params : Iterable[Tensor]
        Weights, each with two dimensions or more.
    lr : float, default 0.002
        Step size.
    momentum : float, default 0.95
        Momentum of the running gradient (Nesterov).
    weight_decay : float, default 0.001
        Decoupled weight decay, as in AdamW.
    match_adamw : bool, default True
        Scale each update by 0.2 * sqrt(longer side), the size of an AdamW update, so that one learning rate
        serves both; the paper's long run does not.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 2e-3,
        momentum: float = 0.95,
        weight_decay: float = 1e-3,
        match_adamw: bool = True,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "match_adamw": match_adamw,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update from the gradients that are there."""
        loss = None if closure is None else closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, group)
        return loss

    def _update(self, weight: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(weight)
        running = state["momentum"]
        running.mul_(group["momentum"]).add_(weight.grad)
        nesterov = weight.grad + group["momentum"] * running
        matrix = nesterov.reshape(nesterov.shape[0], -1).float()
        size = 0.2 * max(matrix.shape) ** 0.5 if group["match_adamw"] else 1.0
        update = orthogonalize(matrix).reshape(weight.shape)
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.add_(update, alpha=-group["lr"] * size)
