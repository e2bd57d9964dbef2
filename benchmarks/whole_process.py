"""File to file, a fresh process each time: seconds and peak memory of `lite-ensam segment`.

Run by `make bench`, or alone: `python benchmarks/whole_process.py [runs]`. The scan is the built-in phantom
blown up to 512 x 512 x 150 int16, gzipped as scanners' exports are, with noise that keeps it from
compressing well.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from lite_ensam.geometry import Grid
from lite_ensam.io import write_ct, write_marks
from lite_ensam.phantom import make_phantom

SHAPE, SPACING = (150, 512, 512), (2.0, 0.7, 0.7)


def write_scan(folder: Path, n_marks: int) -> tuple[Path, Path]:
    """A scan of a clinical size and its first `n_marks` marks."""
    case = make_phantom(shape_zyx=SHAPE, spacing_mm=SPACING)
    noise = np.random.default_rng(0).integers(-8, 9, SHAPE, dtype=np.int16)
    grid = Grid.from_spacing(SHAPE, SPACING)
    ct, marks = folder / "ct.nii.gz", folder / f"marks{n_marks}.json"
    write_ct(ct, case.ct + noise, grid, overwrite=True)
    write_marks(marks, case.marks[:n_marks], grid, overwrite=True)
    return ct, marks


def run_once(ct: Path, marks: Path, engine: str) -> tuple[float, float]:
    """Wall seconds of one process, and its peak MB as it reports them itself."""
    report = ct.with_name("report.json")
    command = [
        sys.executable,
        "-m",
        "lite_ensam",
        "segment",
        str(ct),
        "--marks",
        str(marks),
        "--engine",
        engine,
    ]
    command += ["-o", str(ct.with_name("mask.nii.gz")), "--report", str(report), "--overwrite"]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    return seconds, json.loads(report.read_text())["peak_mb"]


def main() -> None:
    """Print one line for each engine and number of lesions."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(
        f"{os.cpu_count()} CPUs, {SHAPE[2]} x {SHAPE[1]} x {SHAPE[0]} int16 .nii.gz, {runs} runs, median (min - max)"
    )
    with tempfile.TemporaryDirectory() as name:
        for n_marks in (1, 3):
            ct, marks = write_scan(Path(name), n_marks)
            for engine in ("openvino", "torch"):
                run_once(ct, marks, engine)  # a warm-up that fills the file cache
                seconds, peaks = zip(*(run_once(ct, marks, engine) for _ in range(runs)), strict=True)
                print(
                    f"{engine:9} {n_marks} lesion(s): {statistics.median(seconds):.2f} s "
                    f"({min(seconds):.2f} - {max(seconds):.2f}), peak {statistics.median(peaks):.0f} MB"
                )


if __name__ == "__main__":
    main()
