"""The interface of engines: patch and line in, logits out."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import EngineError, brief
from lite_ensam.core.patch_config import Crop, PatchConfig
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import PathLike
from lite_ensam.io import write_text
from lite_ensam.measurements.confidence import HeldOutErrors

Engine = Literal["openvino", "torch"]
"""Name of an inference engine."""

ENGINES: tuple[Engine, ...] = ("openvino", "torch")
"""Names of all engines, the default first."""

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
"""Folder of the released weights for lesion crops."""
JOINT_WEIGHTS = WEIGHTS / "joint"
"""Folder of the released weights for the paper's joint crop."""

GRAPHS: dict[Crop, tuple[str, ...]] = {"lesion": ("lite_ensam",), "joint": ("encoder", "decoder")}
"""Exported graphs of weights for a crop: of a joint crop the encoder is run once, the decoder for each line."""


def shipped_weights(crop: Crop | None = None) -> Path:
    """Find the folder of the released weights for a crop.

    Parameters
    ----------
    crop : Crop or None, default None
        "lesion" or "joint"; None is "lesion".

    Returns
    -------
    Path
        The folder.
    """
    return JOINT_WEIGHTS if crop == "joint" else WEIGHTS


def graph_names(patch: PatchConfig) -> tuple[str, ...]:
    """Names of the graphs of weights with such patches."""
    return GRAPHS[patch.crop]


def graph_files(graphs: Sequence[str]) -> list[str]:
    """Files of exported graphs."""
    return [f"{graph}.{suffix}" for graph in graphs for suffix in ("xml", "bin")]


@with_short_repr
@dataclass(frozen=True, eq=False)
class WeightsManifest:
    """The record of exported weights, readable without torch.

    Parameters
    ----------
    patch : PatchConfig
        How patches are cut and filled.
    stride : int
        Patch sides must be multiples of this.
    generators : NDArray[np.float64]
        LieRE's raw generators (3, blocks, size, size).
    weights_sha256 : str
        Hash of the safetensors file the graph was exported from.
    graph_sha256 : str
        `graph_hash` of the exported graph.
    record : dict[str, Any]
        How the weights were trained.
    folder : Path
        Folder that holds the weights.
    held_out_errors : HeldOutErrors or None, default None
        Errors on patients that the weights were not trained on, or None where they were not measured.
    """

    patch: PatchConfig
    stride: int
    generators: NDArray[np.float64]
    weights_sha256: str
    graph_sha256: str
    record: dict[str, Any]
    folder: Path
    held_out_errors: HeldOutErrors | None = None

    @classmethod
    def read(cls, folder: PathLike = WEIGHTS) -> WeightsManifest:
        """Read `manifest.json` of a weights folder, as `export` makes it.

        Parameters
        ----------
        folder : PathLike, default WEIGHTS
            Folder with `manifest.json`.

        Returns
        -------
        WeightsManifest
            The manifest.
        """
        if not isinstance(folder, str | os.PathLike):
            raise EngineError(f"weights must be a folder made by `lite-ensam export`, got {brief(folder)}")
        folder = Path(folder)
        path = folder / "manifest.json"
        try:
            numbers = json.loads(path.read_text())
            errors = numbers.get("held_out_errors")
            return cls(
                patch=PatchConfig.from_dict(numbers["patch"]),
                stride=int(numbers["stride"]),
                generators=np.array(numbers["generators"], dtype=np.float64),
                weights_sha256=numbers["weights_sha256"],
                graph_sha256=numbers["graph_sha256"],
                record=numbers["record"],
                folder=folder,
                held_out_errors=None if errors is None else HeldOutErrors.from_dict(errors),
            )
        except (FileNotFoundError, NotADirectoryError):
            raise EngineError(
                f"weights: no such file {path}; weights are a folder made by `lite-ensam export`"
            ) from None
        except (OSError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise EngineError(f"weights: {path} is not a manifest of lite-ensam ({error})") from error

    def write_held_out_errors(self, errors: HeldOutErrors) -> None:
        """Write held-out errors into `manifest.json`, so that results have intervals; OutputError if that fails.

        Parameters
        ----------
        errors : HeldOutErrors
            Errors of these weights on patients that they were not trained on.
        """
        path = self.folder / "manifest.json"
        numbers = json.loads(path.read_text()) | {"held_out_errors": errors.to_dict()}
        write_text(path, json.dumps(numbers, indent=1) + "\n", overwrite=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WeightsManifest) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[object, ...]:
        return self.folder, self.graph_sha256, self.weights_sha256, repr(self.patch), self.held_out_errors

    def __post_init__(self) -> None:
        shape = self.generators.shape
        if self.stride < 1 or len(shape) != 4 or shape[0] != 3 or shape[2] != shape[3]:
            raise ValueError(f"stride {self.stride} or generators of shape {shape} make no sense")
        if self.patch.side_voxels % self.stride:
            raise ValueError(
                f"side_voxels {self.patch.side_voxels} is not a multiple of stride {self.stride}"
            )


def graph_hash(folder: Path, graphs: Sequence[str]) -> str:
    """SHA-256 over the files of exported graphs, hex; EngineError if one is missing."""
    whole = hashlib.sha256()
    for name in graph_files(graphs):
        try:
            whole.update((folder / name).read_bytes())
        except OSError as error:
            raise EngineError(f"weights: cannot read {folder / name} ({error.strerror})") from None
    return whole.hexdigest()


class Backend(Protocol):
    """An engine with weights loaded.

    Attributes
    ----------
    name : Engine
        Name of the engine.
    manifest : WeightsManifest
        Manifest of the weights.
    """

    name: Engine
    manifest: WeightsManifest

    def logits(self, values: NDArray[np.float32], endpoints_zyx: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network on lines, each in a patch of its own or all in one patch.

        Parameters
        ----------
        values : NDArray[np.float32]
            Patches (n, c, z, y, x) or (1, c, z, y, x), in [0, 1]; one patch is encoded once for all lines.
        endpoints_zyx : NDArray[np.float32]
            Ends of the lines (n, 2, 3), voxel indices in the patch.

        Returns
        -------
        NDArray[np.float32]
            Logits (n, z, y, x), float32; above 0 is tumour.
        """
        ...

    def warm_up(self, patch_shape_zyx: tuple[int, int, int]) -> None:
        """Prepare the engine for patches of a shape, so that the first call is as fast as later ones.

        Parameters
        ----------
        patch_shape_zyx : tuple[int, int, int]
            Shape of the patches.
        """
        ...
