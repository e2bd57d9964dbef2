"""The engines there are, by name; each is imported only when it is asked for."""

from __future__ import annotations

from lite_ensam.core.errors import ArgumentError
from lite_ensam.core.types import PathLike
from lite_ensam.engines.backend import ENGINES, WEIGHTS, Backend, Engine, WeightsManifest

MAX_THREADS = 1024


def load_backend(
    engine: Engine, threads: int | None = None, weights: PathLike | WeightsManifest = WEIGHTS
) -> Backend:
    """Load an engine and the weights of a folder.

    Parameters
    ----------
    engine : "openvino" (fast, the default) or "torch" (the reference; needs the extra `torch`)
    threads : CPU threads; None takes all there are
    weights : folder with manifest.json, lite_ensam.xml/.bin and lite_ensam.safetensors, or its manifest

    Raises
    ------
    ArgumentError
        Unknown engine, or a bad number of threads.
    EngineError
        Weights that are missing or damaged.
    MissingExtraError
        If the engine's package is not installed.
    """
    if threads is not None and not (type(threads) is int and 1 <= threads <= MAX_THREADS):
        raise ArgumentError(f"threads must be a whole number from 1 to {MAX_THREADS}, got {threads!r}")
    manifest = weights if isinstance(weights, WeightsManifest) else WeightsManifest.read(weights)
    if engine == "openvino":
        from lite_ensam.engines.openvino_backend import OpenVinoBackend

        return OpenVinoBackend(manifest, threads)
    if engine == "torch":
        from lite_ensam.engines.torch_backend import TorchBackend

        return TorchBackend(manifest, threads)
    raise ArgumentError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
