"""Case in, label map out: patches are cut one after the other, run, and painted together."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.case import Case
from lite_ensam.core.errors import ArgumentError, brief
from lite_ensam.core.grid import Grid
from lite_ensam.core.number_kinds import is_real
from lite_ensam.core.patch_config import CROPS, Crop, PatchConfig, check_window
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.engines.backend import Backend
from lite_ensam.measurements import TumorMeasurement
from lite_ensam.measurements.flags import HARDLY_KNOWN
from lite_ensam.segmentation.axis_size import shrink_to_axes
from lite_ensam.segmentation.channels import (
    Patch,
    cut_patches,
    with_last_mask,
    without_clicks,
)
from lite_ensam.segmentation.edge_refinement import BORDERS, Border, refine_to_image_edge
from lite_ensam.segmentation.logit_adjustments import (
    anchor_endpoints,
    anchor_prompts,
    fade_far,
    fill_end_slices,
    raise_few_slices,
    raise_hardly_known,
)
from lite_ensam.segmentation.painting import Painting, TumorLogits, obey_prompts, paint_tumors
from lite_ensam.segmentation.patch_plan import PatchPlan

_BEFORE_CLICKS_SHARE = 0.2
"""Share of the logits without points in those with points: the network moves more than a click asks for (decision
0028)."""


class Stopwatch:
    """Seconds spent in named steps; a step that comes again adds to its time."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block under `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


@with_short_repr
@dataclass(frozen=True)
class Prediction:
    """The network's output for one case.

    Parameters
    ----------
    tumors : tuple[TumorLogits, ...]
        Logits of each mark with their placement in the network's frame, for `Predictor.paint`.
    painting : Painting
        The label map of the scan as it is stored.
    """

    tumors: tuple[TumorLogits, ...]
    painting: Painting

    @property
    def labels(self) -> NDArray[np.uint16]:
        """Label map, uint16 (z, y, x)."""
        return self.painting.labels


@with_short_repr
@dataclass(frozen=True)
class _BeforeClicks:
    """The last patch without points: values and line as shown, the axes it was mirrored along, its logits (z, y, x)."""

    shown: tuple[NDArray[np.float32], NDArray[np.float32]]
    axes: tuple[int, ...]
    logits: NDArray[np.float32]


def check_choices(crop: Crop | None, window: tuple[float, float] | None, border: Border) -> None:
    """Raise ArgumentError for what a `Predictor` would not take."""
    if border not in BORDERS:
        raise ArgumentError(f"border must be one of {', '.join(BORDERS)}, got {border!r}")
    if crop is not None and crop not in CROPS:
        raise ArgumentError(f"crop must be one of {', '.join(CROPS)}, got {crop!r}")
    if window is not None:
        try:
            check_window(window)
        except ValueError as error:
            raise ArgumentError(str(error)) from None


def checked_threshold(threshold: Any) -> float:
    """A finite logit, Python's or NumPy's, as a float; else ArgumentError."""
    if not is_real(threshold) or not math.isfinite(threshold):
        raise ArgumentError(f"threshold must be a finite logit, got {brief(threshold)}")
    return float(threshold)


class Predictor:
    """One engine, ready for any number of cases.

    Parameters
    ----------
    backend : Backend
        Engine with weights.
    crop : Crop or None, default None
        "lesion" cuts one cube for each line, "joint" the paper's one box around all lines; None takes what
        the weights were trained on.
    window : tuple[float, float] or None, default None
        Window (low, high) in HU. Of a scan in HU: the range that is kept. Of a windowed scan: what its 0 and 255
        stand for. None takes what the weights were trained with.
    mirror : bool, default False
        Run each lesion patch and its mirror image and average the logits: twice the network's time; weights
        trained briefly gain by it, those that ship hardly (docs/developer/experiments.md, 3 and 5).
    border : Border, default "readers"
        "readers" draws tumours as readers do, "edge" snaps their borders to the edge in the scan afterwards
        (`refine_to_image_edge`): for phantoms and physics.

    Raises
    ------
    ArgumentError
        If an option has none of its possible values.
    """

    def __init__(
        self,
        backend: Backend,
        crop: Crop | None = None,
        window: tuple[float, float] | None = None,
        mirror: bool = False,
        border: Border = "readers",
    ) -> None:
        check_choices(crop, window, border)
        crop = backend.manifest.patch.crop if crop is None else crop
        if not isinstance(mirror, bool | np.bool_):
            raise ArgumentError(f"mirror must be True or False, got {brief(mirror)}")
        self.backend, self.crop = backend, crop
        self.window = window if window is None else tuple(np.asarray(window).tolist())
        self.mirror = mirror and crop == "lesion"
        self.border: Border = border
        self._before_clicks: _BeforeClicks | None = None

    def patch_config(self, hu: bool) -> PatchConfig:
        """Return how patches of a scan are filled, in HU or windowed.

        Parameters
        ----------
        hu : bool
            True for a scan in HU, False for a windowed one.

        Returns
        -------
        PatchConfig
            Channels, side and resolution of patches.
        """
        config = self.backend.manifest.patch
        if self.window is None:
            return config
        if hu:
            return replace(config, window_hu=self.window)
        low, high = self.window
        return replace(config, windowed_unit_hu=(high - low) / 255.0, windowed_low_hu=low)

    def warm_up(self) -> None:
        """Prepare the engine for lesion patches; the shape of a joint crop is not known yet."""
        if self.crop == "lesion":
            side = self.backend.manifest.patch.side_voxels
            self.backend.warm_up((side, side, side))

    def forget(self) -> None:
        """Let go of the last patch, which is kept for clicks on its tumour."""
        self._before_clicks = None

    def plan(self, marks: Sequence[RecistMark], grid: Grid) -> PatchPlan:
        """Plan the patches of some lines in a scan with this grid.

        Parameters
        ----------
        marks : Sequence[RecistMark]
            The lines.
        grid : Grid
            Grid of the scan.

        Returns
        -------
        PatchPlan
            The plan.
        """
        return PatchPlan.of(marks, grid, self.backend.manifest.patch, self.crop)

    def predict(
        self,
        case: Case,
        threshold: float = 0.0,
        clock: Stopwatch | None = None,
        plan: PatchPlan | None = None,
    ) -> Prediction:
        """Segment every marked tumour of a case.

        Parameters
        ----------
        case : Case
            Scan and marks.
        threshold : float, default 0.0
            Logit above which a voxel is tumour; 0 is probability 1/2.
        clock : Stopwatch or None, default None
            Gets the seconds of the steps `cut`, `network` and `paint`.
        plan : PatchPlan or None, default None
            Plan of the case's marks, if it was made before; None makes it.

        Returns
        -------
        Prediction
            Logits of each tumour and the painted label map.
        """
        threshold = checked_threshold(threshold)
        clock = clock or Stopwatch()
        tumors: list[TumorLogits] = []
        plan = plan or self.plan(case.marks, case.grid)
        config = self.patch_config(case.hu)
        patches = cut_patches(case.flipped(plan.flips_zyx), plan, config)
        at_once = len(plan.patches) if self.crop == "joint" and not config.looks_at_lines else 1
        while True:
            with clock.step("cut"):
                alike = list(islice(patches, at_once))
            if not alike:
                break
            with clock.step("network"):
                tumors += self._predict_alike(alike)
        with clock.step("paint"):
            painting = self.paint(tumors, case, threshold)
        return Prediction(tuple(tumors), painting)

    def predict_tumor(self, case: Case, mark: RecistMark) -> TumorLogits:
        """Run the network on the patch of one line, which need not be one of the case's.

        Parameters
        ----------
        case : Case
            The scan.
        mark : RecistMark
            A line on it.

        Returns
        -------
        TumorLogits
            Logits on the patch.
        """
        plan = self.plan([mark], case.grid)
        (patch,) = cut_patches(case.flipped(plan.flips_zyx), plan, self.patch_config(case.hu))
        return self.predict_patch(patch)

    def predict_patch(self, patch: Patch, axes: tuple[int, ...] = ()) -> TumorLogits:
        """Run the network on a patch; the ends of its line stay in the tumour (`anchor_endpoints`), but by
        the rules "flare25".

        Parameters
        ----------
        patch : Patch
            Patch of one tumour.
        axes : tuple[int, ...], default ()
            Axes (0, 1, 2 for z, y, x) to mirror the patch along before, and the logits after.

        Returns
        -------
        TumorLogits
            Logits on the patch.
        """
        config = self.backend.manifest.patch
        if not {"clicks", "last_mask"} <= set(config.channels):
            return self._held(patch, self._mirrored_logits(patch, axes))
        if not (patch.mark.inside_zyx or patch.mark.outside_zyx):
            return self._held(patch, self._logits_before_clicks(patch, axes))
        # points mend the mask that there was without them: a result follows from the mark alone
        before = self._logits_before_clicks(without_clicks(patch, config), axes)
        after = self._mirrored_logits(with_last_mask(patch, before, config), axes)
        return self._held(patch, after + np.float32(_BEFORE_CLICKS_SHARE) * (before - after), before)

    def _predict_alike(self, patches: Sequence[Patch]) -> list[TumorLogits]:
        """Run the network on patches that differ in nothing but their lines: the image is encoded once."""
        if len(patches) == 1:
            return [self.predict_patch(patches[0])]
        ends = np.stack([_ordered(patch.endpoints_zyx) for patch in patches])
        logits = self.backend.logits(patches[0].values[None], ends)
        return [self._held(patch, of_line) for patch, of_line in zip(patches, logits, strict=True)]

    def _held(
        self, patch: Patch, logits: NDArray[np.float32], before_clicks: NDArray[np.float32] | None = None
    ) -> TumorLogits:
        """A patch's logits, with what is known of its tumour put in."""
        tumor = TumorLogits(patch.mark, logits, patch.placement)
        if self.backend.manifest.patch.rules == "flare25":
            return anchor_prompts(tumor)
        if self.crop == "lesion":
            tumor = raise_hardly_known(tumor, patch.tissue_on_axes, before_clicks)
            tumor = raise_few_slices(fade_far(tumor))
            tumor = shrink_to_axes(fill_end_slices(tumor, patch.voxel_mm[0]))
        return anchor_prompts(anchor_endpoints(tumor))

    def _logits_before_clicks(self, patch: Patch, axes: tuple[int, ...]) -> NDArray[np.float32]:
        """Logits (z, y, x) of a patch without points; kept until the next one, because each click needs them again."""
        kept, shown = self._before_clicks, (patch.values, patch.endpoints_zyx)
        if kept is not None and kept.axes == axes and all(map(np.array_equal, kept.shown, shown)):
            return kept.logits
        logits = self._mirrored_logits(patch, axes)
        logits.flags.writeable = False
        self._before_clicks = _BeforeClicks(shown, axes, logits)
        return logits

    def _mirrored_logits(self, patch: Patch, axes: tuple[int, ...]) -> NDArray[np.float32]:
        """Logits (z, y, x), averaged with those of the opposite mirror image if that was asked for."""
        logits = self._logits(patch, axes)
        if self.mirror:
            opposite = tuple(axis for axis in range(3) if axis not in axes)
            logits = np.asarray((logits + self._logits(patch, opposite)) / 2, dtype=np.float32)
        return logits

    def paint(self, tumors: Sequence[TumorLogits], case: Case, threshold: float = 0.0) -> Painting:
        """Paint tumours of a case into one label map of the scan as it is stored, with the borders asked for.

        Parameters
        ----------
        tumors : Sequence[TumorLogits]
            Logits of tumours of the case.
        case : Case
            The case.
        threshold : float, default 0.0
            Logit above which a voxel is tumour.

        Returns
        -------
        Painting
            The label map and what was painted.
        """
        flips, spacing_mm = case.grid.flips_zyx, case.grid.spacing_mm
        in_voxels = self.backend.manifest.patch.rules == "flare25"
        painting = paint_tumors(tumors, (1.0, 1.0, 1.0) if in_voxels else spacing_mm, threshold)
        if self.border == "edge":
            painting = refine_to_image_edge(painting, tumors, case.flipped(flips).ct, spacing_mm)
            painting = obey_prompts(painting, [tumor.mark for tumor in tumors])
        return painting.flipped(flips)

    def with_confidence(
        self, measurements: Sequence[TumorMeasurement], tumors: Sequence[TumorLogits], threshold: float = 0.0
    ) -> tuple[TumorMeasurement, ...]:
        """Add flags to measurements, and quality scores and intervals, where the errors of the weights are known.

        They are known of readers' borders and lesion crops at threshold 0. Otherwise only the flag of tumours that the
        network hardly knows is added; empty masks get no scores.

        Parameters
        ----------
        measurements : Sequence[TumorMeasurement]
            Measurement of each tumour.
        tumors : Sequence[TumorLogits]
            Logits of the same tumours.
        threshold : float, default 0.0
            Logit above which a voxel is tumour.

        Returns
        -------
        tuple[TumorMeasurement, ...]
            The measurements, in their order.
        """
        hardly_known = {tumor.mark.label for tumor in tumors if tumor.is_hardly_known}
        measurements = [
            one.flagged(HARDLY_KNOWN) if one.label in hardly_known else one for one in measurements
        ]
        errors = self.backend.manifest.held_out_errors
        if (
            errors is None
            or threshold != 0
            or self.border != "readers"
            or self.crop != "lesion"
            or self.window
        ):
            return tuple(measurements)
        expected = {tumor.mark.label: expected_dice(tumor) for tumor in tumors}
        return tuple(
            replace(
                one,
                confidence=errors.confidence(
                    expected[one.label], one.volume_ml, one.longest_diameter_mm, one.short_axis_mm
                ),
            )
            if one.n_voxels
            else one
            for one in measurements
        )

    def _logits(self, patch: Patch, axes: tuple[int, ...]) -> NDArray[np.float32]:
        """Logits (z, y, x) of a patch, run as its mirror image along some axes."""
        values = np.ascontiguousarray(np.flip(patch.values, tuple(axis + 1 for axis in axes)))
        ends = patch.endpoints_zyx.copy()
        for axis in axes:
            ends[:, axis] = np.float32(patch.values.shape[axis + 1] - 1) - ends[:, axis]
        logits = self.backend.logits(values[None], _ordered(ends)[None])[0]
        return np.ascontiguousarray(np.flip(logits, axes))


def _ordered(ends: NDArray[np.float32]) -> NDArray[np.float32]:
    """A line's ends in lexicographic order, as the network knows them."""
    return ends[np.lexsort(ends.T[::-1])]


def expected_dice(tumor: TumorLogits) -> float:
    """The Dice coefficient that the network expects of its own mask, taking its probabilities at their word.

    Twice the expected overlap over the sum of the mask and of the expected tumour (soft Dice of Milletari et al., 3DV
    2016, with the mask in place of the reference). On held-out lesions it is as high as the true one on average, and
    orders them (docs/developer/experiments.md). The mask has what `raise_hardly_known` added, the probabilities
    do not: a tumour that the network hardly knows is expected to be segmented less well.

    Parameters
    ----------
    tumor : TumorLogits
        Logits of one tumour.
    """
    own = tumor.without_added().logits.astype(np.float64)
    probabilities = 1 / (1 + np.exp(-np.clip(own, -30, 30)))
    mask = tumor.logits > 0
    return float(2 * probabilities[mask].sum() / (np.count_nonzero(mask) + probabilities.sum()))
