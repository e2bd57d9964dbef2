"""The authors' checkpoint becomes weights with its own logits; what is no such file is refused in one sentence."""

from __future__ import annotations

import argparse
import copy
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lite_ensam.core.errors import EngineError, LiteEnsamError
from lite_ensam.core.patch_config import FLARE25
from lite_ensam.engines import load_backend
from lite_ensam.export import flare25_weights
from lite_ensam.model.checkpoint import load_weights, save_weights
from tests.authors_network import Authors, Kind, checkpoint_of, random_network, saved_checkpoint

SMALL = Kind(filters=4, blocks=(1, 1), head=4)
KINDS = [
    Kind(),
    Kind(blocks=(1, 1, 1, 1), batch_norm=False),
    Kind(blocks=(1, 1, 1, 1), block=16, types=1),
    Kind(blocks=(1, 2, 1, 1, 2), types=1, batch_norm=False),
    Kind(filters=16, blocks=(1, 1, 1, 1), block=16),
    Kind(filters=16, blocks=(1, 1, 1), head=32, block=4, batch_norm=False),
]
SHAPES = [(16, 16, 32), (16, 48, 32), (32, 16, 48)]
LARGER = [(32, 32, 64), (64, 32, 48)]
"""So that five levels end in more than two cells, which no float32 normalises well."""


def compare(
    network: Authors, compute: Any, tolerance: float = 1e-4, shapes: list[tuple[int, int, int]] = SHAPES
) -> None:
    """Logits over shapes and prompts: two lines at once, and one that reaches from corner to corner."""
    rng = np.random.default_rng(0)
    for shape in shapes:
        patch = rng.random((1, 1, *shape), dtype=np.float32)
        lines = (rng.random((2, 2, 3)) * shape).astype(np.float32)
        lines[1] = [[0, 0, 0], np.subtract(shape, 1)]
        with torch.inference_mode():
            expected = network(torch.from_numpy(patch), torch.from_numpy(lines))[:, 0].numpy()
        assert expected.std() > 0.05
        assert np.abs(expected[0] - expected[1]).max() > 5e-4
        found = np.concatenate([compute(patch, line[None]) for line in lines])
        np.testing.assert_allclose(found, expected, atol=tolerance, rtol=1e-5)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    saved_checkpoint(tmp_path / "small.pth", SMALL)
    return tmp_path / "small.pth"


def changed(path: Path, **tensors: Tensor | None) -> Path:
    """The small checkpoint with some tensors replaced, or taken out; `__` stands for dots."""
    content = checkpoint_of(random_network(SMALL))
    state = dict(content["model_state_dict"])
    for name, value in tensors.items():
        name = name.replace("__", ".")
        state = {n: v for n, v in state.items() if n != name} | ({} if value is None else {name: value})
    torch.save({**content, "model_state_dict": state}, path)
    return path


def test_their_network_is_stored_under_236_names() -> None:
    assert len(Authors(Kind()).state_dict()) == 236


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_logits_are_theirs_whatever_was_trained(kind: Kind, tmp_path: Path) -> None:
    network = saved_checkpoint(tmp_path / "theirs.pth", kind, seed=1)
    weights = flare25_weights(tmp_path / "theirs.pth")
    config = weights.model.config
    assert (config.filters, config.blocks, config.rotation_block) == (kind.filters, kind.blocks, kind.block)
    assert config.heads == kind.size // kind.head
    assert (config.decoder_norm, config.distinct_endpoints) == (
        "affine" if kind.batch_norm else "instance",
        kind.types == 2,
    )
    assert weights.patch.side_multiple == config.stride

    def ours(patch: np.ndarray, lines: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return weights.model(torch.from_numpy(patch), torch.from_numpy(lines))[:, 0].numpy()

    compare(network, ours, 1e-5)
    save_weights(tmp_path / "ours.safetensors", weights)
    back = load_weights(tmp_path / "ours.safetensors")
    assert (back.half, back.model.config, back.patch) == (False, config, weights.patch)
    for name, value in weights.model.state_dict().items():
        torch.testing.assert_close(back.model.state_dict()[name], value, rtol=0, atol=0)


@pytest.mark.parametrize(
    "kind", [Kind(), Kind(blocks=(1, 1, 1, 1, 1), block=16, batch_norm=False, types=1)], ids=repr
)
def test_both_engines_compute_their_logits(kind: Kind, tmp_path: Path) -> None:
    network = saved_checkpoint(tmp_path / "theirs.pth", kind, seed=2)
    (tmp_path / "made" / "weights").mkdir(parents=True)
    for name in ("manifest.json", "notes.txt"):
        (tmp_path / "made" / "weights" / name).write_text("old")
    command = [
        sys.executable,
        "-m",
        "lite_ensam",
        "import",
        "theirs.pth",
        "-o",
        "made/weights",
        "--overwrite",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=900)
    assert (done.returncode, done.stderr) == (0, "")
    for engine in ("openvino", "torch"):
        backend = load_backend(engine, 1, tmp_path / "made" / "weights")  # type: ignore[arg-type]
        compare(network, backend.logits, shapes=LARGER)
        assert (backend.manifest.patch.crop, backend.manifest.patch.rules) == ("joint", "flare25")
        assert backend.manifest.patch.channels == FLARE25.channels
        assert backend.manifest.record["imported"] == "theirs.pth"
    assert (tmp_path / "made" / "weights" / "notes.txt").read_text() == "old"


BLOCK = "mask_decoder__up_layers__0__blocks__0__"


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (
            {BLOCK + "conv2__weight": None},
            "tensor 'mask_decoder.up_layers.0.blocks.0.conv2.weight' is missing",
        ),
        ({"segresnet__encoder__conv_init__weight": None}, "'segresnet.encoder.conv_init.weight' is missing"),
        ({"prompt_encoder__position_encoder__parameter": None}, "position_encoder.parameter' is missing"),
        ({"mask_decoder__iou_head__weight": torch.ones(2)}, "'mask_decoder.iou_head.weight' has no place"),
        ({"a": torch.ones(2), "b": torch.ones(2)}, "tensor 'a' and 1 more have no place in the network"),
        (
            {BLOCK + "conv1__weight": torch.ones(4, 4, 3, 3)},
            r"shape \(4, 4, 3, 3\), expected \(4, 4, 3, 3, 3\)",
        ),
        (
            {"segresnet__encoder__conv_init__weight": torch.ones(4, 3, 3, 3, 3)},
            "takes 3 channels, expected 1",
        ),
        ({BLOCK + "norm1__weight": torch.full((4,), torch.nan)}, "blocks.0.norm1.weight holds NaN"),
        (
            {BLOCK + "norm1__bias": torch.full((4,), 1e300, dtype=torch.float64)},
            "norm1.bias holds NaN or infinity",
        ),
        ({BLOCK + "norm2__running_var": torch.full((4,), -1.0)}, "running_var .* has a value below 0"),
        ({BLOCK + "norm2__running_mean": None}, "norm2.running_mean' is missing"),
        ({BLOCK + "norm1__weight": torch.ones(4, dtype=torch.int64)}, "holds torch.int64, expected floating"),
        (
            {"prompt_encoder__position_encoder__parameter": torch.ones(3, 1, 6, 6)},
            "heads: 8 is not a multiple of 6",
        ),
        (
            {"prompt_encoder__position_encoder__parameter": torch.ones(3, 1, 1, 1)},
            "rotation_block must divide",
        ),
        ({"prompt_encoder__position_encoder__parameter": torch.ones(3, 0, 2, 2)}, "none of them empty"),
        ({"prompt_encoder__position_encoder__parameter": torch.ones(9)}, r"shape \(9,\), expected 4 axes"),
        ({"segresnet__encoder__conv_init__weight": torch.full((4, 1, 3, 3, 3), torch.nan)}, "holds NaN"),
        ({"image_encoder__conv_init__weight": torch.zeros(4, 1, 3, 3, 3).double()}, "is not what segresnet"),
        ({"image_encoder__other__weight": torch.zeros(4)}, "'segresnet.encoder.other.weight' is missing"),
        (
            {"image_encoder__conv_init__weight": torch.zeros(4, 1, 3, 3, 3)},
            "is not what segresnet.encoder holds",
        ),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(tmp_path: Path, tensors: dict[str, Any], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        flare25_weights(changed(tmp_path / "changed.pth", **tensors))


def stored(path: Path, state: dict[str, Tensor], **more: Any) -> dict[str, Tensor]:
    """Tensors of the network that is read from a checkpoint with these tensors."""
    torch.save({"model_state_dict": state, **more}, path)
    return flare25_weights(path).model.state_dict()


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "_orig_mod.module."])
def test_a_network_that_was_saved_inside_a_wrapper_is_the_same_network(tmp_path: Path, prefix: str) -> None:
    state = random_network(SMALL).state_dict()
    plain = stored(tmp_path / "plain.pth", state)
    wrapped = stored(tmp_path / "wrapped.pth", {f"{prefix}{name}": value for name, value in state.items()})
    assert all(torch.equal(wrapped[name], value) for name, value in plain.items())
    some = {(prefix if "conv_init" in name else "") + name: value for name, value in state.items()}
    with pytest.raises(EngineError, match=r"tensor 'segresnet.encoder.conv_init.weight' is missing"):
        stored(tmp_path / "some.pth", some)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_tensors_of_another_precision_become_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    cast = {
        name: value.to(dtype) if value.is_floating_point() else value
        for name, value in random_network(SMALL).state_dict().items()
    }
    found = stored(tmp_path / "cast.pth", cast)
    same = stored(tmp_path / "float.pth", {n: v.float() for n, v in cast.items() if v.is_floating_point()})
    for name, value in found.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, same[name], rtol=0, atol=0)


def test_nothing_but_the_tensors_is_needed_or_looked_at(tmp_path: Path) -> None:
    network = random_network(SMALL)
    momentum = torch.optim.SGD(network.parameters(), momentum=0.9).state_dict()
    alone = stored(tmp_path / "alone.pth", network.state_dict())
    beside = stored(
        tmp_path / "beside.pth",
        network.state_dict(),
        optimizer_state_dict={"muon": momentum, "adamw": None},
        ema_state_dict={"shadow": torch.full((2,), torch.nan)},
        args=None,
    )
    assert all(torch.equal(alone[name], value) for name, value in beside.items())


def test_one_number_is_not_taken_for_a_terabyte(tmp_path: Path) -> None:
    for name in (BLOCK + "conv1__weight", "segresnet__encoder__conv_init__weight", "anything"):
        vast = torch.ones(1).as_strided((10**5, 10**5, 3, 3, 3), (0, 0, 0, 0, 0))
        with pytest.raises(EngineError, match="for which the file is too small"):
            flare25_weights(changed(tmp_path / "changed.pth", **{name: vast}))


class Program:
    """Reading this with a trusting unpickler makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("place", ["args", "model_state_dict", "lr_scheduler_state_dict", "namespace"])
def test_a_program_in_a_checkpoint_is_never_run(tmp_path: Path, place: str) -> None:
    program = Program(tmp_path / "run")
    content = checkpoint_of(random_network(SMALL))
    hidden = {"namespace": {"args": argparse.Namespace(a=program)}}.get(place, {place: program})
    torch.save({**content, **hidden}, tmp_path / "hostile.pth")
    with pytest.raises(EngineError, match=r"hostile.pth holds an object \w+.system, which is not read"):
        flare25_weights(tmp_path / "hostile.pth")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"state_dict": {}}, "holds no 'model_state_dict'.*it holds \\['state_dict'\\]"),
        ([1, 2], "holds no 'model_state_dict'.* a list"),
        ({"model_state_dict": [1]}, "holds no 'model_state_dict'"),
        ({"model_state_dict": {"a": 3}}, "holds int as 'a', expected a tensor"),
        ({"model_state_dict": {3: torch.ones(1)}}, "names a tensor 3, expected a text"),
        (
            {"model_state_dict": {"a": torch.ones(3).to_sparse()}},
            "holds 'a' as another tensor than a plain one",
        ),
        ({"model_state_dict": {"a": torch.ones(3, device="meta")}}, "holds 'a' as another tensor"),
        ({"model_state_dict": {}}, "'segresnet.encoder.conv_init.weight' is missing"),
        ({"model_state_dict": {"x\ny" * 99: torch.ones(1)}}, "conv_init.weight' is missing"),
        ({"args": Path("place"), "model_state_dict": {}}, r"holds an object pathlib\S+, which is not read"),
    ],
)
def test_what_is_no_checkpoint_of_theirs_is_said(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(EngineError, match=message) as raised:
        flare25_weights(tmp_path / "other.pth")
    assert "\n" not in str(raised.value)
    assert "weights_only=False" not in str(raised.value)


def damaged(path: Path, how: str) -> Path:
    """The checkpoint as a broken disk or a stranger leaves it."""
    whole = path.read_bytes()
    other = path.with_name(f"{how}.pth")
    if how == "compressed":
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as copied:
            for entry in archive.infolist():
                copied.writestr(entry.filename, archive.read(entry))
    elif how == "flipped":
        at = whole.index(b"model_state_dict")
        other.write_bytes(whole[: at - 30] + bytes(255 - b for b in whole[at - 30 : at]) + whole[at:])
    elif how == "bomb":
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as copied:
            for entry in archive.infolist():
                copied.writestr(entry.filename, archive.read(entry), zipfile.ZIP_STORED)
            copied.writestr("small/data/999", bytes(64 << 20))
    elif how == "overlapping":  # two names in the directory for the same bytes
        with zipfile.ZipFile(path) as archive:
            directory, end = archive.start_dir, whole[-22:]
            entries = len(archive.infolist())
        listed = whole[directory : directory + int.from_bytes(end[12:16], "little")]
        counts = (2 * entries).to_bytes(2, "little") * 2
        other.write_bytes(
            whole[:directory]
            + listed * 2
            + end[:8]
            + counts
            + (2 * len(listed)).to_bytes(4, "little")
            + directory.to_bytes(4, "little")
            + b"\0\0"
        )
    elif how == "old format":
        torch.save(torch.load(path, weights_only=False), other, _use_new_zipfile_serialization=False)
    else:
        content = {
            "empty": b"",
            "half": whole[: len(whole) // 2],
            "without its end": whole[:-100],
            "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:7816\nsize 72793097\n",
            "zip of nothing": b"PK\x05\x06" + b"\0" * 18,
        }
        other.write_bytes(content[how])
    return other


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("empty", "is not a checkpoint of torch.save in the zip format, or is truncated"),
        ("half", "or is truncated"),
        ("without its end", "or is truncated"),
        ("old format", "is not a checkpoint of torch.save in the zip format"),
        ("pointer", "is a pointer of Git LFS, not the file"),
        ("compressed", "is compressed inside"),
        ("bomb", "is compressed inside"),
        ("overlapping", "or lists its bytes twice"),
        ("flipped", "is damaged"),
        ("zip of nothing", "is damaged"),
    ],
)
def test_a_damaged_file_is_said_to_be_damaged(checkpoint: Path, how: str, message: str) -> None:
    path = damaged(copy.copy(checkpoint), how)
    with pytest.raises(EngineError, match=message) as raised:
        flare25_weights(path)
    assert "\n" not in str(raised.value)


def test_every_cut_of_a_checkpoint_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    whole = checkpoint.read_bytes()
    for keep in range(0, len(whole) - 1, len(whole) // 40):
        (tmp_path / "cut.pth").write_bytes(whole[:keep])
        with pytest.raises(LiteEnsamError):
            flare25_weights(tmp_path / "cut.pth")
