import json
from dataclasses import asdict

import dask.system
import distributed.system
import numpy as np
import psutil
import pytest

from lite_ensam.cohort import Limits, Parameters, Progress, progress_text, run_cohort
from lite_ensam.cohort.scheduling import plan_workers
from lite_ensam.core.errors import ArgumentError
from lite_ensam.figures.histogram import histogram
from tests.unit.reporting.test_pages import Balance


@pytest.mark.parametrize(
    ("cpus", "free_mb", "asked", "workers", "memory_mb"),
    [
        (8, 64000, {}, 8, 7200),  # enough of everything
        (8, 2000, {}, 3, 600),  # memory is what is short
        (8, 64000, {"threads": 3}, 2, 28800),
        (8, 64000, {"memory_mb": 20000}, 2, 20000),
        (8, 64000, {"workers": 1}, 1, 57600),
        (1, 100, {}, 1, 500),  # one at least, and what it needs
    ],
)
def test_workers_follow_from_cpus_and_memory(monkeypatch, cpus, free_mb, asked, workers, memory_mb):
    # what a control group grants, not what the machine has
    monkeypatch.setattr(dask.system, "cpu_count", lambda: cpus)
    monkeypatch.setattr(distributed.system, "memory_limit", lambda: free_mb * 2**20)
    free = type("Memory", (), {"available": 10**15})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    plan = plan_workers(**asked)
    assert (plan.workers, round(plan.memory_mb)) == (workers, memory_mb)


@pytest.mark.parametrize("asked", [{"workers": 0}, {"workers": "zwei"}, {"workers": True}, {"threads": 0}])
def test_impossible_numbers_are_refused_before_anything_is_written(tmp_path, asked):
    ((name, number),) = asked.items()
    with pytest.raises(ArgumentError, match=rf"{name} must be a whole number from 1 to 1024, got {number!r}"):
        run_cohort(
            [], tmp_path / "out", Parameters(threads=asked.get("threads", 1)), workers=asked.get("workers")
        )
    assert not (tmp_path / "out").exists()


def test_progress_says_pace_and_time_left(monkeypatch):
    progress = Progress(total=100, kept=40, failed_before=1, done=19, failed=1, peak_mb=210, started=0.0)
    monkeypatch.setattr("lite_ensam.cohort.run.time.monotonic", lambda: 30.0)
    expected = (
        "60/100 cases, 40 kept from before, 2 failed, 40.0 scans/min, 1 min 00 s left, largest worker 210 MB"
    )
    assert progress_text(progress) == expected


class TestHistogram:
    @pytest.mark.parametrize("log", [False, True])
    @pytest.mark.parametrize(
        "values", [[1.0], [1.0] * 5, [0.1, 1, 10], list(range(1, 500)), [3.0, float("nan")]]
    )
    def test_every_value_is_in_a_bar(self, values, log):
        text = histogram(values, "Size <", "mm", log)
        Balance(text)
        counted = sum(int(bar.split(": ")[1].split("<")[0]) for bar in text.split("<rect")[1:])
        assert counted == sum(value == value for value in values)

    def test_nothing_to_show_is_no_picture(self):
        assert histogram([], "Size", "mm") == histogram([0.0, -1.0], "Size", "mm", log=True) == ""


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"border": "x"}, "border must be one of"),
        ({"mirror": "no"}, "mirror must be True or False, got 'no'"),
        ({"threshold": "a"}, "threshold must be a finite logit, got 'a'"),
        ({"engine": "tensorflow"}, "engine must be one of"),
        ({"crop": "all"}, "crop must be one of"),
        ({"window": (40, -40)}, "window must be two HU values"),
        ({"hu": "yes"}, "hu must be True, False or None"),
        ({"threads": None}, "threads must be a whole number"),
        ({"weights": 3}, "weights must be the path of a folder, got 3"),
    ],
)
def test_parameters_are_checked_where_they_are_made(wrong, words):
    with pytest.raises(ArgumentError, match=words):
        Parameters(**wrong)


def test_parameters_are_what_json_knows(tmp_path):
    made = Parameters(
        mirror=np.True_,
        threshold=np.float32(0.5),
        threads=np.int64(2),
        weights=tmp_path,
        window=np.array([-9, 9]),
    )
    plain = Parameters(mirror=True, threshold=0.5, threads=2, weights=str(tmp_path), window=(-9.0, 9.0))
    assert made == plain
    assert json.loads(json.dumps(asdict(made))) == {**asdict(plain), "window": [-9.0, 9.0]}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"memory_mb": "500MB"}, "memory_mb must be a number above 0, got '500MB'"),
        ({"seconds": -1}, "seconds must be a number above 0, got -1"),
        ({"seconds": None}, "seconds must be a number above 0, got None"),
        ({"backoff_s": -0.5}, r"backoff_s must be a number 0 or more, got -0\.5"),
        ({"tries": 0}, "tries must be a whole number of at least 1, got 0"),
        ({"deaths": True}, "deaths must be a whole number of at least 1, got True"),
    ],
)
def test_limits_are_checked_where_they_are_made(wrong, words):
    with pytest.raises(ArgumentError, match=words):
        Limits(**wrong)
    assert Limits(np.float32(2), np.int64(500)) == Limits(2.0, 500.0)
