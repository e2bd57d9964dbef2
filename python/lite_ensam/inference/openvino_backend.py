"""The default engine: the exported graph on OpenVINO's CPU plugin, without torch."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.errors import EngineError
from lite_ensam.inference import rotations
from lite_ensam.inference.backend import Engine, Manifest, graph_hash
from lite_ensam.inference.offline_openvino import import_openvino


class OpenVinoBackend:
    """Runs `lite_ensam.xml` of a weights folder in float32.

    A graph is compiled once for each shape of patches and kept; lesion crops have one shape only.
    Threads may share it: they take turns, since one run keeps all cores busy anyway.
    """

    name: Engine = "openvino"

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        self.manifest = Manifest.read(folder)
        if graph_hash(folder) != self.manifest.graph_sha256:
            raise EngineError(f"weights: the graph in {folder} is damaged, or not the manifest's")
        self._options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        if threads is not None:
            self._options["INFERENCE_NUM_THREADS"] = threads
        self._core = import_openvino().Core()
        try:
            self._graph = self._core.read_model(folder / "lite_ensam.xml")
        except RuntimeError as error:
            raise EngineError(
                f"weights: openvino cannot read {folder / 'lite_ensam.xml'}: {error}"
            ) from error
        self._turn = Lock()
        self._compiled: dict[tuple[int, ...], Any] = {}
        self._grids: dict[tuple[int, ...], NDArray[np.float32]] = {}

    def logits(self, values: NDArray[np.float32], endpoints_zyx: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits float32 (b, z, y, x) of patches (b, c, z, y, x) in [0, 1] with lines (b, 2, 3)."""
        shape = values.shape[2:]
        turns = rotations.rotations(
            self.manifest.generators, rotations.point_positions(endpoints_zyx, shape).reshape(-1, 3)
        )
        with self._turn:
            feeds = {
                "patch": values,
                "image_rotations": self._grid(shape),
                "token_rotations": turns.reshape(*endpoints_zyx.shape[:2], *turns.shape[1:]),
            }
            request = self._request(values.shape, feeds)
            request.infer(feeds)
            # a copy: the request's own memory is written again by the next call
            return np.array(request.get_output_tensor().data[:, 0])

    def _grid(self, shape_zyx: tuple[int, ...]) -> NDArray[np.float32]:
        """Rotations of the bottleneck's cells, (1, n, d, d)."""
        if shape_zyx not in self._grids:
            z, y, x = (side // self.manifest.stride for side in shape_zyx)
            positions = rotations.grid_positions((z, y, x))
            self._grids[shape_zyx] = rotations.rotations(self.manifest.generators, positions)[None]
        return self._grids[shape_zyx]

    def _request(self, shape: tuple[int, ...], feeds: dict[str, NDArray[np.float32]]) -> Any:
        if shape not in self._compiled:
            graph = self._graph.clone()
            graph.reshape({name: list(value.shape) for name, value in feeds.items()})
            try:
                compiled = self._core.compile_model(graph, "CPU", self._options)
            except RuntimeError as error:
                raise EngineError(
                    f"openvino cannot prepare the network for patches {shape}: {error}"
                ) from error
            self._compiled[shape] = compiled.create_infer_request()
        return self._compiled[shape]
