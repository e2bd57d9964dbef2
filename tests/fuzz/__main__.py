"""`python -m tests.fuzz MINUTES [READER ...]`: each reader fed for so long. What fails is kept in `found/`.

One process for each reader, under a limit of memory, so that a crash or a hang of one is told like any other failure.
"""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.readers import make_readers
from tests.fuzz.test_readers import FOUND, NAMES, feed

_MEMORY_BYTES = 4 << 30
_BATCH = 100
_PLACE = Path(__file__).with_name("found")


def fuzz(name: str, minutes: float) -> int:
    """Feed one reader; how many files it had."""
    warnings.simplefilter("error")
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        reader = make_readers(Path(folder))[name]
        good = reader.file.read_bytes()
        last = Path(folder) / "last"
        until = time.monotonic() + 60 * minutes

        @settings(
            max_examples=_BATCH,
            deadline=timedelta(seconds=20),
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(data=st.data())
        def batch(data: st.DataObject) -> None:
            nonlocal count
            content = data.draw(reader.strategy(good, good))
            last.write_bytes(content)
            count += 1
            feed(reader, content)

        try:
            while time.monotonic() < until:
                batch()
        except BaseException:
            content = last.read_bytes()
            kept = _PLACE / f"{name}@{hashlib.sha256(content).hexdigest()[:8]}.bin"
            kept.write_bytes(content)
            print(f"kept as {kept.name}")
            raise
    return count


def main() -> int:
    """Exit code 1 if a reader failed."""
    minutes, names = float(sys.argv[1]), sys.argv[2:] or NAMES
    if len(names) == 1:
        print(f"{names[0]}: {fuzz(names[0], minutes)} files in {minutes:g} min", flush=True)
        return 0
    failed = []
    for name in names:
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz", str(minutes), name], capture_output=True, text=True,
            timeout=60 * minutes + 300, check=False,
        )  # fmt: skip
        print(
            done.stdout if done.returncode == 0 else f"{name}: FAILED\n{done.stdout}{done.stderr[-3000:]}",
            flush=True,
            end="",
        )
        failed += [name] if done.returncode else []
    print(f"{len(names) - len(failed)} of {len(names)} readers held; {len(FOUND)} files known from before")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
