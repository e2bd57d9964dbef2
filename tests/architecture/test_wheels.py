import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.wheels import needed_glibc

NAME = "lite_ensam-0.1.0-cp311-abi3-{}.whl"


def wheel(folder: Path, platform: str, *symbols: str) -> Path:
    path = folder / NAME.format(platform)
    with ZipFile(path, "w") as archive:
        archive.writestr("lite_ensam/_kernels.abi3.so", "\0".join(symbols))
        archive.writestr("lite_ensam/words.txt", "GLIBC_9.9 in a text is no symbol")
    return path


@pytest.mark.parametrize(
    ("platform", "symbols", "said"),
    [
        ("manylinux_2_28_x86_64", ("GLIBC_2.2.5", "GLIBC_2.28"), ""),
        ("manylinux_2_28_aarch64", ("GLIBC_2.17",), ""),
        ("manylinux_2_28_x86_64", ("GLIBC_2.3", "GLIBC_2.35", "GLIBC_2.4"), "needs glibc 2.35"),
        ("linux_x86_64", ("GLIBC_2.3",), "is not a manylinux wheel"),
    ],
)
def test_a_wheel_that_promises_more_than_it_keeps_fails(
    tmp_path: Path, platform: str, symbols: tuple[str, ...], said: str
) -> None:
    command = [sys.executable, "-m", "tests.wheels", wheel(tmp_path, platform, *symbols)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == bool(said)
    assert said in done.stderr


def test_versions_are_compared_as_numbers(tmp_path: Path) -> None:
    assert needed_glibc(wheel(tmp_path, "any", "GLIBC_2.9", "GLIBC_2.10")) == (2, 10)
