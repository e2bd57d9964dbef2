"""The reference engine: the network as it was trained, in PyTorch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.errors import EngineError, MissingExtraError
from lite_ensam.engines.backend import Engine, WeightsManifest
from lite_ensam.engines.forks import loaded_before_fork

try:
    import torch

    from lite_ensam.model.checkpoint import file_hash, load_weights
except ModuleNotFoundError as error:
    raise MissingExtraError(
        f"the torch engine needs {error.name}, which is not installed: pip install 'lite-ensam[torch]'"
    ) from error


_ALL_THREADS = min(torch.get_num_threads(), _kernels.usable_cpus())
"""Threads that torch takes by default, which ignores control groups; the number is the process's, not the backend's."""


class TorchBackend:
    """Runs `lite_ensam.safetensors` of a weights folder in float32."""

    name: Engine = "torch"

    def __init__(self, manifest: WeightsManifest, threads: int | None = None) -> None:
        self.manifest = manifest
        self._threads = threads or _ALL_THREADS
        source = manifest.folder / "lite_ensam.safetensors"
        self.model = load_weights(source).model
        if file_hash(source) != manifest.weights_sha256:
            raise EngineError(f"weights: {source} is damaged, or not the manifest's")

    def warm_up(self, patch_shape_zyx: tuple[int, int, int]) -> None:
        """Nothing: torch takes any shape as it comes."""

    @torch.inference_mode()
    def logits(self, values: NDArray[np.float32], endpoints_zyx: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits float32 (n, z, y, x) of lines (n, 2, 3) in patches (n, c, z, y, x), or all in one."""
        torch.set_num_threads(1 if loaded_before_fork("torch") else self._threads)
        patches, ends = torch.from_numpy(values), torch.from_numpy(endpoints_zyx)
        if len(patches) > 1:
            return np.ascontiguousarray(self.model(patches, ends)[:, 0].numpy())
        image_rotations, lines = self.model.position(tuple(patches.shape[2:]), ends)  # type: ignore[arg-type]
        levels = self.model.image_encoder(patches)
        # one line after the other: each takes as much memory as the patch
        decoded = [self.model.decode(levels, image_rotations, line[None])[0, 0].numpy() for line in lines]
        return np.stack(decoded)
