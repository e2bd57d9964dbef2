"""Tables for people, readable in a pipe too."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 160
"""Columns without a terminal to ask: nothing of a table is cut off in a log."""


def console() -> Console:
    """Where commands print."""
    from rich.console import Console

    # what is printed holds names of files and tumours, in which nothing is markup
    plain = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    if not plain.is_terminal:
        plain.width = PIPE_WIDTH
    return plain


def print_json(report: Mapping[str, Any]) -> None:
    """Print a report to stdout as it would be written to a file."""
    from lite_ensam.io.report_files import report_text

    sys.stdout.write(report_text(report))


def print_table(
    names: Sequence[str], numbers: Sequence[str], rows: Iterable[Sequence[str]], texts: Sequence[str] = ()
) -> None:
    """Print rows under the headings `names`, `numbers` (to the right) and `texts`."""
    from rich.table import Table
    from rich.text import Text

    table = Table(show_edge=False, pad_edge=False)
    for name in names:
        table.add_column(name)
    for number in numbers:
        table.add_column(number, justify="right")
    for text in texts:
        table.add_column(text)
    for row in rows:
        table.add_row(*map(Text, row))
    console().print(table, soft_wrap=False)
