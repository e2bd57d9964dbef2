"""A mutant: one line of the package made wrong, and the tests that must notice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "python" / "lite_ensam"


@dataclass(frozen=True)
class Mutant:
    """One change.

    Parameters
    ----------
    file : of the package, below `lite_ensam`
    text : stands there exactly once
    wrong : what is put in its place
    tests : files or node ids, as pytest takes them; one of these tests must fail
    """

    file: str
    text: str
    wrong: str
    tests: str

    @contextmanager
    def applied(self, package: Path) -> Iterator[None]:
        """Write it into a copy of the package for the block; ValueError unless its text is there exactly once."""
        path = package / self.file
        source = path.read_text(encoding="utf-8")
        if (n := source.count(self.text)) != 1:
            raise ValueError(f"{self.file}: {self.text!r} is there {n} times, expected once: mend the table")
        path.write_text(source.replace(self.text, self.wrong), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(source, encoding="utf-8")


def mutants(file: str, tests: str, *changes: tuple[str, str]) -> list[Mutant]:
    """Several mutants of one file that the same tests must notice."""
    return [Mutant(file, text, wrong, tests) for text, wrong in changes]
