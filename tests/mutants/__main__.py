"""`make mutants`: each mutant in a copy of the package, and whether the tests that must notice it do.

`python -m tests.mutants recist` tries those of files whose name holds a word. The working tree is left as it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from queue import SimpleQueue

from tests.mutants import MUTANTS
from tests.mutants.mutant import PACKAGE, Mutant

ROOT = PACKAGE.parents[1]
AT_ONCE = 2
_PASSED, _FAILED = 0, 1


def main() -> int:
    words = sys.argv[1:] or [""]
    chosen = [one for one in MUTANTS if any(word in one.file for word in words)]
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for n in range(AT_ONCE):
            copies.put(Path(folder) / str(n))
            shutil.copytree(PACKAGE, Path(folder) / str(n) / PACKAGE.name, ignore=_CACHES)
        tests = list(dict.fromkeys(one.tests for one in chosen))
        unmutated = dict(zip(tests, pool.map(lambda one: _run(copies, one), tests), strict=True))
        broken = {test: done.stdout for test, done in unmutated.items() if done.returncode != _PASSED}
        for test, said in broken.items():
            last = "\n".join(said.splitlines()[-3:])
            print(f"these tests must pass before a mutant can fail them: pytest {test}\n{last}")
        if broken:
            return 1
        survivors = 0
        for mutant, outcome in zip(chosen, pool.map(lambda one: _try(copies, one), chosen), strict=True):
            survivors += outcome != "killed"
            text, wrong = (" ".join(side.split()) for side in (mutant.text, mutant.wrong))
            print(f"{outcome:9} {mutant.file}: {text} -> {wrong}", flush=True)
    minutes = (time.perf_counter() - begun) / 60
    print(f"{len(chosen)} mutants, {len(chosen) - survivors} killed, in {minutes:.1f} minutes")
    return 1 if survivors or not chosen else 0


_CACHES = shutil.ignore_patterns("__pycache__")


def _try(copies: SimpleQueue[Path], mutant: Mutant) -> str:
    """What became of a mutant: killed, SURVIVED, or why it could not be tried."""
    rc = _run(copies, mutant.tests, mutant).returncode
    return {_PASSED: "SURVIVED", _FAILED: "killed"}.get(rc, f"BROKEN {rc}")


def _run(
    copies: SimpleQueue[Path], tests: str, mutant: Mutant | None = None
) -> subprocess.CompletedProcess[str]:
    """pytest against a copy of the package; the copy is whole again afterwards."""
    copy = copies.get()
    # sources of one size and second would be taken for those that were compiled
    paths = {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    environment = os.environ | paths
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests.split()]
    try:
        with mutant.applied(copy / PACKAGE.name) if mutant else nullcontext():
            return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    finally:
        copies.put(copy)


if __name__ == "__main__":
    sys.exit(main())
