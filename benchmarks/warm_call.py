"""From mark to mask in a process that has segmented before: the scan is an array in memory, the engine is loaded.

python benchmarks/warm_call.py [calls]
"""

from __future__ import annotations

import statistics
import sys
import time

from harness.scans import SPACING, many_marks

from lite_ensam import make_phantom, segment
from lite_ensam.evaluation.resources import machine

SHAPE = (150, 512, 512)


def main() -> None:
    """Print milliseconds a call, and of its steps, for 1, 3 and 20 lesions."""
    (n_calls,) = [*sys.argv[1:], "20"][:1]
    print(machine())
    print("\n| lesions | first call, ms | later calls, median ms (range) | steps of the last, ms |")
    print("|---|---|---|---|")
    case = make_phantom(shape_zyx=SHAPE, spacing_mm=SPACING)
    for n_marks in (1, 3, 20):
        marks = many_marks(case.marks, n_marks)
        times = []
        for _ in range(int(n_calls) + 1):
            start = time.perf_counter()
            result = segment(case.ct, marks, case.grid.spacing_mm)
            times.append(1e3 * (time.perf_counter() - start))
        first, *later = times
        steps = ", ".join(f"{name} {1e3 * s:.0f}" for name, s in result.report["seconds"].items())
        middle = statistics.median(later)
        print(
            f"| {n_marks} | {first:.0f} | {middle:.0f} ({min(later):.0f}-{max(later):.0f}) | {steps} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
