"""Seconds and memory of other processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from lite_ensam.datasets import find_cases
from lite_ensam.evaluation.resources import Watched, measure_cases, watch
from tests.flare_files import write_flare
from tests.phantoms import ellipsoid_case

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory is watched on Linux only"
)

HOLD = "import time; kept = bytearray(b'1') * 80_000_000; time.sleep(0.4)"


def test_the_area_is_that_under_the_samples() -> None:
    run = Watched(seconds=3.0, cpu_seconds=1.0, times=[0.0, 1.0, 3.0], mb=[0.0, 10.0, 10.0], peak_mb=10.0)
    assert run.area_mb_s == pytest.approx(5.0 + 20.0)


def test_flare24_takes_a_sample_every_tenth_of_a_second() -> None:
    run = Watched(
        seconds=0.25, cpu_seconds=0.1, times=[0.0, 0.1, 0.2, 0.25], mb=[0.0, 10.0, 30.0, 0.0], peak_mb=30
    )
    assert run.flare24_mb_s == pytest.approx((0 + 10 + 30) * 0.1)


def test_what_a_process_holds_is_seen_also_in_its_child() -> None:
    alone = watch([sys.executable, "-c", HOLD])
    assert alone.peak_mb > 80
    assert alone.seconds > 0.4
    assert alone.area_mb_s > 80 * 0.3
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD!r}])"
    assert max(watch([sys.executable, "-c", parent]).mb) > 85


def test_a_process_that_fails_is_not_measured() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        watch([sys.executable, "-c", "raise SystemExit(3)"])


def test_each_case_is_segmented_by_a_process_of_its_own(tmp_path: Path) -> None:
    write_flare(tmp_path, "CT_Lesion_FLARE23Ts_0001", ellipsoid_case())
    told = []
    (taken,) = measure_cases(find_cases(tmp_path), ["--mirror"], lambda *what: told.append(what))
    assert told == [("CT_Lesion_FLARE23Ts/CT_Lesion_FLARE23Ts_0001", 0, 1)]
    assert (taken.shape_zyx, taken.n_tumors) == ((22, 40, 48), 2)
    assert taken.seconds > 0.1
    assert taken.peak_mb > 50
    assert 0 < taken.area_mb_s < taken.peak_mb * taken.seconds
