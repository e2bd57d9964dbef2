"""`python -m tests.lint.phrases`: banned turns of phrase in the text that users read; `phrases.toml` lists them.

Text is the prose of documents and notebooks, the strings and docstrings of Python, the strings of JavaScript and the
text of HTML. Code, and what stands between quotation marks in documents, is not counted.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIG = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
BANNED = re.compile("|".join(CONFIG["banned"]))
SOURCES = (
    "*.md", "docs/**/*.md", "notebooks/*.ipynb", "flare/*.md",
    "python/**/*.py", "python/**/*.js", "python/**/*.html", "python/**/*.json",
)  # fmt: skip

_FENCED = re.compile(r"```.*?```|^(?: {4}|\t)[^-\s|][^\n]*$", re.DOTALL | re.MULTILINE)
_QUOTED = re.compile(r"`[^`\n]*`|\"[^\"\n]*\"|“[^”]*”|\]\([^)]*\)")
_JAVASCRIPT_TEXT = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`")
_JAVASCRIPT_COMMENT = re.compile(r"/\*.*?\*/|(?<!:)//[^\n]*", re.DOTALL)


def texts(file: Path) -> Iterator[str]:
    """The pieces of a file that a user may read."""
    content = file.read_text(encoding="utf-8")
    match file.suffix:
        case ".md":
            yield prose(content)
        case ".ipynb":
            for cell in json.loads(content)["cells"]:
                if cell["cell_type"] == "markdown":
                    yield prose("".join(cell["source"]))
        case ".py":
            yield from _strings(ast.parse(content))
        case ".js":
            yield from _JAVASCRIPT_TEXT.findall(_JAVASCRIPT_COMMENT.sub("", content))
        case _:
            yield re.sub(r"<[^>]*>", " ", content)


def prose(markdown: str) -> str:
    """A document without code, addresses and quotations."""
    return _QUOTED.sub('"', _FENCED.sub("", markdown))


def _strings(tree: ast.AST) -> Iterator[str]:
    """All texts of a module; of f-strings the parts that are fixed, joined by `{}`."""
    inside = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part for part in node.values if isinstance(part, ast.Constant)]
            inside |= set(map(id, parts))
            yield "{}".join(str(part.value) for part in parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


def findings(file: Path) -> list[str]:
    """Each banned phrase of a file, with the words around it."""
    found = []
    for text in texts(file):
        flat = re.sub(r"\s+", " ", text)
        found += [flat[max(0, one.start() - 40) : one.end() + 40] for one in BANNED.finditer(flat)]
    return found


def files() -> list[Path]:
    """All files with text that a user may read."""
    return sorted(
        {file for pattern in SOURCES for file in ROOT.glob(pattern) if "tests" not in file.parts[-2:]}
    )


def main() -> None:
    """Print all banned phrases; the exit code is 1 if there are any."""
    found = [(file.relative_to(ROOT), words) for file in files() for words in findings(file)]
    for name, words in found:
        print(f"{name}: ... {words} ...")
    print(f"{len(found)} banned phrases in {len(files())} files")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
