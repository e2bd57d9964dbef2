"""Where memory is limited a kernel raises; it takes the process down with nothing."""

import subprocess
import sys

import pytest

POINT, UNIT = "(0, 0, 0)", "(1, 1, 1)"
CALLS = {
    "many taps": f"crop_resample(np.zeros((2, 2, 2), np.int16), {POINT}, {UNIT}, (1, 1, 1 << 26))",
    "large sums": f"crop_resample(np.zeros((1, 2, 2), np.int16), {POINT}, {UNIT}, (1, 8192, 8192))",
    "a long axis": f"paint((1, 1, 1 << 27), [(1, np.ones({UNIT}, 'f4'), {POINT}, (1, 1, 1 << 27), {UNIT})])",
    "a large band": f"snap_to_edge(*[np.broadcast_to(np.uint8(0), (64, 512, 512))] * 3, {UNIT}, 2.0, 3.0)",
}


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_absurd_sizes_raise_under_a_memory_limit(call):
    code = (
        "import resource\nimport numpy as np\nfrom lite_ensam import _kernels\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (768 << 20),) * 2)\n"
        f"try: _kernels.{call}\nexcept MemoryError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "does not fit into memory" in done.stdout
