"""Prompts that are given apart from the marks: fields of `RecistMark` by label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from lite_ensam.core.short_repr import with_short_repr

__all__ = ["FilePrompts", "Prompts"]


@with_short_repr
@dataclass(frozen=True)
class FilePrompts:
    """Prompts whose points are indices of the scan's file, slowest axis first (k, j, i), as its marks are.

    Parameters
    ----------
    by_label : Mapping[int | None, Mapping[str, Any]]
        Fields of `RecistMark` by name, by label of their line; None is the only line's.
    """

    by_label: Mapping[int | None, Mapping[str, Any]]

    def __bool__(self) -> bool:
        return bool(self.by_label)


Prompts: TypeAlias = Mapping[int, Mapping[str, Any]] | Mapping[str, Any] | FilePrompts
"""Fields of `RecistMark` by name, by label of their line; of the only line without a label, too."""
