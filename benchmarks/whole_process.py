"""File to file, a fresh process each time: seconds, memory and its curve, beside a plain reference.

Run by `make bench`, or alone: `python benchmarks/whole_process.py [runs] [slices,...] [lesions,...]`. The scan is
the built-in phantom blown up to 512 x 512 x n int16, gzipped, with noise that keeps it from compressing well. A
picture of memory over time goes to `benchmarks/results/ram.png`.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from lite_ensam.evaluation.resources import Watched, machine, watch
from lite_ensam.geometry import Grid
from lite_ensam.io import write_ct, write_marks
from lite_ensam.phantom import make_phantom
from lite_ensam.recist import RecistMark

SPACING = (2.0, 0.7, 0.7)
RESULTS = Path(__file__).with_name("results")


def write_scan(folder: Path, n_slices: int, noise: int = 8) -> tuple[Path, tuple[RecistMark, ...], Grid]:
    """A scan of a clinical size, the phantom's marks on it, and its grid."""
    shape = (n_slices, 512, 512)
    case = make_phantom(shape_zyx=shape, spacing_mm=SPACING)
    ct = folder / f"ct{n_slices}.nii.gz"
    if not ct.exists():
        grey = np.random.default_rng(0).integers(-noise, noise + 1, shape, dtype=np.int16)
        write_ct(ct, case.ct + grey, Grid.from_spacing(shape, SPACING))
    return ct, case.marks, Grid.from_spacing(shape, SPACING)


def spread(marks: tuple[RecistMark, ...], n_marks: int) -> list[RecistMark]:
    """The first marks; more than there are: copies shifted by a few voxels."""
    found = []
    for n in range(n_marks):
        mark, shift = marks[n % len(marks)], 6.0 * (n // len(marks))
        ends = tuple((z, y + shift, x + shift) for z, y, x in mark.endpoints_zyx)
        found.append(replace(mark, label=n + 1, endpoints_zyx=ends))  # type: ignore[arg-type]
    return found


def commands(ct: Path, marks: Path) -> dict[str, list[str]]:
    """What is compared: this, this with torch, and the plain reference."""
    mask = str(ct.with_name("mask.nii.gz"))
    ours = [sys.executable, "-m", "lite_ensam", "segment", str(ct), "--marks", str(marks), "-o", mask]
    ours += ["--overwrite", "--report", str(ct.with_name("report.json"))]
    plain = [sys.executable, str(Path(__file__).with_name("harness") / "plain.py"), str(ct), str(marks), mask]
    return {"openvino": ours, "torch": [*ours, "--engine", "torch"], "plain": plain}


def show(name: str, runs: list[Watched]) -> str:
    """One line of medians."""
    seconds = [run.seconds for run in runs]
    median = {
        field: statistics.median(getattr(run, field) for run in runs)
        for field in ("cpu_seconds", "peak_mb", "area_mb_s")
    }
    return (
        f"| {name} | {statistics.median(seconds):.2f} ({min(seconds):.2f}-{max(seconds):.2f}) | "
        f"{median['cpu_seconds']:.2f} | {median['peak_mb']:.0f} | {median['area_mb_s']:.0f} |"
    )


def draw(curves: dict[str, Watched], path: Path) -> None:
    """Memory over time, a line for each program."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for name, run in curves.items():
        axes.plot(run.times, run.mb, label=name)
    axes.set(xlabel="seconds", ylabel="resident MB", xlim=(0, None), ylim=(0, None))
    axes.legend()
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    """Print a table for each scan, and draw the last one's memory."""
    runs, slices, lesions = [*sys.argv[1:], *("3", "55,150", "1,20")[len(sys.argv) - 1 :]]
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        for n_slices in map(int, slices.split(",")):
            ct, marks, grid = write_scan(Path(name), n_slices)
            for n_marks in map(int, lesions.split(",")):
                path = Path(name) / f"marks{n_marks}.json"
                write_marks(path, spread(marks, n_marks), grid, overwrite=True)
                print(
                    f"\n512 x 512 x {n_slices} int16 .nii.gz, {n_marks} lesion(s), {runs} runs, median (range)\n"
                )
                print("| program | wall s | CPU s | peak MB | area MB s |\n|---|---|---|---|---|")
                curves = {}
                for program, command in commands(ct, path).items():
                    watch(command)  # fills the file cache, and the cache of compiled graphs
                    watched = [watch(command) for _ in range(int(runs))]
                    curves[program] = watched[-1]
                    print(show(program, watched), flush=True)
                    if program == "openvino":
                        seconds = json.loads(ct.with_name("report.json").read_text())["seconds"]
                print(f"\nsteps of openvino, s: {seconds}")
                draw(curves, RESULTS / "ram.png")


if __name__ == "__main__":
    main()
