"""File to file, a fresh process each time: seconds, memory and its curve, beside a plain reference.

Run by `make bench` with all scans, or alone: `python benchmarks/whole_process.py [RUNS [SLICES [LESIONS [KINDS
[PROGRAMS]]]]]`, each a number or a list with commas, as `3 150 1,20 noisy openvino,plain`. Scans are made by
`harness/scans.py`. What was measured goes to `benchmarks/results/`: a JSON file, and a picture of memory over time for
each scan and number of lesions.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from harness.scans import BenchScan, write_scan

from lite_ensam.evaluation.resources import Watched, machine, watch

HERE = Path(__file__).parent
RESULTS = HERE / "results"
DEFAULTS = ("3", "55,100,150,240", "1,3,20", "noisy,smooth,flare", "openvino,anew,torch,plain")


def commands(scan: BenchScan, marks: Path) -> dict[str, list[str]]:
    """What is compared: this; its first run ever, with no compiled graph kept; with torch; the plain reference."""
    mask = str(scan.path.with_name("mask.nii.gz"))
    ours = [sys.executable, "-m", "lite_ensam", "segment", str(scan.path), "--marks", str(marks), "-o", mask]
    ours += ["--overwrite", "--report", str(scan.path.with_name("report.json"))]
    plain = [sys.executable, str(HERE / "harness" / "baseline_program.py"), str(scan.path), str(marks), mask]
    anew = ["sh", "-c", 'XDG_CACHE_HOME=$(mktemp -d) exec "$@"', "sh", *ours]
    return {"openvino": ours, "anew": anew, "torch": [*ours, "--engine", "torch"], "plain": plain}


def medians(runs: list[Watched]) -> dict[str, float]:
    """What a table shows of some runs of one program."""
    found = {
        name: statistics.median(getattr(run, name) for run in runs)
        for name in ("seconds", "cpu_seconds", "peak_mb", "area_mb_s")
    }
    seconds = [run.seconds for run in runs]
    return found | {"fastest": min(seconds), "slowest": max(seconds)}


def show(program: str, numbers: dict[str, float], beside: dict[str, float]) -> str:
    """One line of a table: medians, and how many times more than the first program takes."""
    times = {name: f"{numbers[name] / beside[name]:.1f}" for name in ("seconds", "peak_mb", "area_mb_s")}
    return (
        f"| {program} | {numbers['seconds']:.2f} ({numbers['fastest']:.2f}-{numbers['slowest']:.2f}) | "
        f"{numbers['cpu_seconds']:.2f} | {numbers['peak_mb']:.0f} | {numbers['area_mb_s']:.0f} | "
        f"{times['seconds']}, {times['peak_mb']}, {times['area_mb_s']} |"
    )


def shares(seconds: dict[str, float], wall: float) -> str:
    """Steps of one run as its report has them, and what they are of the whole process."""
    steps = (f"{name} {1e3 * taken:.0f} ms" for name, taken in seconds.items() if name != "total")
    outside = wall - seconds["total"]
    return (
        f"Steps (reading and loading the engine run side by side): {', '.join(steps)}; "
        f"start, imports and end of the process {1e3 * outside:.0f} ms ({outside / wall:.0%} of {wall:.2f} s)"
    )


def draw(curves: dict[str, Watched], title: str, path: Path) -> None:
    """Memory over time, a line for each program."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for name, run in curves.items():
        axes.plot(run.times, run.mb, label=f"{name}: {run.seconds:.2f} s, {run.peak_mb:.0f} MB")
    axes.set(xlabel="seconds", ylabel="resident MB", xlim=(0, None), ylim=(0, None), title=title)
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def compare(scan: BenchScan, n_marks: int, n_runs: int, programs: list[str]) -> dict[str, dict[str, float]]:
    """Run the programs in turn on one scan, print their table and draw their memory."""
    title = f"{scan.name}, {n_marks} lesion(s)"
    print(f"\n{title}, {n_runs} runs, median (range)\n")
    print("| program | wall s | CPU s | peak MB | area MB s | times the first's wall, peak, area |")
    print("|---|---|---|---|---|---|")
    known = commands(scan, scan.write_marks(n_marks))
    chosen = {name: known[name] for name in programs}
    runs: dict[str, list[Watched]] = {name: [] for name in chosen}
    seconds: dict[str, float] = {}
    for command in chosen.values():
        watch(command)  # fills the file cache, the cache of compiled graphs and that of byte code
    for _ in range(n_runs):  # in turn, so that a busy minute of the machine meets all of them
        for name, command in chosen.items():
            runs[name].append(watch(command))
            if name == "openvino":
                seconds = json.loads(scan.path.with_name("report.json").read_text())["seconds"]
    found = {name: medians(runs[name]) for name in chosen}
    for name, numbers in found.items():
        print(show(name, numbers, found[programs[0]]), flush=True)
    if seconds:
        print(f"\n{shares(seconds, runs['openvino'][-1].seconds)}")
    picture = RESULTS / f"{scan.path.name.split('.')[0]}_{n_marks}.png"
    draw({name: runs[name][-1] for name in chosen}, title, picture)
    return found


def main() -> None:
    """Measure every scan with every number of lesions."""
    given = [*sys.argv[1:], *DEFAULTS[len(sys.argv) - 1 :]]
    n_runs = int(given[0])
    slices, lesions, kinds, programs = (text.split(",") for text in given[1:])
    RESULTS.mkdir(exist_ok=True)
    head = machine()
    print(head)
    found: dict[str, object] = {"machine": head}
    with tempfile.TemporaryDirectory() as name:
        for kind in kinds:
            for n_slices in map(int, slices):
                if kind == "flare" and n_slices != 150 and "150" in slices:
                    continue  # one is enough: an .npz is read whole, whatever its size
                scan = write_scan(Path(name), n_slices, kind)
                for n_marks in map(int, lesions):
                    found[f"{scan.name}, {n_marks}"] = compare(scan, n_marks, n_runs, programs)
                os.unlink(scan.path)
    (RESULTS / "whole_process.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
