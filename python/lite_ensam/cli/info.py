"""`lite-ensam info`: what is installed, and where the weights come from."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer

PACKAGES = ("numpy", "openvino", "torch", "scipy", "pydicom")


def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON to stdout")] = False,
) -> None:
    """Show versions, packages and the record of the weights."""
    facts = gather()
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {item}" for key, item in value.items())
        typer.echo(f"{name:12} {value}")


def gather() -> dict[str, Any]:
    """Everything `info` prints, JSON-ready."""
    from lite_ensam import _kernels
    from lite_ensam.core.about import DISCLAIMER
    from lite_ensam.engines.backend import WEIGHTS, WeightsManifest

    manifest = WeightsManifest.read(WEIGHTS)
    return {
        "lite-ensam": f"{_kernels.__version__} (kernels: {_kernels.build_profile} build)",
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "packages": {name: _version(name) for name in PACKAGES},
        "weights": manifest.weights_sha256,
        "trained": trained(manifest.record),
        "patch": f"{manifest.patch.side_voxels}^3 voxels, side {manifest.patch.side_factor} lines",
        "use": DISCLAIMER,
    }


def trained(record: Mapping[str, Any]) -> dict[str, Any]:
    """Number of training steps, and the commit if the record states one; remarks on it stay in the manifest."""
    before = sum(leg.get("step", 0) for leg in record.get("started_from", ()))
    facts = {"steps": before + record.get("step", 0)}
    commit = record.get("commit")  # training from an installed wheel knows none
    return facts | {"commit": str(commit).split()[0]} if commit else facts


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
