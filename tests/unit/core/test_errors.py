"""Errors are what their callers catch: one base, and Python's own kinds beside it."""

import pickle

import pytest

from lite_ensam.core import errors

KINDS = {
    "ArchiveError": OSError,
    "ArgumentError": ValueError,
    "CaseError": ValueError,
    "CohortError": ValueError,
    "EngineError": RuntimeError,
    "MarkError": ValueError,
    "MissingExtraError": ImportError,
    "MissingMarksError": ValueError,
    "OutputError": OSError,
    "StudyError": ValueError,
    "TrainingError": ValueError,
}


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_each_error_is_caught_as_pythons_own_kind(name: str, kind: type[Exception]) -> None:
    error = getattr(errors, name)("a\nsentence")
    assert isinstance(error, errors.LiteEnsamError)
    assert isinstance(error, kind)
    assert str(error) == r"a\nsentence"
    assert str(pickle.loads(pickle.dumps(error))) == r"a\nsentence"  # workers send them


def test_no_error_is_without_a_kind() -> None:
    found = {name for name in errors.__all__ if name.endswith("Error")}
    assert found == KINDS.keys() | {"LiteEnsamError"}


def test_what_cannot_be_written_is_no_bad_value() -> None:
    assert not issubclass(errors.OutputError, ValueError)
    assert not issubclass(errors.EngineError, ValueError)
