"""Short reprs of records that hold arrays: what a notebook or a debugger shows of them fits on a few lines."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

from lite_ensam.core.errors import brief

__all__ = ["LONGEST_REPR", "shortened", "with_short_repr"]

LONGEST_REPR = 300
"""Of a record, in characters."""

_FEW = 3
"""Numbers that are written out; of more, only how many they are."""

Record = TypeVar("Record")


def with_short_repr(cls: type[Record]) -> type[Record]:
    """Decorator of a dataclass whose `repr` says type and shape of arrays, and how many things a collection holds.

    Fields that are as they are by default are left out. Goes above `dataclass`, which would replace it.

    Examples
    --------
    >>> import numpy as np
    >>> from dataclasses import dataclass
    >>> @with_short_repr
    ... @dataclass
    ... class Crop:
    ...     voxels: np.ndarray
    ...     name: str = ""
    >>> Crop(np.zeros((40, 60, 60), np.int16))
    Crop(voxels=int16 (40, 60, 60))
    """
    cls.__repr__ = _short_repr  # type: ignore[method-assign, assignment]
    return cls


def shortened(text: str) -> str:
    """Text of at most `LONGEST_REPR` characters: the end of a longer one is cut off.

    Parameters
    ----------
    text : str
        The text that may be too long.
    """
    return text if len(text) <= LONGEST_REPR else text[: LONGEST_REPR - 4] + " ..."


def _short_repr(self: Any) -> str:
    shown = (
        f"{field.name}={_short(value)}"
        for field in fields(self)
        if field.repr and not _is_default(field, value := getattr(self, field.name))
    )
    return shortened(f"{type(self).__name__}({', '.join(shown)})")


def _is_default(field: Field[Any], value: object) -> bool:
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    return type(value) is type(default) and not _is_array(value) and value == default


def _is_array(value: object) -> bool:
    """Also of torch."""
    return hasattr(value, "dtype") and bool(getattr(value, "shape", ()))


def _short(value: Any) -> str:
    if _is_array(value):
        return f"{value.dtype} {tuple(value.shape)}"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Collection) and not _is_short(value):
        kinds = {type(item).__name__ for item in (value.values() if isinstance(value, Mapping) else value)}
        return f"{len(value)} x {kinds.pop()}" if len(kinds) == 1 else f"{len(value)} items"
    return brief(value)


def _is_short(value: object) -> bool:
    """Whether it is a number, a word, or a few of them: a point, the two ends of a line."""
    if isinstance(value, tuple | list):
        return len(value) <= _FEW and all(map(_is_short, value))
    return value is None or isinstance(value, int | float | str) or value in ({}, set())
