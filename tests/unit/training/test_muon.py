"""Muon's updates are orthogonal, and it learns."""

from __future__ import annotations

import pytest
import torch

from lite_ensam.training.muon import Muon, orthogonalize


@pytest.mark.parametrize("shape", [(8, 8), (8, 200), (200, 8)])
def test_singular_values_come_near_one(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalize(torch.randn(shape) * 37))
    assert float(values.min()) > 0.5
    assert float(values.max()) < 1.3


def test_a_convolutions_weight_moves_like_its_matrix() -> None:
    torch.manual_seed(1)
    start, gradient = torch.randn(4, 2, 3, 3, 3), torch.randn(4, 2, 3, 3, 3)
    weights = [start.clone().requires_grad_(), start.reshape(4, -1).clone().requires_grad_()]
    for weight in weights:
        weight.grad = gradient.reshape(weight.shape).clone()
        Muon([weight], lr=0.1).step()
    torch.testing.assert_close(weights[0].reshape(4, -1), weights[1])


def test_an_update_has_the_size_of_an_adamw_update() -> None:
    torch.manual_seed(2)
    weight = torch.zeros(64, 64, requires_grad=True)
    weight.grad = torch.randn(64, 64)
    Muon([weight], lr=1.0, weight_decay=0.0).step()
    assert 0.1 < float(weight.detach().square().mean().sqrt()) < 0.3


@pytest.mark.parametrize("shape", [(16, 40), (40, 16), (12, 12)])
def test_steps_match_torchs_own_muon(shape: tuple[int, int]) -> None:
    torch.manual_seed(4)
    start = torch.randn(shape)
    ours, theirs = start.clone().requires_grad_(), start.clone().requires_grad_()
    settings = {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1}
    optimizers = (
        Muon([ours], **settings),
        torch.optim.Muon([theirs], adjust_lr_fn="match_rms_adamw", **settings),
    )
    for _ in range(5):
        gradient = torch.randn(shape)
        for weight, optimizer in zip((ours, theirs), optimizers, strict=True):
            weight.grad = gradient.clone()
            optimizer.step()
    # theirs orthogonalises in bfloat16
    torch.testing.assert_close(ours, theirs, atol=3e-3, rtol=0)


def test_left_alone_it_takes_the_papers_numbers() -> None:
    torch.manual_seed(5)
    start, gradients = torch.randn(6, 8), torch.randn(3, 6, 8)
    weights = [start.clone().requires_grad_(), start.clone().requires_grad_()]
    optimizers = Muon([weights[0]]), Muon([weights[1]], lr=2e-3, momentum=0.95, weight_decay=1e-3)
    for gradient in gradients:
        for weight, optimizer in zip(weights, optimizers, strict=True):
            weight.grad = gradient.clone()
            optimizer.step()
    torch.testing.assert_close(*weights, atol=0, rtol=0)


def test_it_fits_a_linear_map() -> None:
    torch.manual_seed(3)
    target, x = torch.randn(6, 5), torch.randn(200, 5)
    weight = torch.zeros(6, 5, requires_grad=True)
    optimizer = Muon([weight], lr=0.3, weight_decay=0.0)
    for _ in range(300):
        optimizer.zero_grad()
        ((x @ (weight - target).T) ** 2).mean().backward()
        optimizer.step()
        optimizer.param_groups[0]["lr"] *= 0.975
    torch.testing.assert_close(weight, target, atol=0.02, rtol=0)
