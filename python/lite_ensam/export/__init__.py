"""Trained weights for engines other than torch: those of this package, and the authors'."""

from lite_ensam.export.flare25 import flare25_weights, import_weights
from lite_ensam.export.graph import export_onnx, export_weights

__all__ = ["export_onnx", "export_weights", "flare25_weights", "import_weights"]
