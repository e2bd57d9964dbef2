from lite_ensam._kernels import __version__
from lite_ensam.core.case import Case
from lite_ensam.core.errors import LiteEnsamError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.io import read_case, read_ct, read_marks, write_marks, write_mask
from lite_ensam.measurements import TumorMeasurement, measure
from lite_ensam.segmentation import Segmentation, segment
from lite_ensam.widgets import explore

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
