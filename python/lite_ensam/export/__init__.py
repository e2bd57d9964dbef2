"""Export of trained weights for engines other than torch."""

from lite_ensam.export.graph import export_onnx, export_weights

__all__ = ["export_onnx", "export_weights"]
