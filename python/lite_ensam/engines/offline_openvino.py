"""OpenVINO without its usage reports: nothing that happens to a scan is told to anybody."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_TELEMETRY = "openvino_telemetry"
_CONVERTER = "openvino.tools.ovc"


def import_openvino() -> ModuleType:
    """The `openvino` package, imported so that it sends no telemetry.

    Importing it reports the import to a web service, from a thread that can hold the process back where there is
    no network, and keeps counters in the home folder. It does without where its telemetry package is not installed,
    so for the time of the import that package is hidden. So is the converter, half of the import's time: it comes
    when `convert_model` is first asked for.
    """
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    with _hidden(_TELEMETRY, _CONVERTER):
        import openvino
    if not hasattr(openvino, "convert_model"):
        openvino.__getattr__ = _converter  # type: ignore[attr-defined]
    return openvino  # type: ignore[no-any-return]


def _converter(name: str) -> Any:
    """What the package lacks since its converter was hidden."""
    if name != "convert_model":
        raise AttributeError(f"module 'openvino' has no attribute {name!r}")
    with _hidden(_TELEMETRY):
        from openvino.tools.ovc import convert_model
    return convert_model


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Packages that are not loaded yet look as if they were not installed."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
