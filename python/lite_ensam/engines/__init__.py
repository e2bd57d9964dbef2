"""Engines run the network: patch and line in, logits out."""

from lite_ensam.engines.backend import ENGINES, WEIGHTS, Backend, Engine, WeightsManifest
from lite_ensam.engines.loading import load_backend

__all__ = ["ENGINES", "WEIGHTS", "Backend", "Engine", "WeightsManifest", "load_backend"]
