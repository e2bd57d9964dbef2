import dask.system
import distributed.system
import psutil
import pytest

from lite_ensam.cohort import Parameters, Progress, progress_text, run_cohort
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
    parameters = Parameters(threads=asked.get("threads", 1))
    with pytest.raises(ArgumentError, match=rf"{name} must be a whole number from 1 to 1024, got {number!r}"):
        run_cohort([], tmp_path / "out", parameters, workers=asked.get("workers"))
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
