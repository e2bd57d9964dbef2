"""Where a place of one scan lies in another scan of the same patient: rigid registration (extra `register`).

Both bodies are slid along each other at 8 mm; SimpleITK refines the best place (mutual information at 8 and 4 mm, moved
and turned as one body); then they are slid along each other once more, to see whether another place would fit as well.
Organs that move on their own, with breath above all, are not followed; a centimetre or two of that is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lite_ensam.core.errors import CaseError
from lite_ensam.core.grid import Grid
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import CtVolume, Float64Array
from lite_ensam.response.coarse_scan import (
    UPRIGHT_MM,
    UprightBody,
    coarse_image,
    load_simpleitk,
    upright_body,
)

__all__ = ["Registration", "register", "register_scans", "transform_points"]

_FIRST, _SECOND = "the first scan", "the second scan"

_AGREEMENT = (0.45, 0.75)
_LEAD = (0.05, 0.25)
_SHARED_MM = (20.0, 80.0)
"""From no confidence to full confidence; see `Registration`."""

_LEAST_CONFIDENCE = 0.5

_LEAST_SHARED_MM, _LEAST_SHARED = 40.0, 0.25
"""What bodies must have in common along z to be tried: this, and this share of the shorter."""

_APART_MM = 24.0
"""Another place: a vertebra away, which a registration that slips is off by."""

_MOST_STARTS = 2
_ITERATIONS = 100


@with_short_repr
@dataclass(frozen=True)
class Registration:
    """Where one scan lies in another, and how sure that is.

    Parameters
    ----------
    transform : (4, 4), from world mm (x, y, z) of the first scan to that of the second
    agreement : correlation of the grey values within both bodies, at 8 mm
    rival : the best such correlation with the one scan slid along z by 24 mm or more
    mirrored : the best such correlation with the second scan mirrored left for right
    shared_mm : how much of the bodies lies side by side along z

    Notes
    -----
    `confidence` is the product of three ramps from 0 to 1: the agreement from 0.45 to 0.75, its lead over the rival from
    0.05 to 0.25, and the shared length from 20 to 80 mm. It is 0 where the mirrored scan fits better. Decision 0023 has
    the pairs of scans that these numbers were chosen on.
    """

    transform: Float64Array
    agreement: float
    rival: float
    mirrored: float
    shared_mm: float

    @property
    def confidence(self) -> float:
        """0 to 1; below 0.5 `register_scans` refuses."""
        if self.mirrored > self.agreement:
            return 0.0
        values = (self.agreement, self.agreement - self.rival, self.shared_mm)
        ramps = (_AGREEMENT, _LEAD, _SHARED_MM)
        return float(np.prod([_ramp(one, *ramp) for one, ramp in zip(values, ramps, strict=True)]))

    @property
    def sentence(self) -> str:
        """For reports.

        Examples
        --------
        >>> Registration(np.eye(4), 0.9, 0.4, 0.5, 250.0).sentence
        'confidence 1.00: agreement 0.90, next best place 0.40, 250 mm in common'
        """
        return (
            f"confidence {self.confidence:.2f}: agreement {self.agreement:.2f}, next best place {self.rival:.2f}, "
            f"{self.shared_mm:.0f} mm in common"
        )

    @property
    def doubt(self) -> str:
        """Why the confidence is low; empty if it is not."""
        if self.confidence >= _LEAST_CONFIDENCE:
            return ""
        if self.mirrored > max(self.agreement, _AGREEMENT[1]):
            return "the second one fits better mirrored: is one stored left for right?"
        if _ramp(self.agreement, *_AGREEMENT) < _LEAST_CONFIDENCE:
            return "are they of one patient and one part of the body, and is each stored as its header says?"
        if _ramp(self.agreement - self.rival, *_LEAD) < _LEAST_CONFIDENCE:
            return "they fit elsewhere along the body nearly as well"
        return "they have too little of the body in common"


def register(ct: CtVolume, grid: Grid, other_ct: CtVolume, other_grid: Grid) -> Float64Array:
    """The transform of `register_scans` alone."""
    return register_scans(ct, grid, other_ct, other_grid).transform


def register_scans(ct: CtVolume, grid: Grid, other_ct: CtVolume, other_grid: Grid) -> Registration:
    """Rigid transform of world mm (x, y, z) from one scan to another.

    Parameters
    ----------
    ct, grid : the scan that places are known in, HU
    other_ct, other_grid : the scan that they are looked for in; any size, spacing and orientation

    Raises
    ------
    CaseError
        If there is no body in a scan, or the confidence is below 0.5: another patient, another part of the body, too
        little in common, or a body that is alike along z.
    MissingExtraError
        If SimpleITK is not installed.
    """
    images = coarse_image(ct, grid, _FIRST), coarse_image(other_ct, other_grid, _SECOND)
    fixed, moving = upright_body(images[0], _FIRST), upright_body(images[1], _SECOND)
    best: Registration | None = None
    for start in _starts(fixed, moving):
        rough = _refined(images, _shifted(fixed, moving, start), shrink=2, blur_mm=6.0, share=0.4)
        found = _judged(fixed, images[1], rough)
        if best is None or found.confidence > best.confidence:
            best, best_rough = found, rough
        if found.confidence == 1:
            break
    if best is not None:
        best = _judged(fixed, images[1], _refined(images, best_rough, shrink=1, blur_mm=2.0, share=0.15))
    if best is None or best.doubt:
        why = (
            "they have too little of the body in common"
            if best is None
            else f"{best.doubt} ({best.sentence})"
        )
        raise CaseError(f"registration of the scans failed: {why}")
    return best


def transform_points(transform: Float64Array, points_mm: Float64Array) -> Float64Array:
    """Points (..., 3) in mm after a transform (4, 4)."""
    result: Float64Array = points_mm @ transform[:3, :3].T + transform[:3, 3]
    return result


@dataclass(frozen=True)
class _Place:
    """The moving body slid along the fixed one.

    Parameters
    ----------
    offset_zyx : slice i of the fixed body lies on slice i + offset of the moving one
    score : correlation of grey values within both bodies
    n_slices : that both have
    """

    offset_zyx: tuple[int, int, int]
    score: float
    n_slices: int


def _places(fixed: UprightBody, moving: UprightBody) -> list[_Place]:
    """All places along z at which enough of both bodies lies side by side, centred on each other in plane."""
    (first, end), (other_first, other_end) = fixed.rows, moving.rows
    shorter = min(end - first, other_end - other_first)
    least = min(shorter, round(max(_LEAST_SHARED_MM / UPRIGHT_MM, _LEAST_SHARED * shorter)))
    centres, other_centres = _centres(fixed), _centres(moving)
    places = []
    for dz in range(other_first - end + least, other_end - first - least + 1):
        low, high = max(first, other_first - dz), min(end, other_end - dz)
        if high - low >= least:
            dy, dx = np.rint(
                np.nanmean(other_centres[low + dz : high + dz], axis=0)
                - np.nanmean(centres[low:high], axis=0)
            )
            places.append(_place(fixed, moving, (dz, int(dy), int(dx))))
    return places


def _place(fixed: UprightBody, moving: UprightBody, offset_zyx: tuple[int, int, int]) -> _Place:
    """How well the bodies fit at an offset."""
    here, there = [], []
    for n, other_n, offset in zip(fixed.grey.shape, moving.grey.shape, offset_zyx, strict=True):
        low, high = max(0, -offset), min(n, other_n - offset)
        here.append(slice(low, max(low, high)))
        there.append(slice(low + offset, max(low, high) + offset))
    mine, other = tuple(here), tuple(there)
    both = fixed.is_body[mine] & moving.is_body[other]
    either = fixed.is_body[mine] | moving.is_body[other]
    seen = either & fixed.is_seen[mine] & moving.is_seen[other]
    n_slices = int(np.count_nonzero(both.any(axis=(1, 2))))
    return _Place(offset_zyx, _correlation(fixed.grey[mine][seen], moving.grey[other][seen]), n_slices)


def _starts(fixed: UprightBody, moving: UprightBody) -> list[_Place]:
    """The few best places that are apart; of those that fit alike, the one with more in common first."""
    places = _places(fixed, moving)
    most = max((one.n_slices for one in places), default=1)
    chosen: list[_Place] = []
    for one in sorted(places, key=lambda one: -one.score * (0.8 + 0.2 * one.n_slices / most)):
        if all(abs(one.offset_zyx[0] - other.offset_zyx[0]) * UPRIGHT_MM > _APART_MM for other in chosen):
            chosen.append(one)
    return chosen[:_MOST_STARTS]


def _judged(fixed: UprightBody, image: Any, transform: Any) -> Registration:
    """How well the bodies fit after a transform, and how well at the best other place along z."""
    moved = upright_body(image, _SECOND, transform, fixed.first_mm)
    offset = np.rint((fixed.first_mm - moved.first_mm) / UPRIGHT_MM).astype(int)[::-1]
    place = _place(fixed, moved, (int(offset[0]), int(offset[1]), int(offset[2])))
    rivals = [
        one.score
        for one in _places(fixed, moved)
        if abs(one.offset_zyx[0] - offset[0]) * UPRIGHT_MM >= _APART_MM
    ]
    other = replace(moved, **{name: getattr(moved, name)[:, :, ::-1] for name in ("grey", "is_seen", "is_body")})
    mirrored = [one.score for one in _places(fixed, other) if abs(one.offset_zyx[0] - offset[0]) <= 1]
    return Registration(
        _matrix(transform),
        place.score,
        max(rivals, default=0.0),
        max(mirrored, default=0.0),
        place.n_slices * UPRIGHT_MM,
    )


def _centres(body: UprightBody) -> Float64Array:
    """(z, 2): y and x of the body's centre on each slice; NaN where there is no body."""
    count = body.is_body.sum(axis=(1, 2)).astype(np.float64)
    count[count == 0] = np.nan
    y, x = (np.arange(n) for n in body.is_body.shape[1:])
    return np.stack([body.is_body.sum(axis=2) @ y, body.is_body.sum(axis=1) @ x], axis=1) / count[:, None]


def _correlation(mine: Any, other: Any) -> float:
    if mine.size < 2 or mine.std() == 0 or other.std() == 0:
        return 0.0
    return float(np.corrcoef(mine, other)[0, 1])


def _ramp(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _shifted(fixed: UprightBody, moving: UprightBody, place: _Place) -> Any:
    """SimpleITK's transform for a place; it turns about the middle of the fixed body."""
    middle = fixed.first_mm + (np.array(fixed.grey.shape)[::-1] - 1) / 2 * UPRIGHT_MM
    shift = moving.first_mm - fixed.first_mm + np.array(place.offset_zyx)[::-1] * UPRIGHT_MM
    transform = load_simpleitk().Euler3DTransform()
    transform.SetCenter(middle.tolist())
    transform.SetTranslation(shift.tolist())
    return transform


def _refined(images: tuple[Any, Any], start: Any, shrink: int, blur_mm: float, share: float) -> Any:
    """The transform after one level of SimpleITK's registration; the start, if the scans have nothing in common."""
    sitk = load_simpleitk()
    transform = sitk.Euler3DTransform(start)
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(share, seed=1)  # without a seed, the clock is one
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=0.005, numberOfIterations=_ITERATIONS, relaxationFactor=0.6
    )
    method.SetNumberOfThreads(1)  # sums of several come out differently in the last digits from run to run
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([shrink])
    method.SetSmoothingSigmasPerLevel([blur_mm])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(*images)
    except RuntimeError:  # too few samples lie in both
        return start
    return transform


def _matrix(transform: Any) -> Float64Array:
    """A rigid transform as (4, 4)."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    ends = np.array([transform.TransformPoint(tuple(axis)) for axis in np.eye(3).tolist()])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = (ends - origin).T, origin
    return matrix
