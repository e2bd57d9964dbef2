"""Resources of a program from start to end: wall and CPU seconds, the RAM of its process tree, the area under it.

As the paper's Table 4: each case is a fresh process, so that start-up, imports, reading and writing count. The
tree's own resident memory is sampled (shared pages count in each process), not the whole system's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from lite_ensam.core.case import Case
from lite_ensam.core.errors import EngineError
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import IntTriple
from lite_ensam.datasets import CaseFiles
from lite_ensam.io import write_marks

__all__ = ["CaseResources", "Watched", "machine", "measure_cases", "watch"]

INTERVAL = 0.01
"""Seconds between two samples of memory."""
FLARE24_INTERVAL = 0.1
"""Of the script that FLARE 2024 published, which takes the whole system's memory; here it is the program's own."""

_NOT_PASSED_ON = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
"""Settings of developers' machines, which an installed program does not start with."""


@with_short_repr
@dataclass(frozen=True)
class Watched:
    """Resources of a run.

    Parameters
    ----------
    seconds, cpu_seconds : float
        Wall, and all cores' together.
    times, mb : list[float]
        Samples of the tree's resident memory (shared pages are counted for each process).
    peak_mb : float
        The kernel's own highest mark of the first process (VmHWM), else the highest sample.
    """

    seconds: float
    cpu_seconds: float
    times: list[float]
    mb: list[float]
    peak_mb: float

    @property
    def area_mb_s(self) -> float:
        """Area under the curve of memory over time, trapezoids."""
        samples = pairwise(zip(self.times, self.mb, strict=True))
        return sum((b - a) * (x + y) / 2 for (a, x), (b, y) in samples)

    @property
    def flare24_mb_s(self) -> float:
        """The same area as FLARE 2024's script counts it: a sample every 0.1 s, each for 0.1 s."""
        ticks = np.arange(0.0, self.seconds, FLARE24_INTERVAL)
        return float(np.interp(ticks, self.times, self.mb).sum() * FLARE24_INTERVAL)


@dataclass(frozen=True)
class CaseResources:
    """Time and memory for segmenting one case, from the start of its process to the end.

    Parameters
    ----------
    source : str
        Name of the source.
    case : str
        Name of the case.
    shape_zyx : IntTriple
        Shape of the scan (z, y, x).
    n_tumors : int
        Number of lines.
    seconds, peak_mb : float
        Wall time, highest resident memory.
    area_mb_s, flare24_mb_s : float
        Area under the memory's curve, from samples every 10 ms, and as FLARE 2024 counts it.
    """

    source: str
    case: str
    shape_zyx: IntTriple
    n_tumors: int
    seconds: float
    peak_mb: float
    area_mb_s: float
    flare24_mb_s: float

    @classmethod
    def of(cls, files: CaseFiles, case: Case, taken: Watched) -> CaseResources:
        """Combine time and memory of a process with the case that it segmented.

        Parameters
        ----------
        files : CaseFiles
            Files of the case.
        case : Case
            The case itself.
        taken : Watched
            Time and memory of the process.

        Returns
        -------
        CaseResources
            Time and memory with name, shape and number of tumours.
        """
        return cls(
            files.source, files.name, case.grid.shape_zyx, len(case.marks), taken.seconds, taken.peak_mb,
            taken.area_mb_s, taken.flare24_mb_s,
        )  # fmt: skip


def measure_cases(
    cases: Sequence[CaseFiles],
    options: Sequence[str] = (),
    on_case: Callable[[str, int, int], None] | None = None,
) -> list[CaseResources]:
    """Segment each case in a process of its own: `lite-ensam segment` with these options.

    A process that is not counted goes first: the engine keeps its compiled graph for the next ones.

    Parameters
    ----------
    cases : Sequence[CaseFiles]
        The files of each case.
    options : Sequence[str], default ()
        Further options of `lite-ensam segment`.
    on_case : Callable[[str, int, int], None] or None, default None
        Called before each case with its name, its number from 0 and how many there are.

    Returns
    -------
    list[CaseResources]
        Time and memory of each case, in the order given.

    Raises
    ------
    EngineError
        If a process fails, or memory cannot be watched here (it takes Linux).
    """
    if not Path("/proc/self/status").exists():
        raise EngineError("the memory of processes can be watched on Linux only")
    found = []
    with tempfile.TemporaryDirectory() as name:
        marks, mask = Path(name) / "marks.json", Path(name) / "mask.npz"
        for number, files in enumerate(cases):
            if on_case is not None:
                on_case(f"{files.source}/{files.name}", number, len(cases))
            case = files.read()
            write_marks(marks, case.marks, case.source, overwrite=True)
            command = [sys.executable, "-m", "lite_ensam", "segment", os.fspath(files.ct)]
            command += ["--marks", str(marks), "-o", str(mask), "--overwrite", *options]
            try:
                for _ in range(2 if number == 0 else 1):
                    taken = watch(command)
            except subprocess.CalledProcessError as error:
                raise EngineError(f"{files.source}/{files.name}: segmenting it failed") from error
            found.append(CaseResources.of(files, case, taken))
    return found


def watch(command: Sequence[str]) -> Watched:
    """Run a command to its end; CalledProcessError if it fails."""
    import resource  # which Windows does not have

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    times, mb, peak = [0.0], [0.0], 0.0
    while process.poll() is None:
        sizes = [_status(pid) for pid in _tree(process.pid)]
        times.append(time.perf_counter() - start)
        mb.append(sum(size.get("VmRSS", 0.0) for size in sizes))
        peak = max([peak, *(size.get("VmHWM", 0.0) for size in sizes[:1])])
        time.sleep(INTERVAL)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Watched(seconds, cpu, [*times, seconds], [*mb, 0.0], max(peak, *mb))


def machine() -> str:
    """CPU and number of cores, for the head of a table."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return f"{next(names, 'unknown CPU')}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"


def _tree(pid: int) -> list[int]:
    """A process and those it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(inner for child in children for inner in _tree(int(child)))]


def _status(pid: int) -> dict[str, float]:
    """VmRSS and VmHWM in MB; empty for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    found = (line.split() for line in lines if line.startswith(("VmRSS", "VmHWM")))
    return {name.rstrip(":"): float(kb) / 1024 for name, kb, _ in found}
