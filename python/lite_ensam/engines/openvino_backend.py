"""The default engine: the exported graph on OpenVINO's CPU plugin, without torch."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from threading import Lock
from typing import Any, TypeAlias
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.errors import EngineError
from lite_ensam.engines import graph_cache
from lite_ensam.engines import lie_rotations as rotations
from lite_ensam.engines.backend import Engine, WeightsManifest, graph_hash, graph_names
from lite_ensam.engines.openvino_runtime import check_openvino, import_openvino

_Arrays: TypeAlias = dict[str, NDArray[np.float32]]


class OpenVinoBackend:
    """Runs the graphs of a weights folder in float32.

    A graph is compiled once for each shape of patches and kept, for later processes too (`graph_cache`); lesion
    crops have one shape only. Of a joint crop the encoder is run once, and the decoder for each line. Threads may share
    it: they take turns, since one run keeps all cores busy anyway.
    OpenVINO starts with the first run, so a process may load this and then fork workers.
    """

    name: Engine = "openvino"

    def __init__(self, manifest: WeightsManifest, threads: int | None = None) -> None:
        self.manifest = manifest
        self._graphs = graph_names(manifest.patch)
        if graph_hash(manifest.folder, self._graphs) != manifest.graph_sha256:
            raise EngineError(f"weights: the graph in {manifest.folder} is damaged, or not the manifest's")
        self._options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        threads = threads or _quota()
        if threads is not None:
            self._options["INFERENCE_NUM_THREADS"] = threads
        self._core: Any = None
        self._turn = Lock()
        self._requests: dict[tuple[object, ...], Any] = {}
        self._grids: dict[tuple[int, ...], NDArray[np.float32]] = {}
        _BACKENDS.add(self)

    def warm_up(self, patch_shape_zyx: tuple[int, int, int]) -> None:
        """Compile the graph for one patch of this shape, or load it compiled."""
        n_channels = len(self.manifest.patch.channels)
        nothing = np.broadcast_to(np.float32(0), (1, n_channels, *patch_shape_zyx))
        check_openvino()
        with self._turn:
            feeds: _Arrays = {"patch": nothing}
            if len(self._graphs) == 1:
                feeds |= self._rotations(patch_shape_zyx, np.zeros((1, 2, 3), np.float32))
            self._request(self._graphs[0], feeds)

    def logits(self, values: NDArray[np.float32], endpoints_zyx: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits float32 (n, z, y, x) of lines (n, 2, 3) in patches (n, c, z, y, x), or all in one."""
        check_openvino()  # before the lock, which a thread of the parent may have held
        with self._turn:
            *encoders, last = self._graphs
            inputs = {"patch": values}
            for graph in encoders:
                inputs = self._run(graph, inputs)
            lines = [endpoints_zyx] if len(values) == len(endpoints_zyx) else list(endpoints_zyx[:, None])
            decoded = [
                self._run(last, inputs | self._rotations(values.shape[2:], line))["logits"] for line in lines
            ]
            return np.concatenate(decoded)[:, 0]

    def _run(self, graph: str, feeds: _Arrays) -> _Arrays:
        """Outputs of a graph by name; copies, since the next run writes over the engine's own memory."""
        request = self._request(graph, feeds)
        request.infer(feeds)
        return {port.any_name: np.array(request.get_tensor(port).data) for port in request.model_outputs}

    def _rotations(self, shape_zyx: tuple[int, ...], endpoints_zyx: NDArray[np.float32]) -> _Arrays:
        points = rotations.point_positions(endpoints_zyx, shape_zyx).reshape(-1, 3)
        turns = rotations.rotations(self.manifest.generators, points)
        return {
            "image_rotations": self._grid(shape_zyx),
            "token_rotations": turns.reshape(*endpoints_zyx.shape[:2], *turns.shape[1:]),
        }

    def _grid(self, shape_zyx: tuple[int, ...]) -> NDArray[np.float32]:
        """Rotations of the bottleneck's cells, (1, n, d, d)."""
        if shape_zyx not in self._grids:
            z, y, x = (side // self.manifest.stride for side in shape_zyx)
            positions = rotations.grid_positions((z, y, x))
            self._grids[shape_zyx] = rotations.rotations(self.manifest.generators, positions)[None]
        return self._grids[shape_zyx]

    def _request(self, graph: str, feeds: _Arrays) -> Any:
        shapes = {name: list(value.shape) for name, value in feeds.items()}
        key = graph, *map(tuple, shapes.values())
        if key not in self._requests:
            try:
                self._requests[key] = self._compiled(graph, shapes).create_infer_request()
            except RuntimeError as error:
                raise EngineError(f"openvino cannot prepare the {graph} for {shapes}: {error}") from error
        return self._requests[key]

    def _compiled(self, graph: str, shapes: dict[str, list[int]]) -> Any:
        """A graph compiled for these shapes, out of the user's cache if it is there."""
        openvino = import_openvino()
        self._core = self._core or openvino.Core()
        machine = self._core.get_property("CPU", "FULL_DEVICE_NAME"), _kernels.usable_cpus()
        version = openvino.get_version()
        key = graph_cache.key_of(
            (self.manifest.graph_sha256, graph, shapes, self._options, version, *machine)
        )
        kept = graph_cache.read(key)
        if kept is not None:
            with suppress(RuntimeError):
                compiled = self._core.import_model(kept, "CPU", self._options)
                if {port.any_name: list(port.shape) for port in compiled.inputs} == shapes:
                    return compiled
        path = self.manifest.folder / f"{graph}.xml"
        try:
            model = self._core.read_model(path)
        except RuntimeError as error:
            raise EngineError(f"weights: openvino cannot read {path}: {error}") from error
        model.reshape(shapes)
        compiled = self._core.compile_model(model, "CPU", self._options)
        graph_cache.write(key, compiled.export_model().getvalue())
        return compiled


def _quota() -> int | None:
    """CPUs that a control group's quota grants, if fewer than OpenVINO sees, which knows of affinity only."""
    seen = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    usable = _kernels.usable_cpus()
    return usable if usable < (seen or 1) else None


_BACKENDS: WeakSet[OpenVinoBackend] = WeakSet()


def _never_take_down() -> None:
    """In a forked child: destroying an engine, at the latest at its end, would wait for the parent's threads."""
    for backend in _BACKENDS:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(backend))


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_never_take_down)
