"""No record prints the arrays it holds: every public class has a repr that fits on a few lines."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass

import numpy as np

import lite_ensam
from lite_ensam.core.short_repr import LONGEST_REPR
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.measurements import TumorMeasurement
from lite_ensam.segmentation import Segmentation

HOLDS_MUCH = r"\b(ndarray|NDArray|\w*Array|Labels|Mask|Bools|\w*Volume|Tensor|bytes)\b"
COLLECTS = ("tuple[", "Sequence[", "Mapping[", "dict[", "list[")
FEW = (
    "int, int, int]",
    "float, float, float]",
    "tuple[int, int]",
    "tuple[float, float]",
    "IntTriple",
    "FloatTriple",
)

OF_THEIR_OWN = (Segmentation, TumorMeasurement)
"""They say numbers and flags; their own tests hold them to the same length."""


def public_records() -> Iterator[type]:
    for module in pkgutil.walk_packages(lite_ensam.__path__, "lite_ensam."):
        if module.name.endswith("__main__"):
            continue
        for name, found in vars(importlib.import_module(module.name)).items():
            is_own = isinstance(found, type) and found.__module__ == module.name
            if is_own and not name.startswith("_") and is_dataclass(found) and found not in OF_THEIR_OWN:
                yield found


def stuffed(field: Field) -> object:
    """A value as large as the field may have to hold."""
    kind = str(field.type)
    if re.search(HOLDS_MUCH, kind):
        return np.arange(27_000).reshape(30, 30, 30)
    if any(word in kind for word in COLLECTS) and not any(word in kind for word in FEW):
        return dict.fromkeys(range(99), "x" * 20) if "apping" in kind or "dict" in kind else ("x" * 20,) * 99
    return field.default if field.default is not MISSING else 0.0123456789


def test_public_records_are_short_however_much_they_hold() -> None:
    too_long, n_records = {}, 0
    for record in public_records():
        one = object.__new__(record)
        for field in fields(record):
            object.__setattr__(one, field.name, stuffed(field))
        n_records += 1
        if len(repr(one)) > LONGEST_REPR:
            too_long[f"{record.__module__}.{record.__name__}"] = repr(one)[:200]
    assert n_records > 60
    assert too_long == {}


def test_a_phantom_says_what_it_is() -> None:
    assert repr(make_phantom((16, 64, 64))) == (
        "Case(ct=int16 (16, 64, 64), grid=Grid(shape_zyx=(16, 64, 64), spacing_mm=(2.5, 1.6, 1.6), "
        "affine=float64 (4, 4)), marks=3 x RecistMark, reference=uint8 (16, 64, 64), name='phantom-0', hu=True)"
    )
