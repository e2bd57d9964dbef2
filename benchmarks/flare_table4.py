"""`flare/predict.sh` in the form of the paper's Table 4: seconds, highest memory and MB s of each case, both crops.

`python benchmarks/flare_table4.py [CASES [CROPS]]`, as `20 lesion,joint`. Cases are phantoms of the sizes in that
table, one after the other, as FLARE's .npz with three lines. Each is a fresh `sh flare/predict.sh`, as the challenge
starts a container for each; one that is not counted goes before each crop. Tables go to `benchmarks/results/`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from harness.scans import SPACING

from lite_ensam.core.case import Case
from lite_ensam.datasets import CaseFiles, find_cases
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.evaluation.resources import CaseResources, machine, watch
from lite_ensam.reporting import paper_table_4
from lite_ensam.reporting.paper_tables import PAPER_CASES

HERE = Path(__file__).resolve().parent
PREDICT = HERE.parent / "flare" / "predict.sh"


def write_case(folder: Path, shape_zyx: tuple[int, int, int]) -> tuple[CaseFiles, Case]:
    """A phantom as FLARE packs its cases: windowed to 0-255, lines drawn with their tumours' labels."""
    case = make_phantom(shape_zyx=shape_zyx, spacing_mm=SPACING)
    lines = np.zeros(shape_zyx, np.uint8)
    for mark in case.marks:
        start, stop = np.array(mark.endpoints_zyx)
        steps = int(np.abs(stop - start).max()) + 1
        points = np.rint(start + np.linspace(0, 1, steps)[:, None] * (stop - start)).astype(int)
        lines[tuple(points.T)] = mark.label
    folder.mkdir(parents=True)
    np.savez_compressed(
        folder / f"{folder.name}.npz",
        imgs=np.clip((case.volume + 160.0) * (255 / 400), 0, 255).astype(np.uint8),
        recist=lines,
        spacing=SPACING[::-1],
    )
    (files,) = find_cases(folder)
    return files, case


def measured(folder: Path, crop: str, files: CaseFiles, case: Case) -> CaseResources:
    """What `predict.sh` takes for a folder with one case."""
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    settings = [f"PATH={tools}", f"INPUTS={folder}", f"OUTPUTS={folder}-{crop}", f"CROP={crop}"]
    return CaseResources.of(files, case, watch(["env", *settings, "sh", str(PREDICT)]))


def main(cases: str = "20", crops: str = "lesion,joint") -> None:
    """Write and measure all cases, print both tables."""
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    shapes = list(islice(cycle([row[1] for row in PAPER_CASES]), int(cases)))
    with tempfile.TemporaryDirectory() as name:
        found = [(Path(name) / f"{n:04d}", shape) for n, shape in enumerate(shapes, start=1)]
        written = [(folder, *write_case(folder, shape)) for folder, shape in found]
        for crop in crops.split(","):
            measured(written[0][0], crop, *written[0][1:])
            table = paper_table_4([measured(folder, crop, files, case) for folder, files, case in written])
            text = f"--crop {crop}, {machine()}\n\n{table}"
            (results / f"flare_table4_{crop}.md").write_text(text, encoding="utf-8")
            print(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
