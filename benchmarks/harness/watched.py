"""A command, watched from outside: wall and CPU seconds, the RAM of its process tree over time, its peak."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

INTERVAL = 0.01

_NO_BYTECODE = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
"""Settings of developers' machines, which an installed program does not start with."""


@dataclass(frozen=True)
class Watched:
    """What a run took.

    Parameters
    ----------
    seconds, cpu_seconds : wall, and all cores' together
    times, mb : samples of the tree's resident memory (shared pages are counted for each process)
    peak_mb : the kernel's own highest mark of the first process (VmHWM), else the highest sample
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


def watch(command: list[str]) -> Watched:
    """Run a command to its end; CalledProcessError if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name not in _NO_BYTECODE}
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


def machine() -> str:
    """CPU and number of cores, for the head of a table."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return f"{next(names, 'unknown CPU')}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
