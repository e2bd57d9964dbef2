"""lite-ensam: one RECIST line on a CT becomes a 3D tumour mask, a volume and a response.

    import lite_ensam
    result = lite_ensam.segment("ct.nii.gz", "marks.json")
    result.save("mask.nii.gz")

Research use, not a medical device. Names are loaded when they are first used, so importing the package
takes milliseconds; `__init__.pyi` tells type checkers what they are.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

from lite_ensam.core.process_lock import ProcessLock

_HOMES = {
    "Case": "core.case",
    "Grid": "core.grid",
    "LiteEnsamError": "core.errors",
    "RecistMark": "core.recist",
    "Segmentation": "segmentation",
    "TumorMeasurement": "measurements",
    "__version__": "_kernels",
    "explore": "widgets",
    "make_phantom": "datasets.phantom",
    "measure": "measurements",
    "read_case": "io",
    "read_ct": "io",
    "read_marks": "io",
    "segment": "segmentation",
    "write_marks": "io",
    "write_mask": "io",
}

_IMPORTING = ProcessLock()
"""Two threads that import modules of one package crosswise would find each other's half made."""

__all__ = [
    "Case",
    "Grid",
    "LiteEnsamError",
    "RecistMark",
    "Segmentation",
    "TumorMeasurement",
    "__version__",
    "explore",
    "make_phantom",
    "measure",
    "read_case",
    "read_ct",
    "read_marks",
    "segment",
    "write_marks",
    "write_mask",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lite_ensam' has no attribute {name!r}")
    with _IMPORTING:
        home = import_module(f"lite_ensam.{_HOMES[name]}")
        try:
            value = getattr(home, name)
        except ImportError as error:
            if name != "explore":
                raise
            return _refusing(name, error)  # so that listing or importing all names needs no extra
    globals()[name] = value
    return value


def _refusing(name: str, error: ImportError) -> Callable[..., NoReturn]:
    """A function of this name that raises the error when it is called."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise error

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"{error}."
    return refuse


def __dir__() -> list[str]:
    return __all__
