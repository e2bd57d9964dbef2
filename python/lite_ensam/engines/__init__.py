"""Engines run the network: patch and line in, logits out."""

from lite_ensam.engines.backend import (
    ENGINES,
    JOINT_WEIGHTS,
    WEIGHTS,
    Backend,
    Engine,
    WeightsManifest,
    shipped_weights,
)
from lite_ensam.engines.loading import check_engine, check_threads, load_backend, shared_backend

__all__ = [
    "ENGINES",
    "JOINT_WEIGHTS",
    "WEIGHTS",
    "Backend",
    "Engine",
    "WeightsManifest",
    "check_engine",
    "check_threads",
    "load_backend",
    "shared_backend",
    "shipped_weights",
]
