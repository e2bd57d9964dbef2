"""However a program starts its processes and threads: the same masks, or one sentence at once; it never hangs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LIMIT_S = 120
"""Everything here takes a second or two on an idle machine; what hangs, hangs for ever."""

NO_FORK = not hasattr(os, "fork")
SEGMENT = """
import lite_ensam

def volumes(*_, engine="openvino"):
    case = lite_ensam.make_phantom()
    result = lite_ensam.segment(case, engine=engine)
    return [tumor.volume_ml for tumor in result.measurements]
"""

pytestmark = pytest.mark.skipif(NO_FORK, reason="this system cannot fork")


def run(tmp_path: Path, code: str) -> str:
    """What a program prints; it is a file of its own, as spawned processes want it."""
    program = tmp_path / "program.py"
    program.write_text(
        f"{SEGMENT}\nif __name__ == '__main__':\n" + "".join(f"    {line}\n" for line in code.split("\n"))
    )
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=False, timeout=LIMIT_S
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


IN_A_CHILD = """
import os, sys
def in_a_child(action):
    child = os.fork()
    if not child:
        try:
            print(action(), flush=True)
        except lite_ensam.LiteEnsamError as error:
            print(type(error).__name__, error, flush=True)
        sys.exit()  # the whole way out: taking OpenVINO down hangs, too
    assert os.waitpid(child, 0)[1] == 0
"""


def test_a_child_of_a_process_that_has_segmented_is_told_to_be_spawned(tmp_path: Path) -> None:
    said = run(tmp_path, f"{IN_A_CHILD}\nvolumes()\nin_a_child(volumes)\nvolumes()")
    assert said.startswith(
        "EngineError the OpenVINO engine cannot run in a process that was forked after OpenVINO"
    )
    assert 'multiprocessing.get_context("spawn")' in said


def test_a_child_of_a_process_that_is_segmenting_now_is_told_so_too(tmp_path: Path) -> None:
    code = f"""
import threading, time
volumes()
end = time.monotonic() + 3
def busy():
    while time.monotonic() < end: volumes()
threads = [threading.Thread(target=busy) for _ in range(2)]
for thread in threads: thread.start()
{IN_A_CHILD}
while time.monotonic() < end:
    in_a_child(volumes)
for thread in threads: thread.join()"""
    said = run(tmp_path, code).splitlines()
    assert said
    assert all(line.startswith("EngineError") for line in said)


def test_an_engine_that_was_loaded_but_has_not_run_is_forked(tmp_path: Path) -> None:
    code = f"""
from lite_ensam.engines import WeightsManifest, shared_backend
shared_backend("openvino", None, WeightsManifest.read())
{IN_A_CHILD}
for _ in range(2): in_a_child(volumes)
print(volumes())"""
    first, second, own = run(tmp_path, code).splitlines()
    assert first == second == own


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools_of_processes(tmp_path: Path, method: str) -> None:
    code = f"""
import multiprocessing
if {method!r} != "fork": own = volumes()  # else this would forbid it to the children
with multiprocessing.get_context({method!r}).Pool(2) as pool:
    found = pool.map(volumes, range(3))
print(all(numbers == volumes() for numbers in found), len(found))"""
    assert run(tmp_path, code) == "True 3\n"


def test_a_pool_that_is_forked_too_late_raises_the_sentence(tmp_path: Path) -> None:
    code = """
import multiprocessing
volumes()
with multiprocessing.get_context("fork").Pool(2) as pool:
    try:
        pool.map(volumes, range(2))
    except lite_ensam.LiteEnsamError as error:
        print(error)"""
    assert "spawn" in run(tmp_path, code)


def test_the_torch_engine_runs_in_a_child(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    code = f"""
from functools import partial
by_torch = partial(volumes, engine="torch")
print(by_torch(), flush=True)
{IN_A_CHILD}
in_a_child(by_torch)"""
    own, child = run(tmp_path, code).splitlines()
    assert own == child


def test_every_kernel_runs_in_a_child_and_in_a_childs_child(tmp_path: Path) -> None:
    code = f"""
import doctest, numpy as np
from lite_ensam import _kernels
kernels = {{name: kernel for name, kernel in vars(_kernels).items() if callable(kernel)}}
def examples():
    failed = 0
    for name, kernel in kernels.items():
        example = doctest.DocTestParser().get_doctest(kernel.__doc__, {{"np": np, **kernels}}, name, None, None)
        failed += doctest.DocTestRunner().run(example).failed
    return failed
{IN_A_CHILD}
print(examples(), flush=True)
in_a_child(examples)
in_a_child(lambda: in_a_child(examples))"""
    assert run(tmp_path, code).split() == ["0", "0", "0", "None"]


def test_a_lock_that_another_thread_held_is_free_in_a_child(tmp_path: Path) -> None:
    code = f"""
import threading
from lite_ensam.core.process_lock import ProcessLock
others, mine = ProcessLock(), ProcessLock()
held, done = threading.Event(), threading.Event()
def hold():
    with others:
        held.set()
        done.wait()
holder = threading.Thread(target=hold)
holder.start()
held.wait()
{IN_A_CHILD}
def take():
    with others, mine: return "free"
with mine: in_a_child(take)
done.set()
holder.join()
print(take())"""
    assert run(tmp_path, code).split() == ["free", "free"]


@pytest.mark.parametrize(
    "start",
    [
        "threads = [threading.Thread(target=keep) for _ in range(8)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()",
        "with ThreadPoolExecutor(8) as pool: list(pool.map(keep, range(8)))",
        "async def all_at_once(): await asyncio.gather(*(asyncio.to_thread(keep) for _ in range(8)))\n"
        "asyncio.run(all_at_once())",
    ],
    ids=["threads", "executor", "asyncio"],
)
def test_first_calls_from_eight_threads_at_once(tmp_path: Path, start: str) -> None:
    code = f"""
import asyncio, threading, sys
from concurrent.futures import ThreadPoolExecutor
found, together = [], threading.Barrier(4)  # asyncio has CPUs + 4 threads
def keep(*_):
    together.wait()
    found.append(volumes())
sys.setswitchinterval(1e-4)
{start}
print(len(found), all(numbers == volumes() for numbers in found))
print([name for name in sys.modules if name.startswith("openvino_telemetry")])"""
    assert run(tmp_path, code).splitlines() == ["8 True", "[]"]


def test_public_names_are_first_used_by_many_threads(tmp_path: Path) -> None:
    code = """
import sys, threading
sys.setswitchinterval(1e-4)
names, failed = lite_ensam.__all__, []
together = threading.Barrier(len(names))
def get(name):
    together.wait()
    try: getattr(lite_ensam, name)
    except BaseException as error: failed.append(repr(error))
threads = [threading.Thread(target=get, args=(name,)) for name in names]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(failed)"""
    assert run(tmp_path, code) == "[]\n"
