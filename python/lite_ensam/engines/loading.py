"""The engines there are, by name; each is imported only when it is asked for."""

from __future__ import annotations

from functools import lru_cache

from lite_ensam.core.errors import ArgumentError, brief
from lite_ensam.core.number_kinds import is_whole
from lite_ensam.core.process_lock import ProcessLock
from lite_ensam.core.types import PathLike
from lite_ensam.engines.backend import ENGINES, WEIGHTS, Backend, Engine, WeightsManifest
from lite_ensam.engines.openvino_runtime import check_openvino

MAX_THREADS = 1024

_LOADING = ProcessLock()
"""Threads that come while an engine is being loaded wait for it, instead of loading another."""


def check_engine(engine: Engine) -> None:
    """Raise ArgumentError for an unknown engine, EngineError for one that cannot run here.

    Parameters
    ----------
    engine : Engine
        As `load_backend`.
    """
    if engine not in ENGINES:
        raise ArgumentError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    if engine == "openvino":
        check_openvino()


def check_threads(threads: int | None) -> None:
    """Raise ArgumentError unless the value is a number of threads.

    Parameters
    ----------
    threads : int or None
        Whole number from 1 to MAX_THREADS; None takes all.
    """
    if threads is not None and not (is_whole(threads) and 1 <= threads <= MAX_THREADS):
        raise ArgumentError(f"threads must be a whole number from 1 to {MAX_THREADS}, got {brief(threads)}")


def shared_backend(engine: Engine, threads: int | None, manifest: WeightsManifest) -> Backend:
    """Load an engine as `load_backend` does and keep it for later calls.

    Parameters
    ----------
    engine : Engine
        "openvino" or "torch".
    threads : int or None
        CPU threads; None takes all.
    manifest : WeightsManifest
        The weights.

    Returns
    -------
    Backend
        The engine; later calls with the same arguments return the same one.
    """
    check_engine(engine)
    check_threads(threads)
    with _LOADING:
        return _kept_backend(engine, None if threads is None else int(threads), manifest)


def load_backend(
    engine: Engine, threads: int | None = None, weights: PathLike | WeightsManifest = WEIGHTS
) -> Backend:
    """Load an engine and the weights of a folder.

    Parameters
    ----------
    engine : Engine
        "openvino" (fast, the default) or "torch" (the reference; needs the extra `torch`).
    threads : int or None, default None
        CPU threads; None takes all that affinity and control groups grant.
    weights : PathLike or WeightsManifest, default WEIGHTS
        Folder with manifest.json, lite_ensam.xml/.bin and lite_ensam.safetensors, or its manifest.

    Returns
    -------
    Backend
        The engine.

    Raises
    ------
    ArgumentError
        Unknown engine, or a bad number of threads.
    EngineError
        An engine that cannot run in this process, or weights that are missing or damaged.
    MissingExtraError
        If the engine's package is not installed.
    """
    check_engine(engine)
    check_threads(threads)
    threads = None if threads is None else int(threads)
    manifest = weights if isinstance(weights, WeightsManifest) else WeightsManifest.read(weights)
    if engine == "openvino":
        from lite_ensam.engines.openvino_backend import OpenVinoBackend

        return OpenVinoBackend(manifest, threads)
    from lite_ensam.engines.torch_backend import TorchBackend

    return TorchBackend(manifest, threads)


_kept_backend = lru_cache(maxsize=2)(load_backend)
