"""Who is told how a run goes: a log file, a picture of the curves, a bar on the screen, TensorBoard."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from lite_ensam.core.errors import MissingExtraError
from lite_ensam.figures.tumor_planes import new_figure, save_png
from lite_ensam.io import atomic_write
from lite_ensam.io.atomic import translate_output_errors
from lite_ensam.training.validation import ValidationScore

__all__ = ["Callback", "ProgressBar", "TensorBoard", "append_log", "draw_curves", "read_log"]

LOG, CURVES = "log.jsonl", "curves.png"
"""Files of a run's folder that say how it goes."""


@runtime_checkable
class Callback(Protocol):
    """Called by the trainer after each step and each validation."""

    def on_step(self, step: int, loss: float, rate: float) -> None:
        """Take note of a step.

        Parameters
        ----------
        step : int
            Steps done so far.
        loss : float
            Loss of the step.
        rate : float
            Learning rate of the step.
        """

    def on_validation(self, step: int, look: ValidationScore, best: bool) -> None:
        """Take note of a validation.

        Parameters
        ----------
        step : int
            Steps done so far.
        look : ValidationScore
            Scores of the weights.
        best : bool
            Whether no earlier weights of the run scored higher.
        """

    def close(self) -> None:
        """The run ends."""


class ProgressBar:
    """Steps, time that is left, loss and validation score on the terminal.

    Parameters
    ----------
    first : int
        Steps that are already done.
    last : int
        Steps of the whole run.
    """

    def __init__(self, first: int, last: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, TextColumn("{task.fields[loss]}{task.fields[score]}"))
        self._task = self._bar.add_task("", total=last, completed=first, loss="", score="")
        self._mean: float | None = None
        self._bar.start()

    def on_step(self, step: int, loss: float, rate: float) -> None:
        """Move the bar; the loss shown is a running mean."""
        self._mean = loss if self._mean is None else 0.98 * self._mean + 0.02 * loss
        self._bar.update(self._task, completed=step, loss=f"loss {self._mean:.3f}")

    def on_validation(self, step: int, look: ValidationScore, best: bool) -> None:
        """Show the score."""
        self._bar.update(self._task, score=f", validation DSC {look.dsc:.3f}{' (best)' if best else ''}")

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.stop()


class TensorBoard:
    """Loss, rate and validation scores as TensorBoard's event files (extra `tensorboard`).

    Parameters
    ----------
    folder : Path
        Folder that the event files are written to.

    Raises
    ------
    MissingExtraError
        If TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtraError(
                "TensorBoard's logs need its package: pip install 'lite-ensam[tensorboard]'"
            ) from error
        self._writer: Any = SummaryWriter(str(folder))  # type: ignore[no-untyped-call]

    def on_step(self, step: int, loss: float, rate: float) -> None:
        """Log loss and rate."""
        self._writer.add_scalar("loss", loss, step)
        self._writer.add_scalar("rate", rate, step)

    def on_validation(self, step: int, look: ValidationScore, best: bool) -> None:
        """Log the scores."""
        self._writer.add_scalar("validation/mean", look.dsc, step)
        for source, value in look.by_source.items():
            self._writer.add_scalar(f"validation/{source}", value, step)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


def append_log(folder: Path, step: int, numbers: dict[str, Any]) -> None:
    """Add a line to the run's log; `OutputError` if that cannot be.

    Parameters
    ----------
    folder : Path
        Folder of the run.
    step : int
        Number of the step.
    numbers : dict[str, Any]
        Entries of the line, JSON-ready.
    """
    path = folder / LOG
    line = json.dumps({"step": step, **numbers}) + "\n"
    with translate_output_errors(path), path.open("ab+") as log:
        size = log.seek(0, os.SEEK_END)
        log.seek(max(0, size - 1))
        is_cut_off = size > 0 and log.read(1) != b"\n"  # when the machine went down, or the disk was full
        log.write(("\n" * is_cut_off + line).encode())


def read_log(folder: Path) -> Iterator[dict[str, Any]]:
    """Lines of a run's log, by step; of those that a resumed run wrote again, the last. Damaged lines are left out.

    Parameters
    ----------
    folder : Path
        Folder of the run.

    Yields
    ------
    dict[str, Any]
        Entries of the log, by step.
    """
    path = folder / LOG
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    entries: dict[tuple[int, bool], dict[str, Any]] = {}
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("step"), int) and _has_numbers(entry):
            entries[entry["step"], "dsc" in entry] = entry
    for key in sorted(entries):
        yield entries[key]


def _has_numbers(entry: dict[str, Any]) -> bool:
    sources = entry.get("by_source")
    looked = [entry.get("dsc"), *sources.values()] if isinstance(sources, dict) else [entry.get("loss")]
    return all(isinstance(number, int | float) for number in looked)


def draw_curves(folder: Path) -> None:
    """Write `curves.png`: loss and, if there is validation, its DSC over the run's steps.

    Parameters
    ----------
    folder : Path
        Folder of the run.
    """
    entries = list(read_log(folder))
    losses = [(entry["step"], entry["loss"]) for entry in entries if "loss" in entry]
    looks = [entry for entry in entries if "dsc" in entry]
    if not losses and not looks:
        return
    figure = new_figure(8, 6 if looks else 3.5)
    figure.set_layout_engine("constrained")
    plots = figure.subplots(2 if looks else 1, 1, sharex=True, squeeze=False)[:, 0]
    plots[0].plot(*zip(*losses, strict=True) if losses else ((), ()), color="#0072b2", marker=".")
    plots[0].set(ylabel="training loss")
    if looks:
        steps = [entry["step"] for entry in looks]
        for source in looks[-1]["by_source"]:
            values = [entry["by_source"].get(source) for entry in looks]
            plots[1].plot(steps, values, linewidth=1, marker=".", label=source)
        plots[1].plot(steps, [entry["dsc"] for entry in looks], color="black", marker="o", label="mean")
        best = max(looks, key=lambda entry: entry["dsc"])
        plots[1].plot(best["step"], best["dsc"], "*", color="#d55e00", markersize=14, label="best")
        plots[1].set(ylabel="validation DSC")
        plots[1].legend()
    plots[-1].set(xlabel="step")
    for plot in plots:
        plot.grid(alpha=0.3)
    with atomic_write(folder / CURVES, overwrite=True) as file:
        save_png(figure, file)
