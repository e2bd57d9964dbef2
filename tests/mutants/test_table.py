"""The table of mutants fits the sources; `make mutants` runs them."""

from tests.mutants import MUTANTS
from tests.mutants.mutant import PACKAGE

ROOT = PACKAGE.parents[1]


def test_every_mutants_text_stands_once_in_its_file() -> None:
    files = {one.file for one in MUTANTS}
    assert [name for name in sorted(files) if not (PACKAGE / name).exists()] == []
    sources = {name: (PACKAGE / name).read_text(encoding="utf-8") for name in files}
    assert [one for one in MUTANTS if sources[one.file].count(one.text) != 1] == []
    assert len(set(MUTANTS)) == len(MUTANTS)
    assert all(one.text != one.wrong for one in MUTANTS)


def test_the_tests_that_must_notice_are_there() -> None:
    for name in sorted({part for one in MUTANTS for part in one.tests.split()}):
        path, _, function = name.partition("[")[0].partition("::")
        assert (ROOT / path).exists(), name
        assert not function or f"def {function}(" in (ROOT / path).read_text(encoding="utf-8"), name
