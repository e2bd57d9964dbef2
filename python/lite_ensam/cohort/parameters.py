"""Tasks for workers and their results, as plain data."""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

import numpy as np

from lite_ensam import _kernels
from lite_ensam.cohort.manifest import CohortCase
from lite_ensam.core.case import check_hu
from lite_ensam.core.errors import ArgumentError, brief
from lite_ensam.core.number_kinds import is_real, is_whole
from lite_ensam.core.patch_config import Crop
from lite_ensam.engines.backend import ENGINES, Engine, WeightsManifest, shipped_weights
from lite_ensam.engines.loading import check_threads
from lite_ensam.segmentation.edge_refinement import Border
from lite_ensam.segmentation.predictor import check_choices, checked_threshold

__all__ = ["Limits", "Outcome", "Parameters", "Task"]


@dataclass(frozen=True)
class Parameters:
    """Parameters of `segment` that, with the inputs, determine the result of a case.

    Parameters
    ----------
    engine : Engine, default "openvino"
        "openvino" or "torch".
    crop : Crop or None, default None
        "lesion" or "joint"; None takes the crop that the weights were trained on.
    mirror : bool, default False
        Whether to average each patch's logits with those of its mirror image.
    border : Border, default "readers"
        "readers" or "edge".
    window : tuple[float, float] or None, default None
        Lowest and highest HU that the network sees; None takes the weights' own.
    hu : bool or None, default None
        True for Hounsfield units, False for a windowed scan, None to decide by the values.
    threshold : float, default 0.0
        Logit above which a voxel is tumour.
    threads : int, default 1
        Threads of the engine. It belongs here because the last bits of its sums depend on it.
    weights : str, default ""
        Folder of weights made by `lite-ensam export`, the same path on every machine; empty takes the
        released ones.

    Raises
    ------
    ArgumentError
        If a value is one that `segment` does not take.
    """

    engine: Engine = "openvino"
    crop: Crop | None = None
    mirror: bool = False
    border: Border = "readers"
    window: tuple[float, float] | None = None
    hu: bool | None = None
    threshold: float = 0.0
    threads: int = 1
    weights: str = ""

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise ArgumentError(f"engine must be one of {', '.join(ENGINES)}, got {brief(self.engine)}")
        check_choices(self.crop, self.window, self.border)
        check_hu(self.hu)
        if not isinstance(self.mirror, bool | np.bool_):
            raise ArgumentError(f"mirror must be True or False, got {brief(self.mirror)}")
        if self.threads is None:
            raise ArgumentError("threads must be a whole number, because results depend on it, got None")
        check_threads(self.threads)
        if not isinstance(self.weights, str | os.PathLike):
            raise ArgumentError(f"weights must be the path of a folder, got {brief(self.weights)}")
        window = None if self.window is None else tuple(map(float, self.window))
        plain = {  # JSON knows no numbers of NumPy, and records are compared with what was in JSON
            "mirror": bool(self.mirror), "hu": None if self.hu is None else bool(self.hu), "window": window,
            "threshold": checked_threshold(self.threshold), "threads": int(self.threads),
            "weights": os.fspath(self.weights),
        }  # fmt: skip
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    def identity(self, series: str = "", acquisition: str = "") -> str:
        """Hash the parameters, the content of the weights and the program's version (SHA-256).

        Parameters
        ----------
        series : str, default ""
            SeriesInstanceUID of a row, or an empty text.
        acquisition : str, default ""
            AcquisitionNumber of a row, or an empty text.

        Returns
        -------
        str
            64 hexadecimal digits; results with the same digits are equal.
        """
        facts = [self.to_dict() | {"weights": ""}, series, acquisition, *_program(self._weights)]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready parameters; the crop is the weights' own if no other was asked for.

        Returns
        -------
        dict[str, Any]
            Parameters by name.
        """
        return asdict(self) | {"crop": self.crop or self._weights.patch.crop}

    @property
    def _weights(self) -> WeightsManifest:
        return _manifest(self.weights or str(shipped_weights(self.crop)))


@dataclass(frozen=True)
class Limits:
    """Limits of one case.

    Parameters
    ----------
    seconds : float, default 600.0
        Seconds from its start in a worker to its record.
    memory_mb : float or None, default None
        Resident memory of the worker; None is what `plan_workers` finds.
    tries : int, default 3
        Attempts at reading and writing, if the operating system reports a failure.
    backoff_s : float, default 1.0
        Wait before the second try; it doubles each time.
    deaths : int, default 3
        Workers that may die of a case before it counts as failed.

    Raises
    ------
    ArgumentError
        If a value is not a number, or too small.
    """

    seconds: float = 600.0
    memory_mb: float | None = None
    tries: int = 3
    backoff_s: float = 1.0
    deaths: int = 3

    def __post_init__(self) -> None:
        for name in ("seconds", "memory_mb", "backoff_s"):
            value = getattr(self, name)
            if name == "memory_mb" and value is None:
                continue
            if (
                not is_real(value)
                or not math.isfinite(value)
                or value < 0
                or (value == 0 and name != "backoff_s")
            ):
                least = "0 or more" if name == "backoff_s" else "above 0"
                raise ArgumentError(f"{name} must be a number {least}, got {brief(value)}")
            object.__setattr__(self, name, float(value))
        for name in ("tries", "deaths"):
            value = getattr(self, name)
            if not is_whole(value) or value < 1:
                raise ArgumentError(f"{name} must be a whole number of at least 1, got {brief(value)}")
            object.__setattr__(self, name, int(value))


@dataclass(frozen=True)
class Task:
    """Everything a worker needs to know, as plain data.

    Parameters
    ----------
    row : CohortCase
        The case.
    folder : str
        Folder of the cohort; the same path on every machine.
    parameters : Parameters, optional
        What to do.
    limits : Limits, optional
        What it may take.
    """

    row: CohortCase
    folder: str
    parameters: Parameters = field(default_factory=Parameters)
    limits: Limits = field(default_factory=Limits)

    def to_json(self) -> str:
        """On one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Task:
        """Back again."""
        facts = json.loads(text)
        window = facts["parameters"].pop("window")
        parameters = Parameters(**facts["parameters"], window=tuple(window) if window else None)
        return cls(CohortCase(**facts["row"]), facts["folder"], parameters, Limits(**facts["limits"]))


@dataclass(frozen=True)
class Outcome:
    """A worker's message about a case; the rest is in the record.

    Parameters
    ----------
    case : str
        Its name.
    status : str
        "done", "failed", or "stop": neither the disk nor the installation lets the run go on.
    error : str, default ""
        One sentence, or empty.
    seconds : float, default 0.0
        Seconds that the case took.
    peak_mb : float or None, default None
        Peak memory of the worker so far, in MB.
    """

    case: str
    status: str
    error: str = ""
    seconds: float = 0.0
    peak_mb: float | None = None


_manifest = cache(WeightsManifest.read)


def _program(weights: WeightsManifest) -> tuple[str, ...]:
    """The parts of the program and its weights that determine the result."""
    errors = weights.held_out_errors
    calibrated = () if errors is None else (repr(errors),)
    return weights.weights_sha256, weights.graph_sha256, _kernels.__version__, *calibrated
