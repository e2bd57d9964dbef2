"""Export trained weights to the folder that inference reads: safetensors, OpenVINO graph, manifest."""

from __future__ import annotations

import copy
import json
import logging
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lite_ensam.core.errors import OutputError, printable
from lite_ensam.engines.backend import GRAPHS, graph_files, graph_hash, graph_names
from lite_ensam.engines.openvino_runtime import import_openvino
from lite_ensam.io import atomic_write, make_folder
from lite_ensam.io.atomic import check_overwrite, translate_output_errors
from lite_ensam.io.outputs import refuse_inputs
from lite_ensam.model.blocks import InstanceNorm
from lite_ensam.model.checkpoint import Weights, file_hash, load_weights
from lite_ensam.model.lite_ensam import LiteEnsam

SAFETENSORS, MANIFEST = "lite_ensam.safetensors", "manifest.json"

OPSET = 18
EXAMPLE_CELLS = (3, 4, 5)
"""Bottleneck's sides of the patch the graph is traced with; all different, so that no axis is taken for another."""


class _Whole(nn.Module):
    """The network after the rotations, in one piece: a lesion crop has one line."""

    def __init__(self, model: LiteEnsam) -> None:
        super().__init__()
        self.model = model

    def forward(self, patch: Tensor, image_rotations: Tensor, token_rotations: Tensor) -> Tensor:
        return self.model.decode(self.model.image_encoder(patch), image_rotations, token_rotations)


class _Decoder(nn.Module):
    """The part that runs once for each line of a joint crop; its image encoder is run once."""

    def __init__(self, model: LiteEnsam) -> None:
        super().__init__()
        self.model = model

    def forward(self, levels: list[Tensor], image_rotations: Tensor, token_rotations: Tensor) -> Tensor:
        return self.model.decode(levels, image_rotations, token_rotations)


def export_onnx(weights: Weights, folder: Path) -> None:
    """Write the ONNX graphs `graph_names` of the weights' crop, with free batch size and sides.

    "lite_ensam" takes `patch` (b, c, z, y, x), `image_rotations` (1, n, d, d) and `token_rotations` (b, 2, d, d), and
    gives `logits` (b, 1, z, y, x). In two pieces, "encoder" takes the patch and gives `level_0` .. (b, f, z, y, x),
    full resolution first, which "decoder" takes with the rotations.

    Parameters
    ----------
    weights : Weights
        The network and its record.
    folder : Path
        Folder of the ONNX files.
    """
    model = weights.model.eval()
    joint = weights.patch.crop == "joint"
    if joint:
        model = _with_exact_norms(model)
    z, y, x = (side * model.config.stride for side in EXAMPLE_CELLS)
    patch = torch.rand(2, model.config.in_channels, z, y, x)
    with torch.no_grad():
        turns = model.position((z, y, x), torch.rand(2, 2, 3) * 20)
        levels = model.image_encoder(patch)
    free = torch.export.Dim.DYNAMIC
    image = dict.fromkeys((0, 2, 3, 4), free)
    rotations = {"image_rotations": {1: free}, "token_rotations": {0: free}}
    if not joint:
        shapes = {"patch": image, **rotations}
        _export(_Whole(model), (patch, *turns), shapes, list(shapes), ["logits"], folder / "lite_ensam.onnx")
        return
    names = [f"level_{number}" for number in range(len(levels))]
    _export(model.image_encoder, (patch,), {"patch": image}, ["patch"], names, folder / "encoder.onnx")
    parts: dict[str, Any] = {"levels": [image] * len(levels), **rotations}
    _export(
        _Decoder(model), (levels, *turns), parts, [*names, *rotations], ["logits"], folder / "decoder.onnx"
    )


def _export(
    graph: nn.Module,
    example: tuple[Any, ...],
    free_sides: dict[str, Any],
    inputs: list[str],
    outputs: list[str],
    path: Path,
) -> None:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.onnx.export(
            graph,
            example,
            dynamo=True,
            verbose=False,
            dynamic_shapes=free_sides,
            input_names=inputs,
            output_names=outputs,
            opset_version=OPSET,
        )
    if program is None:
        raise RuntimeError("torch exported nothing")
    program.save(str(path))


def _with_exact_norms(model: LiteEnsam) -> LiteEnsam:
    """A copy that normalises large patches exactly: OpenVINO's own normalisation (2026.4) adds all voxels up in turn.

    On the paper's boxes of up to 128^3 voxels its logits were wrong by 0.03, on lesion crops of 48^3 they are not.
    """
    model = copy.deepcopy(model)
    deepest = len(model.config.blocks) - 1
    for level, blocks in enumerate([*model.image_encoder.levels, *model.mask_decoder.stages]):
        for norm in blocks.modules():
            if isinstance(norm, InstanceNorm):
                # the decoder's stages follow, from the level above the bottleneck up
                norm.window = 2 ** (deepest - level if level <= deepest else level - deepest)
    return model


def check_target(folder: Path, source: Path, overwrite: bool) -> None:
    """OutputError if weights cannot go into a folder, or would replace what they are made of; before long work."""
    check_overwrite(overwrite)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"cannot make the folder {printable(folder)}: a file of this name is there")
    graphs = [name for names in GRAPHS.values() for name in graph_files(names)]
    refuse_inputs([folder / name for name in (*graphs, SAFETENSORS, MANIFEST)], [source])
    with translate_output_errors(folder):
        is_filled = folder.is_dir() and any(folder.iterdir())
    if is_filled and not overwrite:
        raise OutputError(
            f"{printable(folder)} is not empty; choose a new folder. Files of an earlier export are replaced only with "
            "overwrite=True"
        )


def export_weights(source: Path, folder: Path, overwrite: bool = False) -> None:
    """Write safetensors, OpenVINO graph and manifest of trained weights into a folder.

    The graph's constants are kept in the precision of the safetensors file: both engines then compute with the same
    numbers.

    Parameters
    ----------
    source : Path
        A safetensors file written by training.
    folder : Path
        Made if missing.
    overwrite : bool, default False
        Whether the folder may hold files. Those of an earlier export are replaced, others stay as they are.

    Raises
    ------
    EngineError
        If the source is missing or no weights file of this package.
    OutputError
        If the folder is not empty and `overwrite` is False, a file cannot be written, or one would replace the
        source.
    """
    check_target(folder, source, overwrite)
    weights = load_weights(source)
    model = weights.model
    with tempfile.TemporaryDirectory() as unfinished:
        parts = Path(unfinished)
        export_onnx(weights, parts)
        openvino = import_openvino()
        graphs = graph_names(weights.patch)
        for name in graphs:
            openvino.save_model(
                openvino.convert_model(parts / f"{name}.onnx"),
                parts / f"{name}.xml",
                compress_to_fp16=weights.half,
            )
        shutil.copyfile(source, parts / SAFETENSORS)
        manifest = {
            "patch": weights.patch.to_dict(),
            "stride": model.config.stride,
            "generators": np.asarray(
                model.rotations.generators.detach().unflatten(0, (3, -1)), dtype=np.float64
            ).tolist(),
            "weights_sha256": file_hash(source),
            "graph_sha256": graph_hash(parts, graphs),
            "model": model.config.to_dict(),
            "record": weights.record,
        }
        (parts / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
        make_folder(folder)
        # the manifest, which knows the others by hash, comes last
        for name in (*graph_files(graphs), SAFETENSORS, MANIFEST):
            with open(parts / name, "rb") as part, atomic_write(folder / name, overwrite=True) as file:
                shutil.copyfileobj(part, file)
