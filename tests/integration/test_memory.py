"""A process that segments scan after scan stays as it is: memory, threads and open files."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import lite_ensam
from lite_ensam.core.grid import Grid
from lite_ensam.engines import load_backend
from lite_ensam.io import write_ct, write_marks
from lite_ensam.segmentation import Predictor
from tests.integration.conftest import Scan

N_SCANS = 200
MOST_GROWTH_MB = 12
"""Over 180 scans: what one scan leaves behind must be far less than the 0.4 MB that this one takes."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A scan of 0.4 MB with one lesion."""
    folder = tmp_path_factory.mktemp("small")
    shape, spacing = (24, 96, 96), (2.5, 0.8, 0.8)
    grid = Grid.from_spacing(shape, spacing)
    z, y, x = (np.arange(n) - n / 2 for n in shape)
    inside = (z[:, None, None] * 2.5) ** 2 + (y[:, None] * 0.8) ** 2 + (x * 0.8) ** 2 < 15**2
    write_ct(folder / "ct.nii.gz", np.where(inside, 60, -80).astype(np.int16), grid)
    mark = lite_ensam.RecistMark(1, ((12, 48, 30), (12, 48, 66)))
    write_marks(folder / "marks.json", [mark], grid)
    return folder / "ct.nii.gz", folder / "marks.json"


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_memory_threads_and_files_stay_over_200_scans(small: tuple[Path, Path], tmp_path: Path) -> None:
    def state() -> tuple[int, int]:
        return threading.active_count(), len(os.listdir("/proc/self/fd"))

    mb, states = [], []
    for _ in range(N_SCANS):
        result = lite_ensam.segment(*small)
        result.save(tmp_path / "mask.nii.gz", overwrite=True)
        mb.append(resident_mb())
        states.append(state())
    settled = 20
    assert np.median(mb[-20:]) - np.median(mb[settled : settled + 20]) < MOST_GROWTH_MB
    assert set(states[settled:]) == {states[-1]}


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_an_engine_that_is_dropped_gives_its_threads_back(scan: Scan) -> None:
    def n_threads() -> int:
        return len(os.listdir("/proc/self/task"))

    counts = []
    for _ in range(4):
        predictor = Predictor(load_backend("openvino", threads=2))
        predictor.warm_up()
        predictor.predict(scan.case)
        del predictor
        counts.append(n_threads())
    assert counts[1:] == counts[:1] * 3
