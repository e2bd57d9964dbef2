"""Tables for people, readable in a pipe too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 160
"""Columns where there is no terminal to ask: nothing of a table is cut off in a log."""


def console() -> Console:
    """Where commands print."""
    from rich.console import Console

    plain = Console(highlight=False, soft_wrap=True)
    return plain if plain.is_terminal else Console(highlight=False, soft_wrap=True, width=PIPE_WIDTH)


def print_table(names: Sequence[str], numbers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under the headings `names` (left) and `numbers` (right)."""
    from rich.table import Table

    table = Table(show_edge=False, pad_edge=False)
    for name in names:
        table.add_column(name)
    for number in numbers:
        table.add_column(number, justify="right")
    for row in rows:
        table.add_row(*row)
    console().print(table, soft_wrap=False)
