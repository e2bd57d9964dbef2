"""A cohort of clinical size: scans a minute, memory of each worker, with one worker, two, and Dask.

Run by `make bench`, or alone: `python benchmarks/cohort.py [scans] [distinct] [workers,...]`; `300 30 1,2,dask2` for
the numbers of docs/guide/cohorts.md. Scans are
phantoms of 512 x 512 x 100 int16, gzipped, with noise that keeps them from compressing well; so many are `distinct`,
the others are links to these, which the file cache makes cheaper to read
than an archive would be.
"""

from __future__ import annotations

import csv
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from lite_ensam.cohort import CohortCase, Limits, Parameters, run_cohort
from lite_ensam.core.grid import Grid
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.evaluation.resources import machine
from lite_ensam.io import write_ct, write_marks

SHAPE, SPACING = (100, 512, 512), (3.0, 0.7, 0.7)
NOISE = 8


def write_scans(folder: Path, n_scans: int, n_distinct: int) -> list[CohortCase]:
    """Rows of one tumour each."""
    grid = Grid.from_spacing(SHAPE, SPACING)
    case = make_phantom(shape_zyx=SHAPE, spacing_mm=SPACING)
    rows = []
    for n in range(n_scans):
        source = folder / f"scan_{n % n_distinct}.nii.gz"
        if not source.exists():
            grey = np.random.default_rng(n).integers(-NOISE, NOISE + 1, SHAPE, dtype=np.int16)
            write_ct(source, case.ct + grey, grid)
        ct, marks = folder / f"case_{n}.nii.gz", folder / f"case_{n}.json"
        ct.symlink_to(source)
        write_marks(marks, [case.marks[n % len(case.marks)]], grid)
        rows.append(CohortCase(f"case_{n:04d}", str(ct), str(marks)))
    return rows


def run(rows: list[CohortCase], folder: Path, staff: str) -> tuple[float, float, list[dict[str, str]]]:
    """Wall and CPU seconds of a whole run, start, tables and page included, and its table of times."""
    start, cpu = time.perf_counter(), cpu_seconds()
    if staff.startswith("dask"):
        from distributed import LocalCluster

        workers = int(staff.removeprefix("dask"))
        with LocalCluster(
            n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster:
            run_cohort(rows, folder, Parameters(), Limits(memory_mb=500), scheduler=cluster.scheduler_address)
    else:
        run_cohort(rows, folder, Parameters(), Limits(memory_mb=500), workers=int(staff))
    seconds = time.perf_counter() - start
    with open(folder / "timing.csv", newline="") as file:
        return seconds, cpu_seconds() - cpu, list(csv.DictReader(file))


def cpu_seconds() -> float:
    """Of this process and those that it started and that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def show(staff: str, seconds: float, cpu: float, timing: list[dict[str, str]], alone: float) -> str:
    """One line of the table."""
    steps = {
        name: float(np.median([float(row[f"{name}_s"]) for row in timing]))
        for name in ("hash", "read", "network", "total")
    }
    by_worker: dict[str, list[float]] = {}
    for row in timing:
        by_worker.setdefault(row["worker"], []).append(float(row["peak_mb"]))
    peaks = [sorted(values) for values in by_worker.values()]
    growth = max(values[-1] - values[min(9, len(values) - 1)] for values in peaks)
    return (
        f"| {staff} | {len(timing)} | {60 * len(timing) / seconds:.1f} | {alone / seconds:.2f} | "
        f"{cpu / len(timing):.2f} | "
        + " | ".join(f"{value:.3f}" for value in steps.values())
        + f" | {max(values[-1] for values in peaks):.0f} | {growth:+.1f} |"
    )


def main() -> None:
    """Print a line for each way to run; tables of all ways must be the same."""
    n_scans, n_distinct, ways = [*sys.argv[1:], *("30", "10", "1,2")[len(sys.argv) - 1 :]]
    print(machine())
    print(
        "\n| workers | scans | scans/min | x one | CPU s a scan | hash s | read s | network s | case s | ",
        end="",
    )
    print("peak MB | after the 10th, MB |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "scans").mkdir()
        rows = write_scans(folder / "scans", int(n_scans), int(n_distinct))
        run(rows[:1], folder / "warm", "1")  # fills the cache of compiled graphs
        alone, table = 0.0, ""
        for way in ways.split(","):
            seconds, cpu, timing = run(rows, folder / way, way)
            alone = alone or seconds
            print(show(way, seconds, cpu, timing, alone), flush=True)
            now = (folder / way / "tumors.csv").read_text()
            if table not in ("", now):
                raise SystemExit("the tables of two ways differ")
            table = now


if __name__ == "__main__":
    main()
