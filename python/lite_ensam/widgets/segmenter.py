"""Marks in, label map out, again and again: what was computed for a mark is kept until it changes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
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
from lite_ensam.core.types import CtVolume
from lite_ensam.engines import Engine, WeightsManifest, check_engine, shared_backend
from lite_ensam.measurements import TumorMeasurement
from lite_ensam.segmentation import Predictor
from lite_ensam.segmentation.painting import Painting, TumorLogits, paint_tumors
from lite_ensam.widgets.hand_strokes import Stroke, with_strokes
from lite_ensam.widgets.planes import planes_of

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
    mark : line, short axis, slices and points
    tumor : its logits
    seconds : taken by cutting the patch and by the network
    state : what the reader said of the mask; a rejected one is not painted
    """

    mark: RecistMark
    tumor: TumorLogits
    seconds: float
    state: State = "proposed"

    def is_of(self, mark: RecistMark | None) -> bool:
        """Whether the mask was made from this mark, whatever it was called then."""
        return mark is not None and _drawn(self.mark) == _drawn(mark)


def _drawn(mark: RecistMark) -> RecistMark:
    """All of a mark that the network is given: neither label nor names."""
    return replace(mark, label=1, name="", tracking_uid="")


@lru_cache(maxsize=2)
def _predictor(engine: Engine, threads: int | None) -> Predictor:
    """An engine that has run once, on nothing: the first run of a patch size takes much longer than others."""
    predictor = Predictor(shared_backend(engine, threads, WeightsManifest.read()))
    config = predictor.patch_config(hu=True)
    side = config.side_voxels
    blank = np.zeros((1, len(config.channels), side, side, side), dtype=np.float32)
    line = np.array([[[side / 2] * 3, [side / 2, side / 2, side / 4]]], dtype=np.float32)
    predictor.backend.logits(blank, line)
    return predictor


class LesionSegmenter:
    """Masks of the lines on one scan.

    Parameters
    ----------
    ct : (z, y, x)
    grid : of the scan
    hu : whether `ct` is in Hounsfield units
    engine, threads : see `lite_ensam.segment`
    """

    def __init__(
        self, ct: CtVolume, grid: Grid, hu: bool, engine: Engine = "openvino", threads: int | None = None
    ) -> None:
        self._ct: CtVolume | None = ct
        self.grid, self.hu = grid, hu
        self.engine, self.threads = engine, threads
        self.lesions: dict[int, Lesion] = {}
        self.edited_voxels: dict[int, int] = {}
        self._shown: tuple[Painting | None, tuple[TumorMeasurement, ...]] = (None, ())
        self._case: Case | None = None
        self._kept: OrderedDict[RecistMark, Lesion] = OrderedDict()

    @property
    def ct(self) -> CtVolume:
        """The scan (z, y, x); LiteEnsamError after `close`."""
        if self._ct is None:
            raise LiteEnsamError("this viewer is closed and has let its scan go: make a new one with explore")
        return self._ct

    def close(self) -> None:
        """Let the scan go, and what was kept to be quick; masks and numbers stay."""
        self._ct = self._case = None
        self._kept.clear()

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
        check_engine(self.engine)
        with _LOADING:
            return _predictor(self.engine, self.threads)

    def keep_only(self, marks: Iterable[RecistMark]) -> bool:
        """Forget masks whose mark is gone or has changed; whether there were any."""
        given = {mark.label: mark for mark in marks}
        kept = {label: lesion for label, lesion in self.lesions.items() if lesion.is_of(given.get(label))}
        changed = kept.keys() != self.lesions.keys()
        self.lesions = kept
        return changed

    def missing(self, marks: Iterable[RecistMark]) -> tuple[RecistMark, ...]:
        """Marks that have no mask yet, or one of another line, short axis, slice or point."""
        return tuple(
            mark
            for mark in marks
            if mark.label not in self.lesions or not self.lesions[mark.label].is_of(mark)
        )

    def run(self, marks: Sequence[RecistMark], progress: Callable[[str], None] = lambda _: None) -> None:
        """Run the network for each mark, unless it was seen before.

        Parameters
        ----------
        marks : on this scan; a label that was segmented before is replaced
        progress : is told in words what comes next

        Raises
        ------
        CaseError, MarkError, EngineError
            As `lite_ensam.segment`; what was segmented before stays.
        """
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
            self.lesions[mark.label] = replace(seen, mark=mark, tumor=replace(seen.tumor, mark=turned))

    def _look(self, mark: RecistMark, predictor: Predictor) -> Lesion:
        """Run the network on a line's patch."""
        start = time.perf_counter()
        if self._case is None:  # looks at every voxel, hence once
            self._case = Case(self.ct, self.grid, (mark,), hu=self.hu)
        return Lesion(mark, predictor.predict_tumor(self._case, mark), time.perf_counter() - start)

    def paint(self, threshold: float = 0.0, strokes: Sequence[Stroke] = ()) -> None:
        """Paint and measure all lesions that are not rejected: their logits, then what was made by hand."""
        shown = [le for _, le in sorted(self.lesions.items()) if le.state != "rejected"]
        self.edited_voxels = {}
        if not shown:
            self._shown = (None, ())
            return
        spacing = self.grid.spacing_mm
        painting = paint_tumors([le.tumor for le in shown], spacing, threshold).flipped(self.grid.flips_zyx)
        labels = [le.mark.label for le in shown]
        part, self.edited_voxels = with_strokes(painting.part, strokes, planes_of(self.grid), labels)
        painting = replace(painting, part=part)
        measurements = painting.measure([le.mark for le in shown], spacing, self.ct, self.hu)
        sure = self.load().with_confidence(measurements, [le.tumor for le in shown], threshold)
        measurements = tuple(  # what was made by hand is not the network's to judge
            plain if plain.label in self.edited_voxels else one
            for plain, one in zip(measurements, sure, strict=True)
        )
        self._shown = (painting, measurements)  # at once: other threads read it

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
        measured = {m.label: m.to_dict() for m in self.measurements}
        return [
            {
                "label": label,
                "state": lesion.state,
                "seconds": round(lesion.seconds, 3),
                "edited_voxels": self.edited_voxels.get(label, 0),
            }
            | measured.get(label, {})
            for label, lesion in sorted(self.lesions.items())
        ]
