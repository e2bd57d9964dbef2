"""A user's script as the guides write it passes the strictest type checker."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
from pathlib import Path

import numpy as np

import lite_ensam
from lite_ensam.evaluation import evaluate
from lite_ensam.reporting import judge, read_study
from lite_ensam.response import VOLUME

result = lite_ensam.segment("ct.nii.gz", "marks.json")
for tumor in result.measurements:
    print(tumor.label, tumor.volume_ml + 1.0, tumor.flags, tumor.has("touches_edge"))
result.save(Path("mask.nii.gz"), overwrite=True)
voxels: int = int(result.mask(1).sum())
array = np.zeros((8, 64, 64), np.int16)
lite_ensam.segment(array, ((4, 10, 10), (4, 10, 30)), spacing_mm=(5.0, 1.0, 1.0), hu=True)
prompts = {1: {"first_slice": 33}}
lite_ensam.segment("ct.nii.gz", "marks.json", prompts=prompts)
lite_ensam.segment("ct.nii.gz", "marks.json", prompts={1: {"first_slice": 33, "inside_zyx": [[44, 112, 110]]}})
lite_ensam.segment("ct.nii.gz", "marks.json", prompts={"first_slice": 33, "last_slice": 40})
lite_ensam.write_marks("corrected.json", result.marks, result.source)
ct, grid = lite_ensam.read_ct("ct.nii.gz")
evaluate("folder", lite_ensam.segment)
for course in judge(read_study("study.json"), VOLUME, identifiers=True):
    print(course.name, course.best.response)
"""


def test_the_guides_calls_pass_mypy_strict(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", str(script)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
