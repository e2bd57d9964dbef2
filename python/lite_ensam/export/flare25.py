"""The authors' released checkpoint as weights of this package.

Their tree of modules (github.com/Ahus-AIM/FLARE25) is the network that this one describes with the additive decoder,
without the unit entry, and with whatever norm the decoder was trained with. No size is assumed: all follow from the
shapes of the tensors, and a tensor that has no place is refused by its name.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from lite_ensam.core.errors import EngineError, brief, printable
from lite_ensam.core.patch_config import FLARE25
from lite_ensam.export.graph import check_target, export_weights
from lite_ensam.export.torch_file import read_state_dict
from lite_ensam.model.checkpoint import Weights, file_hash, save_weights
from lite_ensam.model.config import ModelConfig
from lite_ensam.model.lite_ensam import LiteEnsam

__all__ = ["flare25_weights", "import_weights"]

_ENCODER = "segresnet.encoder"
_COPY = "image_encoder"
_POSITIONS = "prompt_encoder.position_encoder.parameter"
_TYPES = "prompt_encoder.corner_embeddings.box_embedding"
_LAYERS = "mask_decoder.transformer.layers"
_STAGES = "mask_decoder.up_layers"
_MOST_LEVELS = 6
_BATCH_NORM_EPS = 1e-5

_UNUSED = re.compile(
    r"prompt_encoder\.(point_embeddings|no_mask_embed|mask_downscaling)\..+"
    r"|mask_decoder\.up_layers\.\d+\.head\.(weight|bias)|.+\.num_batches_tracked"
)
"""Parts of their network that this task never calls: points, masks, heads of coarse levels."""

_WRAPPED = re.compile(r"(module\.|_orig_mod\.)+")
"""How names begin when a network was saved inside DistributedDataParallel or as `torch.compile` returned it."""

_THEIRS = (
    (r"^image_encoder\.stem", f"{_ENCODER}.conv_init"),
    (r"^image_encoder\.levels\.(\d+)\.(\d+)", rf"{_ENCODER}.layers.\1.blocks.\2"),
    (r"^image_encoder\.downs\.(\d+)", rf"{_ENCODER}.layers.\1.downsample"),
    (r"^prompt_encoder\.types$", _TYPES),
    (r"^rotations\.generators$", _POSITIONS),
    (r"^transformer\.layers", _LAYERS),
    (r"\.token_self\.", ".self_attn."),
    (r"\.token_to_image\.", ".cross_attn_token_to_image."),
    (r"\.image_to_token\.", ".cross_attn_image_to_token."),
    (r"\.(query|key|value|out)\.(weight|bias)$", lambda found: f".{found[1][0]}_proj.{found[2]}"),
    (r"\.o_proj\.", ".out_proj."),
    (r"\.token_mlp\.(up|down)\.", r".mlp.lin_\1."),
    (r"\.token_mlp\.step\.alpha$", ".mlp.mlp_alpha"),
    (r"\.token_mlp\.gain$", ".mlp.suv"),
    (r"\.step\.alpha$", ".attn_alpha"),
    (r"\.sharpness$", ".sqk"),
    (r"^mask_decoder\.squeezes\.(\d+)", rf"{_STAGES}.\1.upsample.preconv"),
    (r"^mask_decoder\.stages\.(\d+)", rf"{_STAGES}.\1.blocks.0"),
)
"""Our names to theirs, one after the other; the head, whose number depends on the levels, is apart."""


def import_weights(checkpoint: Path, folder: Path, overwrite: bool = False) -> None:
    """Make a folder of weights, as `export_weights` does, of the authors' checkpoint.

    They are kept in single precision. The manifest holds how their code cuts, scales and paints
    (`core.patch_config.FLARE25`), so that all that takes a folder of weights works as theirs does.

    Parameters
    ----------
    checkpoint : Path
        `lite_ensam_flare25.pth`, or another that their trainer wrote.
    folder : Path
        Made if missing.
    overwrite : bool, default False
        Whether the folder may hold files, see `export_weights`.

    Raises
    ------
    LiteEnsamError
        If the checkpoint is missing, damaged or another network's, or the folder cannot be written or is not empty and
        `overwrite` is False; it is as it was then.
    """
    check_target(folder, checkpoint, overwrite)
    weights = flare25_weights(checkpoint)
    with tempfile.TemporaryDirectory() as unfinished:
        source = Path(unfinished) / "lite_ensam.safetensors"
        save_weights(source, weights)
        export_weights(source, folder, overwrite)


def flare25_weights(checkpoint: Path) -> Weights:
    """Read the authors' checkpoint as weights of this package, float32; errors as `import_weights`.

    Parameters
    ----------
    checkpoint : Path
        Checkpoint of the authors, a file of `torch.save`.

    Returns
    -------
    Weights
        Weights with the config that fits them.
    """
    tensors = _unwrapped(read_state_dict(checkpoint))
    try:
        config = _config_of(tensors)
        state = _converted(tensors, config)
        _check_copies(tensors)
    except ValueError as error:
        raise EngineError(f"checkpoint: {printable(checkpoint)}: {error}") from None
    with torch.device("meta"):
        model = LiteEnsam(config)
    model.load_state_dict(state, assign=True)
    record = {"imported": checkpoint.name, "sha256": file_hash(checkpoint)}
    return Weights(model.eval(), replace(FLARE25, side_multiple=config.stride), record, half=False)


def _unwrapped(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the network's own names, if all names begin as those of a wrapped network do."""
    if not all(_WRAPPED.match(name) for name in tensors):
        return tensors
    return {_WRAPPED.sub("", name, count=1): value for name, value in tensors.items()}


def _check_copies(tensors: Mapping[str, Tensor]) -> None:
    """Their encoder is stored under two names; both must say the same."""
    for name, value in tensors.items():
        if name.startswith(f"{_COPY}."):
            first = _taken(tensors, name.replace(_COPY, _ENCODER, 1))
            if (first.shape, first.dtype) != (value.shape, value.dtype) or not torch.equal(first, value):
                raise ValueError(f"{brief(name)} is not what {_ENCODER} holds under this name")


def _config_of(tensors: Mapping[str, Tensor]) -> ModelConfig:
    """Sizes of the network, from names and shapes; those that depend on each other are checked by `_converted`."""
    filters, in_channels = _shape(tensors, f"{_ENCODER}.conv_init.weight", 5)[:2]
    if in_channels != 1:
        raise ValueError(f"the network takes {in_channels} channels, expected 1, the scan's grey values")
    levels = _count(tensors, rf"{_ENCODER}\.layers\.(\d+)\.")
    if not 2 <= levels <= _MOST_LEVELS:
        raise ValueError(f"{_ENCODER}.layers are {levels} levels, expected 2 to {_MOST_LEVELS}")
    size = filters * 2 ** (levels - 1)
    _, n_blocks, block, _ = _shape(tensors, _POSITIONS, 4)
    hidden = _shape(tensors, f"{_LAYERS}.0.mlp.lin_down.weight", 2)[1]
    for what, whole, part in (("heads", size, n_blocks * block), ("mlp.lin_down", hidden, size)):
        if not part or whole % part:
            raise ValueError(f"{what}: {whole} is not a multiple of {part}")
    n_types = _count(tensors, rf"{re.escape(_TYPES)}\.(\d+)\.weight$")
    if n_types not in (1, 2):
        raise ValueError(f"{_TYPES} are {n_types} vectors, expected 1 for both ends or 2")
    return ModelConfig(
        filters=filters,
        blocks=tuple(_count(tensors, rf"{_ENCODER}\.layers\.{i}\.blocks\.(\d+)\.") for i in range(levels)),
        decoder="add",
        heads=size // (n_blocks * block),
        attention_layers=_count(tensors, rf"{_LAYERS}\.(\d+)\."),
        mlp_ratio=hidden // size,
        rotation_block=block,
        distinct_endpoints=n_types == 2,
        unit_entry=False,
        decoder_norm="affine" if f"{_STAGES}.0.blocks.0.norm1.running_mean" in tensors else "instance",
    )


def _converted(tensors: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Their tensors under our names and in our shapes; ValueError names what is missing, left over or does not fit."""
    with torch.device("meta"):
        wanted = {name: tuple(value.shape) for name, value in LiteEnsam(config).state_dict().items()}
    state: dict[str, Tensor] = {}
    used: set[str] = set()
    for name, shape in wanted.items():
        theirs = list(_their_names(name, config))
        used.update(theirs)
        if name == "prompt_encoder.types":
            value = torch.cat([_number(tensors, one, (1, shape[1])) for one in theirs])
        elif name == "rotations.generators":
            value = _number(tensors, theirs[0], (3, shape[0] // 3, *shape[1:])).flatten(0, 1)
        elif name == "mask_decoder.head.weight":
            value = _number(tensors, theirs[0], (*shape, 1, 1, 1)).reshape(shape)
        elif len(theirs) > 1:
            value = _folded(name, [_number(tensors, one, shape) for one in theirs])
        else:
            value = _number(tensors, theirs[0], shape)
        state[name] = value
    left = [
        n for n in tensors if n not in used and not n.startswith(f"{_COPY}.") and not _UNUSED.fullmatch(n)
    ]
    if left:
        more = f" and {len(left) - 1} more have" if len(left) > 1 else " has"
        raise ValueError(f"tensor {brief(left[0])}{more} no place in the network")
    return state


def _their_names(name: str, config: ModelConfig) -> Iterator[str]:
    """Names of their tensors that one of ours is made of."""
    if name.startswith("mask_decoder.head."):
        yield name.replace("mask_decoder", f"{_STAGES}.{len(config.blocks) - 2}", 1)
        return
    theirs = name
    for pattern, replacement in _THEIRS:
        theirs = re.sub(pattern, replacement, theirs)
    if name == "prompt_encoder.types":
        yield from (f"{theirs}.{number}.weight" for number in range(1 + config.distinct_endpoints))
        return
    norm = re.fullmatch(r"(mask_decoder\.up_layers\..+\.norm\d)\.(weight|bias)", theirs)
    if norm and config.decoder_norm == "affine":
        yield from (f"{norm[1]}.{part}" for part in ("weight", "bias", "running_mean", "running_var"))
    else:
        yield theirs


def _folded(name: str, norm: Iterable[Tensor]) -> Tensor:
    """Scale or shift that a batch norm is at inference."""
    weight, bias, mean, variance = norm
    if (variance < 0).any():
        raise ValueError(f"the running_var that {name} is made of has a value below 0")
    scale = weight / torch.sqrt(variance + _BATCH_NORM_EPS)
    return scale if name.endswith(".weight") else bias - mean * scale


def _taken(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in tensors:
        raise ValueError(f"tensor {brief(name)} is missing")
    return tensors[name]


def _shape(tensors: Mapping[str, Tensor], name: str, n_axes: int) -> tuple[int, ...]:
    shape = tuple(_taken(tensors, name).shape)
    if len(shape) != n_axes or 0 in shape:
        raise ValueError(
            f"tensor {name} has shape {brief(shape)}, expected {n_axes} axes, none of them empty"
        )
    return shape


def _number(tensors: Mapping[str, Tensor], name: str, shape: tuple[int, ...]) -> Tensor:
    """A tensor of this shape as finite float32, in memory of its own."""
    value = _taken(tensors, name)
    if tuple(value.shape) != shape:
        raise ValueError(f"tensor {name} has shape {brief(tuple(value.shape))}, expected {shape}")
    if not value.is_floating_point():
        raise ValueError(f"tensor {name} holds {value.dtype}, expected floating-point numbers")
    value = value.detach().to(torch.float32, copy=True)
    if not value.isfinite().all():
        raise ValueError(f"tensor {name} holds NaN or infinity")
    return value.contiguous()


def _count(tensors: Mapping[str, Tensor], pattern: str) -> int:
    """How many numbers stand in the place of a pattern's group, over all names."""
    return len({found[1] for name in tensors if (found := re.match(pattern, name))})
