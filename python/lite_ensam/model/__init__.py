"""The network in PyTorch: one file for each box of the paper's Figure 1."""

from lite_ensam.model.config import ModelConfig
from lite_ensam.model.lite_ensam import LiteEnsam

__all__ = ["LiteEnsam", "ModelConfig"]
