"""Optional packages, asked for before any work: nothing is half done when one is missing."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from lite_ensam.core.errors import MissingExtraError

__all__ = ["require_packages"]


def require_packages(what: str, names: Iterable[str], extra: str) -> None:
    """Raise MissingExtraError unless packages are installed; none is imported.

    Parameters
    ----------
    what : str
        What needs them, as the message begins: "training".
    names : Iterable[str]
        Names by which they are imported.
    extra : str
        The extra that has them.

    Raises
    ------
    MissingExtraError
        If one is missing; the message names it and the extra.
    """
    if missing := [name for name in names if find_spec(name) is None]:
        raise MissingExtraError(f"{what} needs {', '.join(missing)}: pip install 'lite-ensam[{extra}]'")
