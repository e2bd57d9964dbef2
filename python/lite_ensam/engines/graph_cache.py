"""Compiled graphs, kept in the user's cache folder: compiling one takes longer than running it.

A folder that cannot be written, and a file that is damaged or from another machine, are no errors: the graph is
compiled again.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from lite_ensam.core.errors import OutputError
from lite_ensam.io import atomic_write

_HASH_BYTES = 32
_KEPT = 16
"""Compiled graphs that stay, the newest ones; each takes about 3 MB."""


def cache_folder() -> Path:
    """Where the system wants what can be made again: lite-ensam's folder in there, which may not exist yet."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "lite-ensam"


def key_of(facts: Iterable[object]) -> str:
    """Name of a compiled graph: it changes with any of the facts that the graph depends on."""
    return hashlib.sha256(repr([str(fact) for fact in facts]).encode()).hexdigest()[:32]


def read(key: str) -> bytes | None:
    """A compiled graph; None if there is none, or its bytes are not those that were written."""
    try:
        content = _path(key).read_bytes()
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder
        return None
    compiled = content[_HASH_BYTES:]
    return compiled if hashlib.sha256(compiled).digest() == content[:_HASH_BYTES] else None


def write(key: str, compiled: bytes) -> None:
    """Keep a compiled graph, if that is possible."""
    try:
        path = _path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, overwrite=True) as file:
            file.write(hashlib.sha256(compiled).digest() + compiled)
        graphs = sorted(path.parent.glob("*.openvino"), key=lambda graph: graph.stat().st_mtime)
        for old in graphs[:-_KEPT]:
            old.unlink()
    except (OSError, OutputError, RuntimeError):
        return


def _path(key: str) -> Path:
    return cache_folder() / f"{key}.openvino"
