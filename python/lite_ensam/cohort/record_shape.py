"""Required fields of a record: a file on a disk may hold anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lite_ensam.cohort.failures import Step
from lite_ensam.measurements import CONFIDENCE

__all__ = ["makes_sense"]

_LARGEST = 2**53
"""Whole numbers beyond are not exact as floats."""


def makes_sense(record: Mapping[str, Any]) -> bool:
    """Whether a JSON object is the record of a case that is done or has failed."""
    shape = _SHAPES.get(str(record.get("status")))
    return shape is not None and _has_shape(record, shape)


def _has_shape(value: Any, shape: Any) -> bool:
    """Whether a value is of a type, answers a question, is a list of one shape, or an object with such keys."""
    if isinstance(shape, dict):
        return isinstance(value, Mapping) and all(_has_shape(value.get(key), s) for key, s in shape.items())
    if isinstance(shape, list):
        return isinstance(value, list) and all(_has_shape(item, shape[0]) for item in value)
    return isinstance(value, shape) if isinstance(shape, type) else bool(shape(value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.encode(errors="replace").decode() == value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < _LARGEST  # NaN is not


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and _is_number(value)


def _is_null_or_number(value: Any) -> bool:
    return value is None or _is_number(value)


def _is_null_or_whole(value: Any) -> bool:
    return value is None or _is_whole(value)


def _is_line(value: Any) -> bool:
    return _has_shape(value, [_is_point]) and len(value) == 2


def _is_point(value: Any) -> bool:
    return _has_shape(value, [_is_number]) and len(value) == 3


def _is_stamped(value: Any) -> bool:
    return isinstance(value, dict) and all(_has_shape(one, {"stamp": str}) for one in value.values())


def _is_hashed(value: Any) -> bool:
    return _is_stamped(value) and all(isinstance(one.get("sha256"), str) for one in value.values())


def _is_null_or_run(value: Any) -> bool:
    if value is None:
        return True
    shape = {"peak_mb": _is_null_or_number, "attempts": _is_null_or_whole}
    seconds = value.get("seconds", {}) if isinstance(value, dict) else None
    worker = value.get("worker", "") if isinstance(value, dict) else None
    return _has_shape(value, shape) and _is_text(worker) and _has_shape(seconds, _is_seconds)


def _is_seconds(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_number, value.values()))


_TUMOR = {
    "label": _is_whole, "name": _is_text, "recist_mm": _is_number, "recist_slice": _is_whole,
    "longest_diameter_mm": _is_number, "longest_diameter_slice": _is_null_or_whole, "short_axis_mm": _is_number,
    "volume_ml": _is_number, "n_voxels": _is_whole, "n_pieces": _is_whole, "recovery_offset": _is_number,
    "flags": [_is_text], "flag_sentences": [_is_text], "line_zyx": _is_line, "dsc": _is_null_or_number,
    **dict.fromkeys(CONFIDENCE, _is_null_or_number),
}  # fmt: skip

_DONE = {
    "case": str, "identity": _is_text, "inputs": _is_hashed, "mask": {"sha256": _is_text, "bytes": _is_whole},
    "tumors": [_TUMOR], "notes": [_is_text], "parameters": dict, "weights_sha256": _is_text,
    "spacing_mm_zyx": _is_point, "run": _is_null_or_run,
}  # fmt: skip

_FAILED = {
    "case": str, "identity": _is_text, "inputs": _is_stamped, "step": list(Step).__contains__, "error": _is_text,
    "limits": {"seconds": _is_null_or_number, "memory_mb": _is_null_or_number}, "run": _is_null_or_run,
}  # fmt: skip

_SHAPES = {"done": _DONE, "failed": _FAILED}
