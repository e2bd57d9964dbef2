"""Which engines a forked child must not use as if nothing had happened.

A fork copies memory, but of all threads only the one that forks: whoever waits for one of an engine's others waits for
ever.
"""

from __future__ import annotations

import os
import sys

__all__ = ["loaded_before_fork"]

_WITH_THREADS = ("openvino", "torch")
_inherited: set[str] = set()


def loaded_before_fork(package: str) -> bool:
    """Whether this process was forked from one that had loaded "openvino" or "torch" by then."""
    return package in _inherited


def _note_fork() -> None:
    _inherited.update(package for package in _WITH_THREADS if package in sys.modules)


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_note_fork)
