"""Where a place of one scan lies in another scan of the same patient: rigid registration (extra `register`).

Both bodies are slid along each other at 8 mm; SimpleITK refines the best place (mutual information at 8 and 4 mm, moved
and turned as one body); then they are slid along each other once more, to see whether another place would fit as well.
Organs that move on their own, with breath above all, are not followed; a centimetre or two of that is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lite_ensam.core.errors import CaseError
from lite_ensam.core.grid import Grid
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import CtVolume, Float64Array, int_triple
from lite_ensam.response.body_places import Place, centre_drift, fit_at, mirrored, places_along_z
from lite_ensam.response.coarse_scan import (
    UPRIGHT_MM,
    UprightBody,
    coarse_image,
    load_simpleitk,
    upright_body,
)

__all__ = ["Registration", "register", "register_scans", "transform_points"]

_FIRST, _SECOND = "the first scan", "the second scan"

# From no confidence to full confidence; see `Registration`. All were chosen on copies of eight CTs and on pairs of
# different patients (decision 0023); real second visits were not at hand.

_AGREEMENT = (0.55, 0.85)
"""Different patients agree by up to 0.61, copies with breath by 0.91 or more, and real visits probably by less."""

_LEAD = (0.05, 0.25)
"""Over the best other place: a body that is alike along z leads by nothing."""

_SHARED_MM = (20.0, 80.0)
"""Too short a piece fits in many places: reversed scans had 32 mm in common."""

_LEAST_CONFIDENCE = 0.5
"""In the middle of a ramp."""

_HOPELESS = 0.4
"""Agreement at 8 mm that 4 mm do not make good any more: of different patients it is up to 0.6, mostly below 0.4."""

_TOO_LITTLE = "the scans have too little of the body in common"

_APART_MM = 24.0
"""Another place: a vertebra away, which a registration that slips is off by."""

_MOST_STARTS = 2
"""Places along z that are refined: each costs seconds. More were not tried, as far as is recorded."""

_MOST_TILT = 0.3
"""Sideways for each step along z; about 17 degrees, twice the 8 by which copies were turned (decision 0023)."""


@with_short_repr
@dataclass(frozen=True)
class Registration:
    """Where one scan lies in another, and how sure that is.

    Parameters
    ----------
    transform : Float64Array
        Matrix (4, 4), from world mm (x, y, z) of the first scan to world mm of the second.
    agreement : float
        Correlation of the grey values within both bodies, at 8 mm.
    rival : float
        The best such correlation after sliding one scan along z by 24 mm or more.
    mirrored : float
        The best such correlation with the second scan mirrored left for right.
    shared_mm : float
        Length along z over which both bodies lie, in mm.

    Notes
    -----
    `confidence` is the product of three ramps from 0 to 1: the agreement from 0.55 to 0.85, its lead over the rival
    from 0.05 to 0.25, and the shared length from 20 to 80 mm. It is 0 where the mirrored scan fits better. Decision
    0023 has the pairs of scans that these numbers were chosen on.
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
        best = max(self.agreement, self.mirrored)
        if _ramp(best, *_AGREEMENT) >= _LEAST_CONFIDENCE and best > self.agreement:
            return "the second scan fits better mirrored: is one stored left for right?"
        if _ramp(self.agreement, *_AGREEMENT) < _LEAST_CONFIDENCE:
            return (
                "the scans do not agree: are they of one patient and one part of the body, and is each stored as its "
                "header says?"
            )
        if _ramp(self.agreement - self.rival, *_LEAD) < _LEAST_CONFIDENCE:
            return "the scans fit elsewhere along the body nearly as well"
        return _TOO_LITTLE


def register(ct: CtVolume, grid: Grid, other_ct: CtVolume, other_grid: Grid) -> Float64Array:
    """The transform of `register_scans` alone."""
    return register_scans(ct, grid, other_ct, other_grid).transform


def register_scans(ct: CtVolume, grid: Grid, other_ct: CtVolume, other_grid: Grid) -> Registration:
    """Rigid transform of world mm (x, y, z) from one scan to another.

    Parameters
    ----------
    ct : CtVolume
        Voxels (z, y, x) of the scan in which places are known, HU.
    grid : Grid
        Grid of this scan.
    other_ct : CtVolume
        Voxels (z, y, x) of the scan in which places are wanted, HU; any size, spacing and orientation.
    other_grid : Grid
        Grid of the other scan.

    Raises
    ------
    CaseError
        If a scan contains no body, or the confidence is below 0.5: another patient, another part of the body, too
        little in common, or a body that is alike along z.
    MissingExtraError
        If SimpleITK is not installed.
    """
    images = coarse_image(ct, grid, _FIRST), coarse_image(other_ct, other_grid, _SECOND)
    fixed, moving = upright_body(images[0], _FIRST), upright_body(images[1], _SECOND)
    best: Registration | None = None
    for start in _starts(fixed, moving):
        begun = _begun(fixed, moving, start.offset_zyx[0], images[1])
        rough = _refined(images, begun, shrink=2, blur_mm=6.0, share=0.25, iterations=100)
        found = _judged(fixed, images[1], rough)
        if best is None or found.confidence > best.confidence:
            best, best_rough = found, rough
        if found.confidence == 1:
            break
    if best is not None and best.agreement > _HOPELESS:
        fine = _refined(images, best_rough, shrink=1, blur_mm=2.0, share=0.15, iterations=200)
        best = _judged(fixed, images[1], fine)
    if best is None or best.doubt:
        why = _TOO_LITTLE if best is None else f"{best.doubt} ({best.sentence})"
        raise CaseError(f"registration failed: {why}")
    return best


def transform_points(transform: Float64Array, points_mm: Float64Array) -> Float64Array:
    """Points (..., 3) in mm after a transform (4, 4)."""
    result: Float64Array = points_mm @ transform[:3, :3].T + transform[:3, 3]
    return result


def _starts(fixed: UprightBody, moving: UprightBody) -> list[Place]:
    """The few best places that are apart; of those that fit alike, the one with more in common first."""
    places = places_along_z(fixed, moving)
    most = max((one.n_slices for one in places), default=1)
    chosen: list[Place] = []
    for one in sorted(places, key=lambda one: -one.score * (0.8 + 0.2 * one.n_slices / most)):
        if all(abs(one.offset_zyx[0] - other.offset_zyx[0]) * UPRIGHT_MM > _APART_MM for other in chosen):
            chosen.append(one)
    return chosen[:_MOST_STARTS]


def _judged(fixed: UprightBody, image: Any, transform: Any) -> Registration:
    """How well the bodies fit after a transform, and how well at the best other place along z."""
    moved, place = _moved(fixed, image, transform)
    offset = place.offset_zyx
    others = [(abs(one.offset_zyx[0] - offset[0]), one.score) for one in places_along_z(fixed, moved)]
    turned = [
        one.score for one in places_along_z(fixed, mirrored(moved)) if abs(one.offset_zyx[0] - offset[0]) <= 1
    ]
    return Registration(
        _matrix(transform),
        place.score,
        max((score for steps, score in others if steps * UPRIGHT_MM >= _APART_MM), default=0.0),
        max(turned, default=0.0),
        place.n_slices * UPRIGHT_MM,
    )


def _ramp(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _begun(fixed: UprightBody, moving: UprightBody, dz: int, image: Any) -> Any:
    """SimpleITK's transform for a place along z: moved as the bodies' centres are, and tilted so if that fits better.

    The centres of a body that one scan cuts off at a side drift, too, though it is not tilted.
    """
    offset_yx, slope_yx = centre_drift(fixed, moving, dz)
    middle = fixed.first_mm + (np.array(fixed.grey.shape)[::-1] - 1) / 2 * UPRIGHT_MM
    shift_mm = moving.first_mm - fixed.first_mm + np.array([offset_yx[1], offset_yx[0], dz]) * UPRIGHT_MM
    tilt_y, tilt_x = np.arctan(np.clip(slope_yx, -_MOST_TILT, _MOST_TILT)).tolist()
    begun = []
    for angles in ((0.0, 0.0, 0.0), (-tilt_y, tilt_x, 0.0)):
        transform = load_simpleitk().Euler3DTransform()
        transform.SetCenter(middle.tolist())
        transform.SetTranslation(shift_mm.tolist())
        transform.SetRotation(*angles)
        begun.append(transform)
    return max(begun, key=lambda one: _moved(fixed, image, one)[1].score)


def _moved(fixed: UprightBody, image: Any, transform: Any) -> tuple[UprightBody, Place]:
    """The second body in the world of the first, and how they fit there."""
    moved = upright_body(image, _SECOND, transform, fixed.first_mm)
    offset = int_triple(np.rint((fixed.first_mm - moved.first_mm) / UPRIGHT_MM)[::-1])
    return moved, fit_at(fixed, moved, offset)


def _refined(
    images: tuple[Any, Any], start: Any, *, shrink: int, blur_mm: float, share: float, iterations: int
) -> Any:
    """The transform after one level of SimpleITK's registration; the start, if the scans have nothing in common."""
    sitk = load_simpleitk()
    transform = sitk.Euler3DTransform(start)
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(share, seed=1)  # without a seed, the clock is one
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=0.005, numberOfIterations=iterations, relaxationFactor=0.6
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
