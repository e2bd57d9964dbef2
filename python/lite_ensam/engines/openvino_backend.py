"""The default engine: the exported graph on OpenVINO's CPU plugin, without torch."""

from __future__ import annotations

import os
from contextlib import suppress
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import EngineError
from lite_ensam.engines import graph_cache as model_cache
from lite_ensam.engines import lie_rotations as rotations
from lite_ensam.engines.backend import Engine, WeightsManifest, graph_hash
from lite_ensam.engines.offline_openvino import import_openvino


class OpenVinoBackend:
    """Runs `lite_ensam.xml` of a weights folder in float32.

    A graph is compiled once for each shape of patches and kept, for later processes too (`model_cache`); lesion
    crops have one shape only. Threads may share it: they take turns, since one run keeps all cores busy anyway.
    """

    name: Engine = "openvino"

    def __init__(self, manifest: WeightsManifest, threads: int | None = None) -> None:
        self.manifest = manifest
        if graph_hash(manifest.folder) != manifest.graph_sha256:
            raise EngineError(f"weights: the graph in {manifest.folder} is damaged, or not the manifest's")
        self._options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        if threads is not None:
            self._options["INFERENCE_NUM_THREADS"] = threads
        self._openvino = import_openvino()
        self._core = self._openvino.Core()
        self._turn = Lock()
        self._requests: dict[tuple[int, ...], Any] = {}
        self._grids: dict[tuple[int, ...], NDArray[np.float32]] = {}

    def warm_up(self, patch_shape_zyx: tuple[int, int, int]) -> None:
        """Compile the graph for one patch of this shape, or load it compiled."""
        n_channels = len(self.manifest.patch.channels)
        nothing = np.broadcast_to(np.float32(0), (1, n_channels, *patch_shape_zyx))
        with self._turn:
            self._request(self._feeds(nothing, np.zeros((1, 2, 3), np.float32)))

    def logits(self, values: NDArray[np.float32], endpoints_zyx: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits float32 (b, z, y, x) of patches (b, c, z, y, x) in [0, 1] with lines (b, 2, 3)."""
        with self._turn:
            feeds = self._feeds(values, endpoints_zyx)
            request = self._request(feeds)
            request.infer(feeds)
            # a copy: the request's own memory is written again by the next call
            return np.array(request.get_output_tensor().data[:, 0])

    def _feeds(
        self, values: NDArray[np.float32], endpoints_zyx: NDArray[np.float32]
    ) -> dict[str, NDArray[np.float32]]:
        shape = values.shape[2:]
        points = rotations.point_positions(endpoints_zyx, shape).reshape(-1, 3)
        turns = rotations.rotations(self.manifest.generators, points)
        return {
            "patch": values,
            "image_rotations": self._grid(shape),
            "token_rotations": turns.reshape(*endpoints_zyx.shape[:2], *turns.shape[1:]),
        }

    def _grid(self, shape_zyx: tuple[int, ...]) -> NDArray[np.float32]:
        """Rotations of the bottleneck's cells, (1, n, d, d)."""
        if shape_zyx not in self._grids:
            z, y, x = (side // self.manifest.stride for side in shape_zyx)
            positions = rotations.grid_positions((z, y, x))
            self._grids[shape_zyx] = rotations.rotations(self.manifest.generators, positions)[None]
        return self._grids[shape_zyx]

    def _request(self, feeds: dict[str, NDArray[np.float32]]) -> Any:
        shape = feeds["patch"].shape
        if shape not in self._requests:
            shapes = {name: list(value.shape) for name, value in feeds.items()}
            try:
                self._requests[shape] = self._compiled(shapes).create_infer_request()
            except RuntimeError as error:
                raise EngineError(
                    f"openvino cannot prepare the network for patches {shape}: {error}"
                ) from error
        return self._requests[shape]

    def _compiled(self, shapes: dict[str, list[int]]) -> Any:
        """The graph compiled for these shapes, out of the user's cache if it is there."""
        machine = self._core.get_property("CPU", "FULL_DEVICE_NAME"), os.cpu_count()
        version = self._openvino.get_version()
        key = model_cache.key_of((self.manifest.graph_sha256, shapes, self._options, version, *machine))
        kept = model_cache.read(key)
        if kept is not None:
            with suppress(RuntimeError):
                return self._core.import_model(kept, "CPU", self._options)
        try:
            graph = self._core.read_model(self.manifest.folder / "lite_ensam.xml")
        except RuntimeError as error:
            raise EngineError(
                f"weights: openvino cannot read {self.manifest.folder / 'lite_ensam.xml'}: {error}"
            ) from error
        graph.reshape(shapes)
        compiled = self._core.compile_model(graph, "CPU", self._options)
        model_cache.write(key, compiled.export_model().getvalue())
        return compiled
