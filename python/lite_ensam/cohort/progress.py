"""How a run shows how far it is: a bar in a terminal or notebook, a line a minute in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lite_ensam.cohort.run import Progress

__all__ = ["progress_text", "show_progress"]

_LOG_EVERY_S = 60.0
_BAR_EVERY_S = 0.2


@contextmanager
def show_progress() -> Iterator[Callable[[Progress], None]]:
    """Show progress while the block runs; give the result to `run_cohort` as `on_progress`.

    Yields
    ------
    Callable[[Progress], None]
        Callback that shows progress on the terminal.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    console = Console(highlight=False, markup=False, soft_wrap=True)
    if not (console.is_terminal or console.is_jupyter):
        yield _every(_LOG_EVERY_S, lambda progress: console.print(progress_text(progress)))
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with Bar(*columns, console=console, auto_refresh=False) as bar:
        task = bar.add_task("starting", total=None)

        def draw(progress: Progress) -> None:
            what = progress_text(progress, counts=False)
            bar.update(task, total=progress.total, completed=progress.seen, description=what, refresh=True)

        yield _every(_BAR_EVERY_S, draw)


def progress_text(progress: Progress, counts: bool = True) -> str:
    """Describe progress on one line: counts, failures, pace, time left, memory.

    Parameters
    ----------
    progress : Progress
        State of the run.
    counts : bool, default True
        Whether to state the number of cases.

    Returns
    -------
    str
        The line, without a line break.

    Examples
    --------
    >>> progress_text(Progress(total=10, kept=4))
    '4/10 cases, 4 kept from before'
    """
    failed = progress.failed + progress.failed_before
    parts = [f"{progress.seen}/{progress.total} cases"] if counts else []
    parts += [f"{progress.kept} kept from before"] if progress.kept else []
    parts += [f"{failed} failed"] if failed else []
    left = progress.seconds_left
    if left is not None:
        parts += [f"{progress.per_minute:.1f} scans/min", f"{_duration(left)} left"]
    parts += [f"largest worker {progress.peak_mb:.0f} MB"] if progress.peak_mb else []
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60:02d} min" if hours else f"{rest // 60} min {rest % 60:02d} s"


def _every(seconds: float, draw: Callable[[Progress], Any]) -> Callable[[Progress], None]:
    """`draw`, but not more often than that, and at the end."""
    last = -seconds

    def tell(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= seconds or progress.seen == progress.total:
            last = now
            draw(progress)

    return tell
