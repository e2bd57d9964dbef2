"""Does a Linux wheel run where its name says? `python -m tests.wheels target/wheels/*.whl`, as `make build` does.

A wheel `manylinux_2_28` must ask for no symbol of a C library newer than 2.28 (2018), or it fails when it is imported.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from zipfile import ZipFile

_SYMBOL = re.compile(rb"GLIBC_(\d+)\.(\d+)")
_PLATFORM = re.compile(r"-manylinux_(\d+)_(\d+)_\w+\.whl$")


def needed_glibc(wheel: Path) -> tuple[int, int]:
    """The newest C library that a symbol of the wheel's shared objects asks for; (0, 0) if none does."""
    with ZipFile(wheel) as archive:
        objects = [archive.read(name) for name in archive.namelist() if name.endswith(".so")]
    found = [(int(major), int(minor)) for content in objects for major, minor in _SYMBOL.findall(content)]
    return max(found, default=(0, 0))


def problem(wheel: Path) -> str | None:
    """What is wrong with a wheel, in a sentence."""
    platform = _PLATFORM.search(wheel.name)
    if platform is None:
        return f"{wheel.name} is not a manylinux wheel"
    promised, needed = (int(platform[1]), int(platform[2])), needed_glibc(wheel)
    if needed > promised:
        return f"{wheel.name} needs glibc {needed[0]}.{needed[1]}"
    return None


if __name__ == "__main__":
    wheels = [Path(name) for name in sys.argv[1:]]
    problems = [text for text in map(problem, wheels) if text] if wheels else ["no wheel was given"]
    sys.exit("\n".join(problems) or None)
