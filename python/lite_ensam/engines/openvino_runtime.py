"""OpenVINO, imported once a process and without its usage reports; not used where it would hang or be wrong.

It is imported when it is first needed, so that what forks before (a pool of workers, a server) may use it after.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from lite_ensam import _kernels
from lite_ensam.core.errors import EngineError
from lite_ensam.core.process_lock import ProcessLock
from lite_ensam.engines.forks import loaded_before_fork

_CONVERTER = "openvino.tools.ovc"
_TELEMETRY = "openvino_telemetry"
_IMPORTING = ProcessLock()
"""The first import hides packages from all threads, and takes a while: others wait for it."""


def check_openvino() -> None:
    """Raise EngineError where OpenVINO would hang or be wrong.

    In a process that was forked after OpenVINO had been loaded it would hang, in the first call or at the end
    (`engines.forks`). On x86 CPUs without AVX2 OpenVINO 2026.4 runs, but its logits are wrong by 11 on average, as
    measured under QEMU's Nehalem and Sandy Bridge; under its Haswell they are right.
    """
    if loaded_before_fork("openvino"):
        raise EngineError(
            "the OpenVINO engine cannot run in a process that was forked after OpenVINO had been loaded; start "
            'processes by multiprocessing.get_context("spawn"), or fork before the first call of segment'
        )
    if not _kernels.has_avx2():
        raise EngineError(
            "the OpenVINO engine needs a CPU with AVX2, without which its results are wrong, and this one has none; "
            "use another machine (a virtual one may hide AVX2 from its guests) or the torch engine (--engine torch)"
        )


def import_openvino() -> ModuleType:
    """The `openvino` package, imported so that it sends no telemetry.

    Importing it reports the import to a web service, from a thread that can hold the process back without a
    network, and keeps counters in the home folder. It does without where its telemetry package is not installed, so
    that package is hidden while it is imported. So is the converter, half of the import's time, which is imported
    when `openvino.convert_model` is first asked for.

    Raises
    ------
    EngineError
        As `check_openvino`.
    """
    check_openvino()
    with _IMPORTING:
        if "openvino" not in sys.modules:
            with _hidden(_TELEMETRY, _CONVERTER):
                import openvino
            openvino.__getattr__ = _converter  # type: ignore[attr-defined]
    return import_module("openvino")  # waits if another thread is importing it by itself


def _converter(name: str) -> Any:
    """The one attribute that `openvino` lacks without its converter."""
    if name != "convert_model":
        raise AttributeError(f"module 'openvino' has no attribute {name!r}")
    with _IMPORTING, _hidden(_TELEMETRY):
        from openvino.tools.ovc import convert_model
    return convert_model


@contextmanager
def _hidden(*packages: str) -> Iterator[None]:
    """Inside, packages that are not loaded yet cannot be imported: a None in `sys.modules` says so."""
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]
