"""Nobody's name in a warning, also while several threads read."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import pytest

from lite_ensam.io.dicom.datasets import keep_identifiers_quiet

pydicom: Any = pytest.importorskip("pydicom")


def state() -> list[Any]:
    """Warning filters, levels of loggers, pydicom's checks."""
    settings = pydicom.config.settings
    levels = [logging.getLogger(name).level for name in ("pydicom", "highdicom")]
    return [
        list(warnings.filters),
        *levels,
        settings.reading_validation_mode,
        settings.writing_validation_mode,
    ]


def test_the_last_reader_switches_warnings_on_again() -> None:
    loud = state()
    first, second = keep_identifiers_quiet(), keep_identifiers_quiet()
    first.__enter__()
    quiet = state()
    assert quiet != loud
    second.__enter__()
    first.__exit__(None, None, None)  # the second one, of another thread, still reads
    assert state() == quiet
    second.__exit__(None, None, None)
    assert state() == loud


def test_a_failure_in_the_block_leaves_nothing_switched_off() -> None:
    loud = state()
    with pytest.raises(KeyError), keep_identifiers_quiet():
        raise KeyError
    assert state() == loud
