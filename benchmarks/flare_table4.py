"""`flare/predict.sh` in the form of the paper's Table 4: seconds, highest memory and MB s of each case, both crops.

    python benchmarks/flare_table4.py --data FOLDER     # all .npz cases of a folder, with or without `gts`
    python benchmarks/flare_table4.py --cases 20        # phantoms of the sizes in the paper's table, three lines each

Each case is a fresh `sh flare/predict.sh`, as the challenge starts a container for each; one that is not counted goes
before each crop. The tables go to `benchmarks/results/`, or to `--output`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from lite_ensam.core.types import int_triple
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.evaluation.resources import CaseResources, machine, watch
from lite_ensam.reporting import paper_table_4
from lite_ensam.reporting.paper_tables import PAPER_CASES

HERE = Path(__file__).resolve().parent
PREDICT = HERE.parent / "flare" / "predict.sh"
SPACING_ZYX = (2.0, 0.7, 0.7)


def write_phantom(path: Path, shape_zyx: Sequence[int]) -> Path:
    """A phantom as FLARE packs its cases: windowed to 0-255, lines drawn with their tumours' labels."""
    case = make_phantom(shape_zyx=int_triple(shape_zyx), spacing_mm=SPACING_ZYX)
    lines = np.zeros(shape_zyx, np.uint8)
    for mark in case.marks:
        start, stop = np.array(mark.endpoints_zyx)
        steps = int(np.abs(stop - start).max()) + 1
        points = np.rint(start + np.linspace(0, 1, steps)[:, None] * (stop - start)).astype(int)
        lines[tuple(points.T)] = mark.label
    imgs = np.clip((case.volume + 160.0) * (255 / 400), 0, 255).astype(np.uint8)
    np.savez_compressed(path, imgs=imgs, recist=lines, spacing=SPACING_ZYX[::-1])
    return path


def measured(path: Path, crop: str) -> CaseResources:
    """Time and memory of `predict.sh` for a folder that holds this case alone."""
    with np.load(path, allow_pickle=False) as arrays:
        lines = arrays["recist"]
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as name:
        inputs, outputs = Path(name) / "inputs", Path(name) / "outputs"
        inputs.mkdir()
        (inputs / path.name).symlink_to(path.resolve())
        settings = [f"PATH={tools}", f"INPUTS={inputs}", f"OUTPUTS={outputs}", f"CROP={crop}"]
        taken = watch(["env", *settings, "sh", str(PREDICT)])
    n_tumors = np.unique(lines[lines > 0]).size
    return CaseResources(
        "", path.stem, int_triple(lines.shape), n_tumors, taken.seconds, taken.peak_mb,
        taken.area_mb_s, taken.flare24_mb_s,
    )  # fmt: skip


def write_tables(cases: Sequence[Path], crops: Sequence[str], results: Path) -> None:
    """Measure all cases with each crop; print and write a table of each."""
    results.mkdir(parents=True, exist_ok=True)
    for crop in crops:
        measured(cases[0], crop)
        table = paper_table_4([measured(path, crop) for path in cases])
        text = f"--crop {crop}, {machine()}\n\n{table}"
        (results / f"flare_table4_{crop}.md").write_text(text, encoding="utf-8")
        print(text)


def main() -> None:
    """Tables of a folder, or of phantoms that are written for them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of .npz with imgs, recist and spacing")
    parser.add_argument(
        "--cases", type=int, default=20, help="number of phantoms without --data (default 20)"
    )
    parser.add_argument("--crops", default="lesion,joint", help="default lesion,joint")
    parser.add_argument("--output", type=Path, default=HERE / "results", help="folder for the tables")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if given.data is None:
            shapes = islice(cycle([row[1] for row in PAPER_CASES]), given.cases)
            cases = [write_phantom(Path(name) / f"{n:04d}.npz", one) for n, one in enumerate(shapes, start=1)]
        else:
            cases = sorted(given.data.glob("*.npz"))
        if not cases:
            parser.error(f"--data: {given.data} holds no .npz files")
        write_tables(cases, given.crops.split(","), given.output)


if __name__ == "__main__":
    main()
