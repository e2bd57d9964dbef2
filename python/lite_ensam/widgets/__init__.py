"""Jupyter: draw a RECIST line with the mouse, see the 3D mask and its numbers, offline.

`explore` puts everything together; `RecistMarker` is the viewer alone. Both need the extra `widgets`, which
is asked for only when they are used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lite_ensam.errors import MissingExtraError

if TYPE_CHECKING:
    from lite_ensam.widgets.explorer import Explorer
    from lite_ensam.widgets.opening import explore
    from lite_ensam.widgets.recist_marker import RecistMarker
    from lite_ensam.widgets.surface import Surface, surface_of
    from lite_ensam.widgets.view_3d import draw_tumors, view_itk, view_tumors

_HOMES = {
    "Explorer": "explorer",
    "RecistMarker": "recist_marker",
    "Surface": "surface",
    "draw_tumors": "view_3d",
    "explore": "opening",
    "surface_of": "surface",
    "view_itk": "view_3d",
    "view_tumors": "view_3d",
}

__all__ = [
    "Explorer",
    "RecistMarker",
    "Surface",
    "draw_tumors",
    "explore",
    "surface_of",
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
