"""Compiled graphs, kept in the user's cache folder: compiling one takes longer than running it.

A compiled graph is trusted like a program, so it is read only from a folder and a file that belong to the user and that
nobody else may write. A folder that cannot be written or trusted, and a file that is damaged or from another machine,
do not raise: the graph is compiled again.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from lite_ensam.core.errors import OutputError
from lite_ensam.io import atomic_write

_HASH_BYTES = 32
_KEPT = 16
"""Compiled graphs that stay, the newest ones; each takes about 3 MB."""

_CHECKS_OWNER = sys.platform != "win32"
"""On Windows the folder is in the user's profile, which others cannot write."""


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
    """A compiled graph; None if it is missing, somebody else could have written it, or its bytes have changed."""
    try:
        content = _private_bytes(key)
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder
        return None
    digest, compiled = content[:_HASH_BYTES], content[_HASH_BYTES:]
    return compiled if digest == _digest(key, compiled) else None


def write(key: str, compiled: bytes) -> None:
    """Keep a compiled graph, if that is possible."""
    try:
        folder = cache_folder()
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        with atomic_write(folder / _name(key), overwrite=True) as file:
            if _CHECKS_OWNER:
                os.fchmod(file.fileno(), 0o600)
            file.write(_digest(key, compiled) + compiled)
        graphs = sorted(folder.glob(_name("*")), key=lambda graph: graph.stat().st_mtime)
        for old in graphs[:-_KEPT]:
            old.unlink()
    except (OSError, OutputError, RuntimeError):
        return


def _private_bytes(key: str) -> bytes:
    """Content of a file that only this user can have written; OSError otherwise.

    The bytes that are checked are those that are read: folder and file are opened first, links refused.
    """
    if not _CHECKS_OWNER:
        return (cache_folder() / _name(key)).read_bytes()
    folder = os.open(cache_folder(), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _check_private(folder)
        with open(
            os.open(_name(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), "rb"
        ) as file:
            _check_private(file.fileno())
            return file.read()
    finally:
        os.close(folder)


def _check_private(descriptor: int) -> None:
    facts = os.fstat(descriptor)
    if facts.st_uid != os.geteuid() or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError("others could have written this")


def _digest(key: str, compiled: bytes) -> bytes:
    """Binds a compiled graph to its key, hence to the weights."""
    return hashlib.sha256(key.encode() + compiled).digest()


def _name(key: str) -> str:
    return f"{key}.openvino"
