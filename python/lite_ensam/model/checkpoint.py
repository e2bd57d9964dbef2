"""Weights on disk: safetensors with the configs next to them, no pickle."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save

from lite_ensam.core.errors import EngineError
from lite_ensam.core.patch_config import PatchConfig
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.io import atomic_write
from lite_ensam.model.config import ModelConfig
from lite_ensam.model.lite_ensam import LiteEnsam


@with_short_repr
@dataclass(frozen=True)
class Weights:
    """A trained network with what it needs to be used.

    Parameters
    ----------
    model : LiteEnsam
        Model in eval mode.
    patch : PatchConfig
        How its patches are cut and filled.
    record : dict[str, Any]
        How it was trained (data, steps, seed, commit), JSON-ready.
    half : bool, default True
        Kept in half precision on disk, here and in the exported graph.
    """

    model: LiteEnsam
    patch: PatchConfig
    record: dict[str, Any]
    half: bool = True


def save_weights(path: Path, weights: Weights) -> None:
    """Write safetensors in the precision that the weights say; the old file stays until the new one is whole.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    tensors = {
        name: value.detach().to(torch.float16 if weights.half else torch.float32).contiguous()
        for name, value in weights.model.state_dict().items()
    }
    header = {
        "model": weights.model.config.to_dict(),
        "patch": weights.patch.to_dict(),
        "record": weights.record,
    }
    content = save(tensors, metadata={"lite_ensam": json.dumps(header)})
    with atomic_write(path, overwrite=True) as file:
        file.write(content)


def load_weights(path: Path) -> Weights:
    """Read what `save_weights` wrote; float32 in memory.

    Raises
    ------
    EngineError
        If the file is missing or no weights of this package.
    """
    if not path.is_file():
        instead = "; it is a folder: name the file best.safetensors in it" if path.is_dir() else ""
        raise EngineError(f"weights: no such file {path}{instead}")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})["lite_ensam"])
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        tensors = {name: value.float() for name, value in stored.items()}
        half = all(value.dtype == torch.float16 for value in stored.values())
        model = LiteEnsam(ModelConfig.from_dict(header["model"]))
        # as stored: normalising the rounded rows again would part from the exported graph
        model.load_state_dict(tensors)
        patch = PatchConfig.from_dict(header["patch"])
    except Exception as error:
        raise EngineError(f"weights: {path} is not a weights file of lite-ensam ({error})") from error
    return Weights(model.eval(), patch, header["record"], half)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
