"""Where the golden values are kept: arrays in one compressed npz, signs as bits, numbers as text."""

from __future__ import annotations

import io
import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ARRAYS = Path(__file__).parent / "arrays.npz.xz"
NUMBERS = Path(__file__).parent / "numbers.json"
_SHAPE = " (shape)"


def arrays() -> dict[str, NDArray[Any]]:
    """All arrays that are kept: label maps as uint8, signs as bool, numbers as float32."""
    with np.load(io.BytesIO(lzma.decompress(ARRAYS.read_bytes()))) as file:
        kept = {name: file[name] for name in file.files}
    shapes = {
        name.removesuffix(_SHAPE): tuple(kept.pop(name)) for name in list(kept) if name.endswith(_SHAPE)
    }
    for name, shape in shapes.items():
        bits = np.unpackbits(kept[name], count=int(np.prod(shape)))
        kept[name] = bits.reshape(shape).astype(np.bool_)
    return kept


def numbers() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(NUMBERS.read_text())
    return found


def write(found: dict[str, NDArray[Any]], text: dict[str, Any]) -> None:
    """Replace all that is kept."""
    packed = {}
    for name, array in found.items():
        if array.dtype == np.bool_:
            packed[name], packed[name + _SHAPE] = np.packbits(array), np.array(array.shape)
        else:
            packed[name] = array
    whole = io.BytesIO()
    np.savez(whole, **packed)
    ARRAYS.write_bytes(lzma.compress(whole.getvalue(), preset=9))
    NUMBERS.write_text(json.dumps(text, indent=1) + "\n")


def plain(value: Any) -> Any:
    """As JSON gives it back, floats to six digits."""
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
