"""Marks in, label map out, again and again: what was computed for a mark is kept until it changes."""

from __future__ import annotations

import operator
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.case import Case
from lite_ensam.core.errors import LiteEnsamError, MarkError
from lite_ensam.core.grid import Grid
from lite_ensam.core.process_lock import ProcessLock
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.types import CtVolume
from lite_ensam.engines import Engine, WeightsManifest, check_engine, shared_backend
from lite_ensam.measurements import TumorMeasurement
from lite_ensam.segmentation import Prediction, Predictor, TumorRepeatability, estimate_repeatability
from lite_ensam.segmentation.channels import cut_patches
from lite_ensam.segmentation.painting import Painting, TumorLogits
from lite_ensam.widgets.hand_edits import HandEdit, HandVoxels, with_edits
from lite_ensam.widgets.options import RunOptions

__all__ = ["Lesion", "LesionSegmenter", "State"]

State = Literal["proposed", "accepted", "rejected"]

_KEPT_MARKS = 64
"""Logits of so many marks are kept (about 1 MB each): undoing a line or a click costs no network run."""

_LOADING = ProcessLock()
"""Whoever comes while the engine is being made ready waits for it, instead of doing it again."""


@dataclass(frozen=True)
class Lesion:
    """A mark that was segmented.

    Parameters
    ----------
    mark : RecistMark
        Line, short axis, slices and points.
    tumor : TumorLogits
        Logits of the lesion.
    seconds : float
        Seconds for cutting the patch and running the network.
    state : State, default "proposed"
        Verdict of the reader; a rejected mask is not painted.
    noise : TumorRepeatability or None, default None
        Standard deviations of the measurements, if repeats were asked for.
    """

    mark: RecistMark
    tumor: TumorLogits
    seconds: float
    state: State = "proposed"
    noise: TumorRepeatability | None = None

    def is_of(self, mark: RecistMark | None) -> bool:
        """Whether the mask was made from this mark, whatever it was called then."""
        return mark is not None and _drawn(self.mark) == _drawn(mark)


def _drawn(mark: RecistMark) -> RecistMark:
    """All of a mark that the network is given: neither label nor names."""
    return replace(mark, label=1, name="", tracking_uid="")


def _predictor(options: RunOptions) -> Predictor:
    """The engine for some options, made ready once a process."""
    return _ready_predictor(options, options.read_manifest())


@lru_cache(maxsize=2)
def _ready_predictor(options: RunOptions, manifest: WeightsManifest) -> Predictor:
    """An engine that has run once, on nothing: the first run of a patch size takes much longer than others."""
    backend = shared_backend(options.engine, options.threads, manifest)
    predictor = Predictor(backend, options.crop, options.window, options.mirror, options.border)
    config = predictor.patch_config(hu=True)
    side = config.side_voxels
    if predictor.crop == "lesion":
        blank = np.zeros((1, len(config.channels), side, side, side), dtype=np.float32)
        line = np.array([[[side / 2] * 3, [side / 2, side / 2, side / 4]]], dtype=np.float32)
        backend.logits(blank, line)
    return predictor


class LesionSegmenter:
    """Masks of the lines on one scan.

    Parameters
    ----------
    ct : CtVolume
        Voxels (z, y, x).
    grid : Grid or ScanSource
        Grid of the scan, or its source.
    hu : bool
        Whether `ct` is in Hounsfield units.
    options : RunOptions or None, default None
        Options of `lite_ensam.segment`.

    Attributes
    ----------
    states : dict[int, State]
        Verdicts by label of earlier work, for lesions that are still to be segmented.
    """

    def __init__(
        self, ct: CtVolume, grid: Grid | ScanSource, hu: bool, options: RunOptions | None = None
    ) -> None:
        self._ct: CtVolume | None = ct
        self.source, self.hu = ScanSource.of(grid), hu
        self.grid = self.source.grid
        self.options = options or RunOptions()
        self.lesions: dict[int, Lesion] = {}
        self.states: dict[int, State] = {}
        self.edited: dict[int, HandVoxels] = {}
        self._thresholds: Mapping[int, float] = {}
        self._shown: tuple[Painting | None, tuple[TumorMeasurement, ...]] = (None, ())
        self._network: tuple[tuple[TumorLogits, ...], object, Painting] | None = None
        self._case: Case | None = None
        self._loaded: Predictor | None = None
        self._kept: OrderedDict[RecistMark, Lesion] = OrderedDict()

    @property
    def engine(self) -> Engine:
        """Name of the engine."""
        return self.options.engine

    @property
    def ct(self) -> CtVolume:
        """The scan (z, y, x); LiteEnsamError after `close`."""
        if self._ct is None:
            raise LiteEnsamError("this viewer is closed and has let its scan go: make a new one with explore")
        return self._ct

    def close(self) -> None:
        """Let the scan go, and what was kept to be quick; masks and numbers stay."""
        self._ct = self._case = self._network = None
        self._forget()

    def use(self, options: RunOptions) -> None:
        """Segment by other options from now on: all masks are to be made again, readers' words on them stay."""
        self.states |= {label: lesion.state for label, lesion in self.lesions.items()}
        self._forget()
        self.options, self._loaded, self._network = options, None, None
        self.lesions = {}

    def _forget(self) -> None:
        self._kept.clear()
        if self._loaded is not None:
            self._loaded.forget()

    @property
    def painting(self) -> Painting | None:
        """Masks of all lesions that are not rejected, or None without any, as `paint` left them."""
        return self._shown[0]

    @property
    def measurements(self) -> tuple[TumorMeasurement, ...]:
        """Numbers of the lesions in `painting`."""
        return self._shown[1]

    @property
    def labels(self) -> NDArray[np.uint16]:
        """Label map (z, y, x) of `painting`."""
        painting = self.painting
        return np.zeros(self.grid.shape_zyx, np.uint16) if painting is None else painting.labels

    def load(self) -> Predictor:
        """The engine, loaded and made ready once a process.

        Raises
        ------
        EngineError
            If the engine or its weights cannot be used.
        """
        check_engine(self.options.engine)
        with _LOADING:
            if self._loaded is None:
                self._loaded = _predictor(self.options)
            return self._loaded

    def keep_only(self, marks: Iterable[RecistMark]) -> bool:
        """Forget masks whose mark is gone or has changed; whether there were any."""
        given = {mark.label: mark for mark in marks}
        kept = {label: lesion for label, lesion in self.lesions.items() if lesion.is_of(given.get(label))}
        changed = kept.keys() != self.lesions.keys()
        if changed and self.options.is_joint:
            kept = {}
        self.lesions = kept
        return changed

    def missing(self, marks: Iterable[RecistMark]) -> tuple[RecistMark, ...]:
        """Marks that have no mask yet, or one of another line, short axis, slice or point."""
        given = tuple(marks)
        missing = tuple(
            mark
            for mark in given
            if mark.label not in self.lesions or not self.lesions[mark.label].is_of(mark)
        )
        return given if missing and self.options.is_joint else missing

    def run(self, marks: Sequence[RecistMark], progress: Callable[[str], None] = lambda _: None) -> None:
        """Run the network for each mark, unless it was seen before.

        Parameters
        ----------
        marks : Sequence[RecistMark]
            Marks on this scan; a mark replaces an earlier one of its label.
        progress : Callable[[str], None], default lambda _: None
            Called with a sentence before each step.

        Raises
        ------
        CaseError, MarkError, EngineError
            As `lite_ensam.segment`; what was segmented before stays.
        """
        if marks and self.options.is_joint:
            progress(f"segmenting {len(marks)} lesion(s) …")
            self.lesions = {lesion.mark.label: self._as_judged(lesion) for lesion in self._look_at_all(marks)}
            return
        for n, mark in enumerate(marks, start=1):
            seen = self._kept.get(_drawn(mark))
            if seen is None:
                progress("loading the engine …")
                predictor = self.load()
                progress(f"segmenting lesion {mark.label} ({n} of {len(marks)}) …")
                seen = self._look(mark, predictor)
                self._kept[_drawn(mark)] = seen
                if len(self._kept) > _KEPT_MARKS:
                    self._kept.popitem(last=False)
            turned = mark.flipped(self.grid.flips_zyx, self.grid.shape_zyx)
            self.lesions[mark.label] = self._as_judged(
                replace(seen, mark=mark, tumor=replace(seen.tumor, mark=turned))
            )

    def _as_judged(self, lesion: Lesion) -> Lesion:
        return replace(lesion, state=self.states.pop(lesion.mark.label, "proposed"))

    def _look(self, mark: RecistMark, predictor: Predictor) -> Lesion:
        """Run the network on a line's patch, and on those of repeats if they are asked for."""
        start = time.perf_counter()
        if self._case is None:  # looks at every voxel, hence once
            self._case = Case(self.ct, self.grid, (mark,), hu=self.hu, source=self.source)
        tumor = predictor.predict_tumor(self._case, mark)
        noise = None
        if self.options.n_repeats:
            alone = replace(self._case, marks=(mark,))
            (noise,) = estimate_repeatability(alone, predictor, self.options.n_repeats)
        return Lesion(mark, tumor, time.perf_counter() - start, noise=noise)

    def _look_at_all(self, marks: Sequence[RecistMark]) -> list[Lesion]:
        """Run the network on the joint crop of all lines."""
        predictor, start = self.load(), time.perf_counter()
        self._case = case = Case(self.ct, self.grid, tuple(marks), hu=self.hu, source=self.source)
        if self.options.n_repeats:
            estimate_repeatability(case, predictor, self.options.n_repeats)  # says that it cannot be
        plan = predictor.plan(marks, self.grid)
        patches = cut_patches(case.flipped(plan.flips_zyx), plan, predictor.patch_config(self.hu))
        tumors = [predictor.predict_patch(patch) for patch in patches]
        seconds = (time.perf_counter() - start) / len(marks)
        return [Lesion(mark, tumor, seconds) for mark, tumor in zip(marks, tumors, strict=True)]

    def paint(
        self,
        threshold: float = 0.0,
        edits: Sequence[HandEdit] = (),
        thresholds: Mapping[int, float] | None = None,
    ) -> None:
        """Paint and measure all lesions that are not rejected: their logits, then what was made by hand.

        Parameters
        ----------
        threshold : float, default 0.0
            Logit above which a voxel is tumour.
        edits : Sequence[HandEdit], default ()
            Edits by hand in their order.
        thresholds : Mapping[int, float] or None, default None
            Thresholds of single lesions in place of `threshold`, by label.
        """
        shown = [le for _, le in sorted(self.lesions.items()) if le.state != "rejected"]
        self.edited = {}
        if not shown:
            self._shown = (None, ())
            return
        spacing = self.grid.spacing_mm
        self._thresholds = own = {
            le.mark.label: (thresholds or {}).get(le.mark.label, threshold) for le in shown
        }
        painting = self._network_painting([le.tumor for le in shown], own, threshold)
        part, self.edited = with_edits(painting.part, edits, spacing, own)
        painting = replace(painting, part=part)
        measurements = painting.measure([le.mark for le in shown], spacing, self.ct, self.hu)
        # a hand's mask is not the network's to judge; intervals are known at threshold 0 alone
        judged = self.load().with_confidence(measurements, [le.tumor for le in shown])
        judged = tuple(replace(one, confidence=None) if own[one.label] else one for one in judged)
        measurements = tuple(
            plain if plain.label in self.edited else one
            for plain, one in zip(measurements, judged, strict=True)
        )
        self._shown = (painting, measurements)  # at once: other threads read it

    def _network_painting(
        self, tumors: Sequence[TumorLogits], own: Mapping[int, float], threshold: float
    ) -> Painting:
        """Masks without edits; those of before if nothing but edits has changed: a stroke has to be quick.

        A lesion with a threshold of its own has its logits shifted by the difference, so that lesions compete for a
        voxel by what each has above its threshold.
        """
        made = (dict(own), threshold)
        if self._network is not None:
            known, how, painting = self._network
            if how == made and len(known) == len(tumors) and all(map(operator.is_, known, tumors)):
                return painting
        shifted = [
            replace(one, logits=one.logits - np.float32(shift)) if shift else one
            for one in tumors
            for shift in [own[one.mark.label] - threshold]
        ]
        assert self._case is not None  # a lesion was segmented on it
        painting = self.load().paint(shifted, self._case, threshold)
        self._network = (tuple(tumors), made, painting)
        return painting

    def prediction(self) -> tuple[Case, Prediction] | None:
        """The case of the lesions that are shown and their logits and masks, for reports; None without any."""
        shown = [le for _, le in sorted(self.lesions.items()) if le.state != "rejected"]
        if self.painting is None or self._case is None or not shown:
            return None
        case = replace(self._case, marks=tuple(le.mark for le in shown))
        return case, Prediction(tuple(le.tumor for le in shown), self.painting)

    def set_state(self, label: int, state: State) -> None:
        """Accept, reject or propose again; `paint` shows it.

        Raises
        ------
        MarkError
            If the label has no mask.
        """
        if label not in self.lesions:
            raise MarkError(f"lesion {label} has no mask yet: segment it first")
        self.lesions[label] = replace(self.lesions[label], state=state)

    def judge_again(self, labels: Iterable[int]) -> None:
        """Masks that a hand has changed are no longer accepted; a rejected one stays so."""
        for label in labels:
            if label in self.lesions and self.lesions[label].state == "accepted":
                self.set_state(label, "proposed")

    def rows(self) -> list[dict[str, Any]]:
        """One JSON-ready row a lesion: numbers, seconds and state; a rejected one has no numbers."""
        recovered = {} if self.painting is None else self.painting.recovered
        measured = {
            m.label: m.to_dict() | {"recovery_offset": recovered.get(m.label, 0.0)} for m in self.measurements
        }
        return [
            self._row(label, lesion) | measured.get(label, {})
            for label, lesion in sorted(self.lesions.items())
        ]

    def _row(self, label: int, lesion: Lesion) -> dict[str, Any]:
        by_hand = self.edited.get(label, HandVoxels(0, 0))
        row: dict[str, Any] = {
            "label": label,
            "state": lesion.state,
            "seconds": round(lesion.seconds, 3),
            "hand_added_voxels": by_hand.added,
            "hand_removed_voxels": by_hand.removed,
        }
        is_own = label in self.edited or self._thresholds.get(label, 1.0) != 0  # the repeats have neither
        return row | (lesion.noise.to_dict() if lesion.noise is not None and not is_own else {})
