"""How a viewer runs the network: the options of `lite_ensam.segment`, from Python, the command line and the panel."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from lite_ensam.core.errors import ArgumentError, brief
from lite_ensam.core.patch_config import Crop
from lite_ensam.engines import ENGINES, Engine, WeightsManifest, check_engine, check_threads, shipped_weights
from lite_ensam.segmentation import BORDERS, CROPS, Border
from lite_ensam.segmentation.predictor import check_choices
from lite_ensam.segmentation.repeatability import check_repeats

__all__ = ["CHOICES", "RunOptions"]

CHOICES: Mapping[str, tuple[str, ...]] = {"border": BORDERS, "crop": CROPS, "engine": ENGINES}
"""Options that are one of some words."""

MOST_REPEATS = 1000
"""As the command line takes."""


@dataclass(frozen=True)
class RunOptions:
    """Options of `lite_ensam.segment`, under its names; they are right once they are made.

    Parameters
    ----------
    engine : Engine, default "openvino"
        See `lite_ensam.segment`.
    threads : int or None, default None
        See `lite_ensam.segment`.
    crop : Crop or None, default None
        See `lite_ensam.segment`.
    window : tuple[float, float] or None, default None
        See `lite_ensam.segment`.
    mirror : bool, default False
        See `lite_ensam.segment`.
    border : Border, default "readers"
        See `lite_ensam.segment`.
    n_repeats : int, default 0
        See `lite_ensam.segment`.
    weights : str, default ""
        Folder of the weights, as text; an empty text takes the released weights.

    Raises
    ------
    LiteEnsamError
        As `lite_ensam.segment`, before any network is loaded.
    """

    engine: Engine = "openvino"
    threads: int | None = None
    crop: Crop | None = None
    window: tuple[float, float] | None = None
    mirror: bool = False
    border: Border = "readers"
    n_repeats: int = 0
    weights: str = ""

    def __post_init__(self) -> None:
        check_engine(self.engine)
        check_threads(self.threads)
        object.__setattr__(self, "threads", None if self.threads is None else int(self.threads))
        check_choices(self.crop, self.window, self.border)
        if self.n_repeats:
            check_repeats(self.n_repeats)
            object.__setattr__(self, "n_repeats", int(self.n_repeats))
        object.__setattr__(self, "weights", os.fspath(self.weights))
        if self.window is not None:
            low, high = self.window
            object.__setattr__(self, "window", (float(low), float(high)))
        if self.weights:
            self.read_manifest()

    def read_manifest(self) -> WeightsManifest:
        """The manifest of the weights; EngineError if they are not there."""
        return WeightsManifest.read(self.weights or shipped_weights(self.crop))

    @property
    def is_joint(self) -> bool:
        """Whether one crop is cut for all lines, so that each line changes the others' masks."""
        if self.crop is None and self.weights:
            return self.read_manifest().patch.crop == "joint"
        return self.crop == "joint"

    def as_json(self) -> dict[str, Any]:
        """For the browser."""
        return asdict(self) | {"window": None if self.window is None else list(self.window)}

    @classmethod
    def from_json(cls, value: Any) -> RunOptions:
        """Options as a browser sends them: names and values, those that are left out as they are by default.

        Raises
        ------
        LiteEnsamError
            If a name is not known or a value is wrong.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(value, Mapping) or not set(value) <= set(names):
            raise ArgumentError(f"options may be {', '.join(names)}, got {brief(value)}")
        for name in CHOICES.keys() & value.keys():
            if not isinstance(value[name], str | None):
                raise ArgumentError(
                    f"{name} must be one of {', '.join(CHOICES[name])}, got {brief(value[name])}"
                )
        for name, kind in (("mirror", bool), ("weights", str), ("n_repeats", int)):
            if not isinstance(value.get(name, kind()), kind):
                raise ArgumentError(f"{name} must be of type {kind.__name__}, got {brief(value[name])}")
        if value.get("n_repeats", 0) > MOST_REPEATS:
            raise ArgumentError(f"n_repeats must be at most {MOST_REPEATS}, got {brief(value['n_repeats'])}")
        return replace(cls(), **value)
