"""Fifty viewers in a notebook do not keep fifty scans: in a real kernel, as Jupyter runs cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("ipykernel")
manager = pytest.importorskip("jupyter_client.manager")

LIMIT_S = 120
SET_UP = """
import gc, weakref
import numpy as np
from lite_ensam.widgets import RecistViewer, explore
scans, kept = [], []
def scan():
    volume = np.random.default_rng(0).integers(-900, 300, (20, 64, 64)).astype(np.int16)
    scans.append(weakref.ref(volume))
    return volume
def alive():
    gc.collect()
    return sum(reference() is not None for reference in scans)
"""
LINE = "{1: ((5, 20, 20), (5, 20, 30))}"
Run = Callable[..., str]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    kernel, client = manager.start_new_kernel(kernel_name="python3", startup_timeout=LIMIT_S)
    try:
        yield client
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


@pytest.fixture
def run(client: Any) -> Run:
    """Run a cell; what it prints. The browser names cells, so that one can be run again."""

    def execute(code: str, cell: str = "") -> str:
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": True,
        }
        message = client.session.msg("execute_request", content, metadata={"cellId": cell} if cell else {})
        client.shell_channel.send(message)
        printed = ""
        while True:
            answer = client.get_iopub_msg(timeout=LIMIT_S)
            if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            if answer["msg_type"] == "stream":
                printed += answer["content"]["text"]
            assert answer["msg_type"] != "error", answer["content"]
            if answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
                return printed

    execute(SET_UP)
    return execute


@pytest.mark.parametrize(
    "cell",
    [
        f"viewer = explore(scan(), {LINE}, (3, 1, 1), auto_segment=False)\nviewer",
        f"viewer = RecistViewer(scan(), (3, 1, 1), marks={LINE}, auto_segment=False)\nviewer",
        f"explore(scan(), {LINE}, (3, 1, 1), auto_segment=False)",
        f"display(explore(scan(), {LINE}, (3, 1, 1), auto_segment=False))",
    ],
    ids=["explorer", "viewer", "without a name", "display"],
)
@pytest.mark.parametrize("named", [True, False], ids=["cell has a name", "cell is known by its text"])
def test_a_cell_that_is_run_again_keeps_one_scan(run: Run, cell: str, named: bool) -> None:
    for _ in range(10):
        run(cell, cell if named else "")
    assert run("print(len(scans), alive())") == "10 1\n"
    run("viewer = None")
    assert run("print(alive())") == "1\n", "the picture stands on the page still"


def test_what_a_variable_holds_stays_and_can_be_shown_again(run: Run) -> None:
    cell = f"kept.append(explore(scan(), {LINE}, (3, 1, 1), auto_segment=False))\nkept[-1]"
    for _ in range(3):
        run(cell, "one")
    assert run("print(alive(), kept[0].viewer.ct.shape, kept[0].comm is not None)") == "3 (20, 64, 64) True\n"
    run("kept[0]", "two")
    run("first = kept[0]; kept.clear()")
    run("del first")
    assert run("print(alive())") == "2\n", "the first is shown by cell two, the last by cell one"
    run("1", "two")
    assert run("print(alive())") == "1\n"


def test_what_was_never_shown_goes_with_its_name(run: Run) -> None:
    cell = (
        "for _ in range(50): viewer = explore(scan(), (), (3, 1, 1))\ndel viewer\nprint(len(scans), alive())"
    )
    assert run(cell) == "50 0\n"


def test_a_closed_viewer_lets_go_though_it_has_a_name_and_is_shown(run: Run) -> None:
    run(f"closed = explore(scan(), {LINE}, (3, 1, 1), auto_segment=False)\nclosed")
    assert run("closed.close()\nprint(alive(), closed.viewer.marks[0].label)") == "0 1\n"
