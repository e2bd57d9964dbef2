"""OpenVINO without its usage reports: nothing that happens to a scan is told to anybody."""

from __future__ import annotations

import sys
from types import ModuleType


def import_openvino() -> ModuleType:
    """The `openvino` package, imported so that it sends no telemetry.

    Importing it reports the import to a web service, from a thread that can hold the process back where there is
    no network, and keeps counters in the home folder. It does without where its telemetry package is not installed,
    so for the time of the import that package is hidden.
    """
    hidden = "openvino_telemetry" not in sys.modules
    if hidden:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        if hidden:
            del sys.modules["openvino_telemetry"]
    return openvino  # type: ignore[no-any-return]
