"""lite-ensam: one RECIST line on a CT becomes a 3D tumour mask, a volume and a response.

    import lite_ensam
    result = lite_ensam.segment("ct.nii.gz", "marks.json")
    result.save("mask.nii.gz")

Research use, not a medical device. Names are loaded when they are first used, so importing the package
takes milliseconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lite_ensam._kernels import __version__
    from lite_ensam.case import Case
    from lite_ensam.errors import LiteEnsamError
    from lite_ensam.geometry import Grid
    from lite_ensam.inference import Segmentation, segment
    from lite_ensam.io import read_case, read_ct, read_marks, write_mask
    from lite_ensam.measurements import TumorMeasurement, measure
    from lite_ensam.phantom import make_phantom
    from lite_ensam.recist import RecistMark
    from lite_ensam.widgets import explore

_HOMES = {
    "Case": "case",
    "Grid": "geometry",
    "LiteEnsamError": "errors",
    "RecistMark": "recist",
    "Segmentation": "inference",
    "TumorMeasurement": "measurements",
    "__version__": "_kernels",
    "explore": "widgets",
    "make_phantom": "phantom",
    "measure": "measurements",
    "read_case": "io",
    "read_ct": "io",
    "read_marks": "io",
    "segment": "inference",
    "write_mask": "io",
}

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
    "write_mask",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lite_ensam' has no attribute {name!r}")
    value = getattr(import_module(f"lite_ensam.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
