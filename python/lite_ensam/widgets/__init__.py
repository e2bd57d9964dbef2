"""Draw a RECIST line with the mouse, see the 3D mask and its numbers, offline: in Jupyter, or in a browser alone.

`explore` puts everything together; `RecistViewer` is the viewer alone. Both need the extra `widgets`, which
is asked for only when they are used. `view_server` shows them without a notebook (extra `view`).
"""

from importlib import import_module
from typing import Any

from lite_ensam.core.errors import MissingExtraError

_HOMES = {
    "Explorer": "explorer",
    "RecistViewer": "recist_viewer",
    "render_tumors_3d": "view_3d",
    "explore": "explorer",
    "view_itk": "view_3d",
    "view_tumors": "view_3d",
}

__all__ = [
    "Explorer",
    "RecistViewer",
    "explore",
    "render_tumors_3d",
    "view_itk",
    "view_tumors",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lite_ensam.widgets' has no attribute {name!r}")
    try:
        value = getattr(import_module(f"lite_ensam.widgets.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("lite_ensam"):
            raise
        raise MissingExtraError(
            f"lite_ensam.widgets.{name} needs {error.name}: pip install 'lite-ensam[widgets]'"
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
