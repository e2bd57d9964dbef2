"""Tensors out of a stranger's checkpoint, a file of `torch.save`, which is a program to whoever trusts it.

torch's own restricted reader builds tensors, numbers, texts and containers, and one class more, that of command line
arguments, which trainers like to keep next to their weights. It is told to map the file, so that what is not asked for
is never read; what a file promises is checked against its size before anything is copied.
"""

from __future__ import annotations

import argparse
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lite_ensam.core.errors import EngineError, brief, printable
from lite_ensam.io.reading import check_input

__all__ = ["read_state_dict"]

_LFS_POINTER = b"version https://git-lfs"


def read_state_dict(path: Path, key: str = "model_state_dict") -> dict[str, Tensor]:
    """Tensors of a checkpoint by their names; nothing in the file is run, and they stay in it until they are used.

    Parameters
    ----------
    path : Path
        A file of `torch.save` in the zip format, which is torch's since version 1.6.
    key : str, default "model_state_dict"
        Under which the network's tensors lie.

    Raises
    ------
    CaseError
        If the file is missing, or it is not a regular one.
    EngineError
        If it is not a checkpoint, is damaged, holds objects other than plain data, or tensors that it has no room for.
    """
    check_input(path)
    _check_archive(path)
    content = _load(path)
    state = content.get(key) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping):
        has = (
            brief(sorted(map(str, content)))
            if isinstance(content, Mapping)
            else f"a {type(content).__name__}"
        )
        raise _error(path, f"holds no {key!r}, which is where the network's tensors lie; it holds {has}")
    size = path.stat().st_size
    for name, value in state.items():
        _check_tensor(path, name, value, size)
    return dict(state)


def _error(path: Path, what: str) -> EngineError:
    return EngineError(f"checkpoint: {printable(path)} {what}")


def _check_archive(path: Path) -> None:
    """Refuse all but a plain zip archive: uncompressed, as torch's are, it cannot be larger inside than outside."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        with open(path, "rb") as file:
            if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
                raise _error(
                    path, "is a pointer of Git LFS, not the file: fetch that by `git lfs pull`"
                ) from None
        raise _error(
            path, "is not a checkpoint of torch.save in the zip format, or is truncated; download it again"
        ) from None
    stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
    if not stored or sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise _error(
            path, "is compressed inside or lists its bytes twice, which torch.save never does; it is not read"
        )


def _load(path: Path) -> Any:
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals([argparse.Namespace]):
            warnings.simplefilter(
                "ignore"
            )  # whatever torch has to say of a strange file, it is one sentence here
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises a dozen types on hostile files, and its advice is to trust them
        if found := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise _error(
                path, f"holds an object {found[1]}, which is not read since reading it may run a program"
            ) from None
        raise _error(path, f"is damaged, or holds more than plain data ({type(error).__name__})") from None


def _check_tensor(path: Path, name: object, value: object, file_bytes: int) -> None:
    """Refuse anything but tensors in the file's own bytes: a stride of zero makes a terabyte out of one number."""
    if not isinstance(name, str):
        raise _error(path, f"names a tensor {brief(name)}, expected a text")
    if type(value) not in (Tensor, nn.Parameter):
        raise _error(path, f"holds {type(value).__name__} as {brief(name)}, expected a tensor")
    assert isinstance(value, Tensor)
    if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized:
        raise _error(path, f"holds {brief(name)} as another tensor than a plain one")
    if value.numel() * value.element_size() > file_bytes:
        raise _error(
            path, f"promises {brief(name)} of shape {tuple(value.shape)}, for which the file is too small"
        )
