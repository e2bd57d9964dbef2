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
        unmutated = pool.map(lambda one: _run(copies, one), tests)
        broken = [test for test, rc in zip(tests, unmutated, strict=True) if rc != _PASSED]
        for test in broken:
            print(f"no use: these tests do not pass as they are: pytest {test}")
        if broken:
            return 1
        survivors = 0
        for mutant, outcome in zip(chosen, pool.map(lambda one: _try(copies, one), chosen), strict=True):
            survivors += outcome != "killed"
            print(f"{outcome:9} {mutant.file}: {mutant.text.strip()} -> {mutant.wrong.strip()}", flush=True)
    minutes = (time.perf_counter() - begun) / 60
    print(f"{len(chosen)} mutants, {len(chosen) - survivors} killed, in {minutes:.1f} minutes")
    return 1 if survivors or not chosen else 0


_CACHES = shutil.ignore_patterns("__pycache__")


def _try(copies: SimpleQueue[Path], mutant: Mutant) -> str:
    """What became of a mutant: killed, SURVIVED, or why it could not be tried."""
    rc = _run(copies, mutant.tests, mutant)
    return {_PASSED: "SURVIVED", _FAILED: "killed"}.get(rc, f"BROKEN {rc}")


def _run(copies: SimpleQueue[Path], tests: str, mutant: Mutant | None = None) -> int:
    """Exit status of pytest against a copy of the package; the copy is whole again afterwards."""
    copy = copies.get()
    try:
        if mutant is not None:
            mutant.apply(copy / PACKAGE.name)
        # sources of one size and second would be taken for those that were compiled
        paths = {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests.split()]
        return subprocess.run(command, cwd=ROOT, env=os.environ | paths, capture_output=True).returncode
    finally:
        if mutant is not None:
            shutil.copyfile(PACKAGE / mutant.file, copy / PACKAGE.name / mutant.file)
        copies.put(copy)


if __name__ == "__main__":
    sys.exit(main())
