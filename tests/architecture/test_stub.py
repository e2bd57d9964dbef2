"""`_kernels.pyi` tells the truth about the compiled module: names, signatures and documentation."""

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lite_ensam import _kernels

ROOT = Path(__file__).resolve().parents[2]
STUB = ROOT / "python" / "lite_ensam" / "_kernels.pyi"


def documented(node: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted name and docstring of all that the stub documents."""
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            name = prefix + child.name
            if text := ast.get_docstring(child):
                yield name, text
            if isinstance(child, ast.ClassDef):
                yield from documented(child, f"{name}.")


DOCSTRINGS = dict(documented(ast.parse(STUB.read_text(encoding="utf-8"))))


def test_signatures_match_the_compiled_module() -> None:
    command = [sys.executable, "-m", "mypy.stubtest", "lite_ensam._kernels"]
    done = subprocess.run(
        [*command, "--mypy-config-file", "pyproject.toml"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", DOCSTRINGS)
def test_documentation_is_the_compiled_modules(name: str) -> None:
    compiled = _kernels
    for part in name.split("."):
        compiled = getattr(compiled, part)
    assert inspect.cleandoc(compiled.__doc__ or "") == DOCSTRINGS[name]


def test_every_public_kernel_is_documented() -> None:
    public = {
        name for name in vars(_kernels) if not name.startswith("_") and callable(getattr(_kernels, name))
    }
    assert public
    assert public <= DOCSTRINGS.keys()
