"""The process that does cases: it reads tasks and writes outcomes, each one line of JSON.

It is started, watched and, if need be, killed by `supervisor`. When whoever started it is gone, so is it.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from threading import Thread


def main() -> None:
    """Read tasks until the input ends."""
    faulthandler.enable()
    # what libraries print must not come between the replies
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with suppress(OSError):  # if memory runs out, the kernel shall take a worker, not who watches it
        Path("/proc/self/oom_score_adj").write_text("500")
    lines: SimpleQueue[str] = SimpleQueue()
    Thread(target=_read, args=(lines,), daemon=True).start()

    from lite_ensam.cohort.parameters import Task
    from lite_ensam.cohort.task import run_case

    while True:
        outcome = run_case(Task.from_json(lines.get()))
        replies.write(json.dumps(asdict(outcome)) + "\n")
        replies.flush()


def _read(lines: SimpleQueue[str]) -> None:
    """Tasks as they come; the end of them is the end of the process, in the middle of a case too."""
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
