"""Where the loop runs: one process on a CPU or a GPU, or several of them through Lightning Fabric.

The trainer asks the machine for what differs: where tensors live, who averages gradients and numbers over
processes, who writes files. Several processes see the batch that one process with a larger batch would see.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from lite_ensam.core.errors import MissingExtraError, TrainingError

__all__ = ["ACCELERATORS", "Devices", "FabricMachine", "find_devices", "has_bf16"]

ACCELERATORS = ("auto", "cpu", "gpu")
"""Values of `--accelerator`."""

Optimizers = list[torch.optim.Optimizer]


class Devices:
    """One process on one device; nothing but torch is needed.

    Parameters
    ----------
    device : str, default "cpu"
        Name of torch's device.
    """

    rank, count = 0, 1

    def __init__(self, device: str = "cpu") -> None:
        self.device = torch.device(device)

    def setup(self, model: nn.Module, optimizers: Optimizers) -> tuple[nn.Module, Optimizers]:
        """The network to run and the optimisers to step."""
        return model, optimizers

    def backward(self, loss: Tensor) -> None:
        """Gradients of the loss, averaged over processes."""
        loss.backward()  # type: ignore[no-untyped-call]

    def mean(self, value: float) -> float:
        """A number, averaged over processes."""
        return value

    def broadcast(self, value: Any) -> Any:
        """The value of the first process."""
        return value

    @contextmanager
    def first(self) -> Iterator[None]:
        """The first process runs the block before the others do."""
        yield


class FabricMachine(Devices):
    """One of several processes, by Lightning Fabric (DDP).

    Parameters
    ----------
    fabric : Any
        A launched `lightning.fabric.Fabric`.
    """

    def __init__(self, fabric: Any) -> None:
        super().__init__(str(fabric.device))
        self.fabric, self.rank, self.count = fabric, fabric.global_rank, fabric.world_size

    def setup(self, model: nn.Module, optimizers: Optimizers) -> tuple[nn.Module, Optimizers]:
        """The network wrapped for DDP, and its optimisers."""
        network, *wrapped = self.fabric.setup(model, *optimizers)
        return network, wrapped

    def backward(self, loss: Tensor) -> None:
        """Gradients of the loss, averaged over processes."""
        self.fabric.backward(loss)

    def mean(self, value: float) -> float:
        """A number, averaged over processes."""
        return float(self.fabric.all_reduce(torch.tensor(value, device=self.device), reduce_op="mean"))

    def broadcast(self, value: Any) -> Any:
        """The value of the first process."""
        return self.fabric.broadcast(value)

    @contextmanager
    def first(self) -> Iterator[None]:
        """The first process runs the block before the others do."""
        with self.fabric.rank_zero_first():
            yield


def find_devices(accelerator: str = "auto", devices: int = 1) -> Devices:
    """The machine that was asked for; under torchrun, this process's part of it.

    Parameters
    ----------
    accelerator : str, default "auto"
        "cpu", "gpu", or "auto": a GPU if there is one.
    devices : int, default 1
        Number of devices; more than one start as many processes.

    Returns
    -------
    Devices
        The devices of this process.

    Raises
    ------
    TrainingError
        If this machine lacks the accelerator.
    MissingExtraError
        If several processes are asked for and Lightning Fabric is not installed.
    """
    if accelerator not in ACCELERATORS:
        raise TrainingError(f"accelerator must be one of {', '.join(ACCELERATORS)}, got {accelerator!r}")
    if accelerator == "gpu" and not torch.cuda.is_available():
        raise TrainingError("accelerator gpu: torch finds no GPU here")
    kind = "gpu" if accelerator != "cpu" and torch.cuda.is_available() else "cpu"
    nodes = 1
    if "LOCAL_WORLD_SIZE" in os.environ:  # torchrun's word counts; Fabric's own children have only WORLD_SIZE
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    if devices * nodes == 1:
        return Devices("cuda" if kind == "gpu" else "cpu")
    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        raise MissingExtraError(
            "several processes need Lightning Fabric: pip install 'lite-ensam[fabric]'"
        ) from error
    fabric = Fabric(accelerator=kind, devices=devices, num_nodes=nodes, strategy="ddp")
    fabric.launch()
    return FabricMachine(fabric)


def has_bf16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 itself: where that is emulated, it is ten times slower.

    Parameters
    ----------
    device : torch.device
        One of torch's devices.

    Returns
    -------
    bool
        True if bfloat16 is not emulated.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return any(
        bool(getattr(torch.cpu, name, lambda: False)())
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
