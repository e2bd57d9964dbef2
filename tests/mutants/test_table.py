"""The table of mutants fits the sources; `make mutants` runs them."""

import shlex
from pathlib import Path

from tests.mutants import MUTANTS
from tests.mutants.mutant import PACKAGE

ROOT = PACKAGE.parents[1]


def test_every_mutants_text_stands_once_in_its_file() -> None:
    counts = {one: (PACKAGE / one.file).read_text(encoding="utf-8").count(one.text) for one in MUTANTS}
    assert [one for one, n in counts.items() if n != 1] == []
    assert len(set(MUTANTS)) == len(MUTANTS)
    assert all(one.text != one.wrong for one in MUTANTS)


def test_the_tests_that_must_notice_are_there() -> None:
    named = {part for one in MUTANTS for part in shlex.split(one.tests) if part.startswith("tests/")}
    assert [name for name in sorted(named) if not (ROOT / Path(name)).exists()] == []
