"""Which arguments are numbers: Python's, NumPy's and other libraries' are, True and False are not."""

from numbers import Integral, Real
from typing import TypeGuard

__all__ = ["is_real", "is_whole"]


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number.

    Parameters
    ----------
    value : object
        An argument that was given.

    Returns
    -------
    TypeGuard[int]
        True for an int or NumPy's integers, False for a bool or a float.

    Examples
    --------
    >>> import numpy as np
    >>> is_whole(np.int64(3)), is_whole(True), is_whole(3.0)
    (True, False, False)
    """
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_real(value: object) -> TypeGuard[float]:
    """Whether a value is a real number, perhaps one that is not finite.

    Parameters
    ----------
    value : object
        An argument that was given.

    Returns
    -------
    TypeGuard[float]
        True for an int, a float or NumPy's, False for a bool or a text.

    Examples
    --------
    >>> import numpy as np
    >>> is_real(np.float32(0.5)), is_real(2), is_real(True), is_real("2")
    (True, True, False, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool)
