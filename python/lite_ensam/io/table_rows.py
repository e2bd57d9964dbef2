"""Rows of a table of another library: of pandas, Polars or Arrow, or of a structured array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

import numpy as np

__all__ = ["is_table", "table_rows"]


def is_table(value: Any) -> bool:
    """Whether an object is such a table; this package's own dataclasses have a `to_dict`, too."""
    return (
        hasattr(value, "to_dicts")
        or hasattr(value, "to_pylist")
        or (hasattr(value, "to_dict") and not is_dataclass(value))
        or getattr(getattr(value, "dtype", None), "names", None) is not None
    )


def table_rows(table: Any) -> Sequence[Mapping[str, Any]]:
    """Rows as mappings of column names to cells; an index of pandas that has a name is a column."""
    if hasattr(table, "to_dicts"):
        return list(table.to_dicts())
    if hasattr(table, "to_pylist"):
        return list(table.to_pylist())
    if hasattr(table, "to_dict"):
        if getattr(table, "ndim", 2) == 1:  # a Series, such as `frame.iloc[0]`
            return [table.to_dict()]
        index = getattr(getattr(table, "index", None), "names", ())
        named = [name for name in index if name is not None and name not in table.columns]
        return list((table.reset_index(level=named) if named else table).to_dict("records"))
    names = table.dtype.names
    return [dict(zip(names, row, strict=True)) for row in np.atleast_1d(table).tolist()]
