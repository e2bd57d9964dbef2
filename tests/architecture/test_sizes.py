"""One idea a file: files and functions stay short, and no file is named after having no subject.

Docstrings are not counted: numpydoc takes two lines and more for each parameter.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("python", "rust", "tests", "benchmarks")
SOURCES = [
    file
    for folder in FOLDERS
    for file in sorted((ROOT / folder).rglob("*"))
    if file.suffix in {".py", ".rs", ".js", ".ts"} and "target" not in file.relative_to(ROOT).parts
]
MOST_LINES_OF_A_FILE = 500
MOST_LINES_OF_A_FUNCTION = 80
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
NAMES_THAT_SAY_NOTHING = {"utils", "util", "common", "helpers", "misc"}


def n_lines(file: Path) -> int:
    """Lines of a file that are not in docstrings."""
    text = file.read_text(encoding="utf-8")
    lines = len(text.splitlines())
    if file.suffix != ".py":
        return lines
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, DOCUMENTED)]
    return lines - sum(map(n_docstring_lines, nodes))


def n_docstring_lines(node: ast.AST) -> int:
    """Lines of a node's own docstring."""
    assert isinstance(node, DOCUMENTED)
    if ast.get_docstring(node) is None:
        return 0
    text = node.body[0]
    return (text.end_lineno or text.lineno) - text.lineno + 1


def shown(file: Path) -> str:
    return str(file.relative_to(ROOT))


def test_there_are_sources_to_look_at() -> None:
    assert {file.suffix for file in SOURCES} == {".py", ".rs", ".js", ".ts"}


def test_files_have_at_most_500_lines() -> None:
    lengths = {shown(file): n_lines(file) for file in SOURCES}
    assert {name: n for name, n in lengths.items() if n > MOST_LINES_OF_A_FILE} == {}


def test_functions_have_at_most_80_lines() -> None:
    too_long = {}
    for file in SOURCES:
        if file.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1 - n_docstring_lines(node)
                if length > MOST_LINES_OF_A_FUNCTION:
                    too_long[f"{shown(file)}:{node.name}"] = length
    assert too_long == {}


def test_every_file_is_named_after_its_subject() -> None:
    assert [shown(file) for file in SOURCES if file.stem in NAMES_THAT_SAY_NOTHING] == []
