"""The examples in the kernels' documentation give what they say."""

import doctest

import numpy as np
import pytest

from lite_ensam import _kernels

KERNELS = {name: kernel for name, kernel in vars(_kernels).items() if callable(kernel)}
DOCUMENTED = {**KERNELS, "ValueRange.update": _kernels.ValueRange.update}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_examples_run(name: str) -> None:
    examples = doctest.DocTestParser().get_doctest(
        DOCUMENTED[name].__doc__, {"np": np, **KERNELS}, name, filename=None, lineno=None
    )
    assert examples.examples
    assert doctest.DocTestRunner().run(examples).failed == 0
