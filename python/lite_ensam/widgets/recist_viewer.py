"""`RecistViewer`: a CT in three planes on which RECIST lines are drawn and segmented."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import Any

import numpy as np
import traitlets
from numpy.typing import NDArray

from lite_ensam.core.case import check_hu, guess_hu
from lite_ensam.core.colors import PALETTE, color_of
from lite_ensam.core.errors import ArgumentError, LiteEnsamError, brief
from lite_ensam.core.grid import Grid
from lite_ensam.core.number_kinds import is_whole
from lite_ensam.core.process_lock import ProcessLock
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.types import CtVolume
from lite_ensam.core.voxels import as_ct
from lite_ensam.figures.tumor_planes import choose_window
from lite_ensam.io import MarksLike, parse_marks
from lite_ensam.measurements import TumorMeasurement
from lite_ensam.widgets.browser_input import (
    SlicesRequest,
    ToolRequest,
    check_state,
    label_of,
    slices_request,
    tool_request,
    voxel_of,
)
from lite_ensam.widgets.frontend import CSS, ESM
from lite_ensam.widgets.hand import Hand
from lite_ensam.widgets.hand_edits import changed_labels, edits_from_json
from lite_ensam.widgets.history import History, Work
from lite_ensam.widgets.lifetime import close_with_parts, hold_weakly, keep_while_shown
from lite_ensam.widgets.marks_trait import Marks, checked_marks, marks_from_json, marks_to_json
from lite_ensam.widgets.mask_traits import MASK_TRAITS, MaskTraits
from lite_ensam.widgets.measures import measure_from_json, roi_statistics
from lite_ensam.widgets.options import RunOptions
from lite_ensam.widgets.planes import WINDOWS_HU, planes_of
from lite_ensam.widgets.prior_visit import PriorVisit
from lite_ensam.widgets.scene import surfaces_message
from lite_ensam.widgets.segmenter import LesionSegmenter, State
from lite_ensam.widgets.session import Session
from lite_ensam.widgets.slabs import Slab
from lite_ensam.widgets.slice_messages import ScanPicture, VisitPicture, Want, slices_message
from lite_ensam.widgets.still import ViewerState, is_watched, with_still

__all__ = ["RecistViewer"]


class RecistViewer(MaskTraits):
    """Viewer of one scan; lines are drawn with the mouse and become masks.

    Slices travel to the browser one by one, windowed to 8 bits; the scan itself stays here. ipykernel 7 handles what
    the browser sends in a thread of its own: whoever reads masks or numbers waits for a running segmentation.

    Parameters
    ----------
    ct : NDArray[Any]
        Voxels (z, y, x), in HU or windowed.
    spacing_mm : Sequence[float] or None, default None
        Voxel spacing (z, y, x) in mm, unless `grid` is given.
    grid : ScanSource or Grid or None, default None
        Geometry of the scan, or its source from `lite_ensam.read_ct`. An array without either is shown as it
        is stored, without letters for the sides of the body.
    marks : MarksLike, default ()
        Lines to begin with, in any form that `lite_ensam.segment` takes.
    hu : bool or None, default None
        True for Hounsfield units, False for a windowed scan, None to decide by the values.
    auto_segment : bool, default True
        Whether a line is segmented as soon as it is finished.
    threshold : float, default 0.0
        Logit above which a voxel is tumour.
    prior : PriorVisit or None, default None
        An earlier scan of the patient, registered to this one and shown next to it.
    **options : Any
        Options of `lite_ensam.segment` by name, see `RunOptions`.

    Attributes
    ----------
    marks : tuple[RecistMark, ...]
        The lines on the picture. Set it, in any form that `lite_ensam.segment` takes, to change the picture;
        `observe` it to follow changes.
    selected : int
        Label of the lesion that keys and buttons act on; 0 for no lesion.
    cursor_zyx : list[int]
        Indices of the three slices that are shown.
    window : list[float]
        Values shown as black and as white, the lower one first.
    colors : dict[str, str]
        "#rrggbb" by label as text, of lesions with a colour outside the palette.
    edits : list[dict[str, Any]]
        Edits by hand as JSON (`hand_edits.edits_from_json`), applied to the network's masks in this order;
        `hand` has a method for each tool.
    measures : list[dict[str, Any]]
        Rulers and ROIs as JSON (`measures.Measure`); they do not change masks and are not exported.
    threshold : float
        As the parameter; setting it paints masks again, without running the network.
    auto_segment : bool
        As the parameter.
    thresholds : dict[str, float]
        Thresholds of single lesions in place of `threshold`, by label as text.
    options : dict[str, Any]
        Options of `lite_ensam.segment` as JSON (`RunOptions.as_json`); setting it segments again.
    results : list[dict[str, Any]]
        A row for each segmented lesion: measurements, seconds, state. A lesion has no row while its line is
        segmented.
    status : str
        Sentence on the running segmentation, or an empty text.
    error : str
        Last error message, or an empty text.
    segmenter : LesionSegmenter
        Segmenter of the scan, with lesions and measurements.
    source : ScanSource
        Source of the scan.
    lock : ProcessLock
        Held while marks, masks and measurements change, but not while slices are sent.

    Raises
    ------
    LiteEnsamError
        If scan, grid or marks are bad.
    """

    _esm = ESM
    _css = CSS

    marks = Marks().tag(
        sync=True,
        to_json=lambda marks, _: marks_to_json(marks),
        from_json=lambda entries, viewer: marks_from_json(entries, viewer.grid.shape_zyx),
    )
    selected = traitlets.Int(0).tag(sync=True)
    cursor_zyx = traitlets.List(traitlets.Int(), [0, 0, 0]).tag(sync=True)
    window = traitlets.List(traitlets.Float(), [-160.0, 240.0], minlen=2, maxlen=2).tag(sync=True)
    colors = traitlets.Dict().tag(sync=True)
    measures: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    auto_segment = traitlets.Bool(True).tag(sync=True)
    results: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    status = traitlets.Unicode("").tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    _scan = traitlets.Dict().tag(sync=True)
    _mask_version = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        ct: NDArray[Any],
        spacing_mm: Sequence[float] | None = None,
        *,
        grid: ScanSource | Grid | None = None,
        marks: MarksLike = (),
        hu: bool | None = None,
        auto_segment: bool = True,
        threshold: float = 0.0,
        prior: PriorVisit | None = None,
        **options: Any,
    ) -> None:
        # over marks, masks and numbers; never held for slices alone, so scrolling stays alive
        self.lock = ProcessLock()
        volume = as_ct(ct)
        if grid is None:
            if spacing_mm is None:
                raise ArgumentError("spacing_mm is missing: an array does not know its voxel size in mm")
            grid = Grid.from_spacing(volume.shape, spacing_mm)
        self.source = ScanSource.of(grid)
        grid = self.source.grid
        if volume.shape != grid.shape_zyx:
            raise ArgumentError(f"ct has shape {volume.shape}, its grid {grid.shape_zyx} (z, y, x)")
        self.grid, self.planes = grid, planes_of(grid)
        check_hu(hu)
        self.hu = guess_hu(volume) if hu is None else bool(hu)
        check_state({"auto_segment": auto_segment}, grid.shape_zyx)
        run = RunOptions(**options)
        self.segmenter = LesionSegmenter(volume, self.source, self.hu, run)
        self._visits: list[VisitPicture] = [ScanPicture(self.segmenter)]
        if prior is not None:
            self._visits.append(prior)
        given = checked_marks(parse_marks(marks, self.source), grid.shape_zyx)
        windows = _windows(volume, self.hu)
        super().__init__(
            marks=given,
            cursor_zyx=_first_view(given, grid),
            window=list(_first_window(volume, given if self.hu else (), windows)),
            threshold=threshold,
            auto_segment=auto_segment,
            options=run.as_json(),
            _scan={
                "shape_zyx": grid.shape_zyx,
                "spacing_mm": grid.spacing_mm,
                "planes": [asdict(plane) for plane in self.planes],
                "windows": windows,
                "palette": PALETTE,
                "unit": "HU" if self.hu else "",
                "prior": None if prior is None else prior.results(),
            },
        )
        hold_weakly(self)
        self._warm = False
        self.on_msg(self._on_message)
        self.observe(self._on_marks, "marks")
        self.observe(self._on_threshold, "threshold")
        self.observe(self._on_hand, ["edits", "thresholds"])
        self.observe(self._on_options, "options")
        self._history = History(self._work())
        self.observe(self._note, list(Work._fields))

    @property
    def ct(self) -> CtVolume:
        """The scan (z, y, x); LiteEnsamError once the viewer is closed."""
        return self.segmenter.ct

    @property
    def hand(self) -> Hand:
        """Tools for edits by hand: paint, fill between slices, remove islands, smooth."""
        return Hand(self)

    def close(self) -> None:
        """Remove the viewer from the page and free its scan; marks, masks and measurements stay readable.

        As long as it is not closed, a viewer keeps its scan while a variable holds it, or a cell's output shows it.
        """
        if self.comm is None:  # closed, or its scan was refused
            return
        with self.lock:
            close_with_parts(self)
            self.segmenter.close()
            self._visits.clear()

    def __repr__(self) -> str:
        shape = " x ".join(str(n) for n in self.grid.shape_zyx)
        lines, masks = len(self.marks), len(self.segmenter.measurements)
        return f"RecistViewer({shape} voxels, {lines} line(s), {masks} mask(s))"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        keep_while_shown(self)
        shown = super()._repr_mimebundle_(**kwargs)
        return shown and (self.with_still(shown[0]), shown[1])

    def with_still(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """Add a still picture to the output of a cell, for pages where the live view cannot run.

        Parameters
        ----------
        bundle : dict[str, Any]
            The widget's own output, by MIME type.

        Returns
        -------
        dict[str, Any]
            Output with a PNG, by MIME type.
        """
        if not is_watched():
            self.segment_waiting()  # else the browser asks for it, once its first picture stands
        return with_still(bundle, self.state())

    def state(self) -> ViewerState:
        """Return the state that is shown now, without starting a segmentation.

        Returns
        -------
        ViewerState
            Slices, lines and masks.
        """
        with self.settled(segment=False):
            painting, (low, high) = self.segmenter.painting, self.window
            labels = {mark.label for mark in self.marks} | {row.label for row in self.segmenter.measurements}
            return ViewerState(
                ct=self.ct,
                spacing_mm=self.grid.spacing_mm,
                planes=self.planes,
                cursor_zyx=tuple(self.cursor_zyx),
                window=(low, high),
                marks=self.marks,
                colors={label: self.color_of(label) for label in labels},
                painted=None if painting is None else painting.part,
                volumes_ml={row.label: row.volume_ml for row in self.segmenter.measurements},
            )

    @property
    def labels(self) -> NDArray[np.uint16]:
        """Label map uint16 (z, y, x) of all lesions that are not rejected; waits for a segmentation, see `settled`."""
        with self.settled():
            return self.segmenter.labels

    @property
    def measurements(self) -> tuple[TumorMeasurement, ...]:
        """Measurements of the lesions in `labels`; waits for a segmentation, see `settled`."""
        with self.settled():
            return self.segmenter.measurements

    @contextmanager
    def settled(self, segment: bool = True) -> Iterator[None]:
        """Hold lines, masks and measurements in agreement while the block runs.

        A running segmentation is waited for, and masks of lines that have moved are taken out.

        Parameters
        ----------
        segment : bool, default True
            Whether to segment lines without a mask first, if `auto_segment` is on.

        Yields
        ------
        None
            Nothing; the lock is held inside the block.

        Raises
        ------
        LiteEnsamError
            As `lite_ensam.segment`, if a line is segmented.
        """
        with self.lock:
            self._settle(segment)
            yield

    def color_of(self, label: int) -> str:
        """Return the colour of a lesion.

        Parameters
        ----------
        label : int
            Label of the lesion.

        Returns
        -------
        str
            "#rrggbb".
        """
        color: str = self.colors.get(str(label), color_of(label))
        return color

    def resume(self, session: Session) -> None:
        """Restore saved work: edits by hand, thresholds, accepted and rejected masks.

        Parameters
        ----------
        session : Session
            Work from `read_session`.
        """
        with self.lock:
            self.segmenter.states |= session.states
            self.thresholds, self.edits = session.thresholds, session.edits
            self.forget_others({mark.label for mark in self.marks})
            self._history = History(self._work())  # undo does not reach before that

    def warm_up(self) -> None:
        """Prepare the engine in the background, so that the first line does not wait for it.

        A viewer whose lines are segmented by themselves does so once its first picture stands.
        """
        if self._warm:
            return
        self._warm = True
        pool = ThreadPoolExecutor(1, thread_name_prefix="lite-ensam")
        pool.submit(self.segmenter.load)  # what goes wrong is said when a line is segmented
        pool.shutdown(wait=False)

    def segment(self) -> None:
        """Segment every mark that has no mask yet.

        Raises
        ------
        LiteEnsamError
            As `lite_ensam.segment`. From the widget's own button the sentence is shown instead.
        """
        with self.lock:
            _ = self.ct  # says so if the viewer is closed
            try:
                if self.segmenter.keep_only(self.marks):
                    # no old numbers beside a new line while the network runs
                    self.results = self.segmenter.rows()
                self.segmenter.run(self.segmenter.missing(self.marks), self._tell)
            finally:
                self._tell("")
                self._paint()

    def segment_waiting(self) -> None:
        """Segment waiting lines when a browser asks for it; errors go to `error`."""
        if self.auto_segment and self.segmenter.missing(self.marks):
            self._guarded(self.segment)

    def accept(self, label: int) -> None:
        """Mark a mask as correct; a line that is redrawn must be accepted again.

        Parameters
        ----------
        label : int
            Label of the lesion.
        """
        self._judge(label, "accepted")

    def reject(self, label: int) -> None:
        """Hide a mask and keep its line; `accept` restores it.

        Parameters
        ----------
        label : int
            Label of the lesion.
        """
        self._judge(label, "rejected")

    def _handle_msg(self, msg: dict[str, Any]) -> None:
        """Any message from the browser; one that ipywidgets would stumble over is named in `error`."""
        data = msg.get("content", {}).get("data")
        if isinstance(data, dict) and "method" in data and not data.get("buffer_paths"):
            super()._handle_msg(msg)
        else:
            self.error = f"the browser sent a message that is not known: {brief(data)}"

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Apply the browser's changes: all of them, or none and a message in `error` if one is invalid.

        Nobody reads between a new line and the masks that follow from it.

        Parameters
        ----------
        sync_data : dict[str, Any]
            Values by trait name, as the browser sends them.
        """
        try:
            check_state(sync_data, self.grid.shape_zyx)
        except LiteEnsamError as error:
            self.error = str(error)
            known = [name for name in sync_data if name in self.keys] if isinstance(sync_data, dict) else []
            if set(known) & set(Work._fields):
                self.send({"kind": "refused", "work": self._work().to_json()})
            if known:
                self.send_state(known)  # the browser shows again what there is
            return
        with self.lock if MASK_TRAITS & sync_data.keys() else nullcontext():
            super().set_state(sync_data)

    def _work(self) -> Work:
        return Work(self.marks, self.edits, self.thresholds, self.measures)

    def _note(self, _: Any) -> None:
        self._history.note(self._work())

    def _judge(self, label: int, state: State) -> None:
        with self.lock:
            self.segmenter.set_state(label, state)
            self._paint()

    def _settle(self, segment: bool = True) -> None:
        if segment and self.auto_segment and self.segmenter.missing(self.marks):
            self.segment()
        elif self.segmenter.keep_only(self.marks):
            self._paint()

    def _tell(self, words: str) -> None:
        self.status = words

    def _paint(self) -> None:
        """Masks of the slices that are shown are sent without being asked for: a round trip less to wait for."""
        with self.lock:
            self.segmenter.paint(
                self.threshold, edits_from_json(self.edits, self.grid.shape_zyx), self.own_thresholds
            )
            shown = [(number, self.cursor_zyx[plane.cut], False) for number, plane in enumerate(self.planes)]
            self._send_slices(shown, self.window, self._mask_version + 1)
            self.results = self.segmenter.rows()
            self._mask_version += 1  # last, for the 3D view follows it

    @traitlets.validate("measures", "cursor_zyx", "selected", "colors")
    def _as_a_browser_may(self, proposal: Any) -> Any:
        check_state({proposal["trait"].name: proposal["value"]}, self.grid.shape_zyx)
        return proposal["value"]

    @traitlets.validate("window")
    def _check_window(self, proposal: Any) -> list[float]:
        low, high = proposal["value"]
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise traitlets.TraitError(f"window must be two values, the lower one first, got {low}, {high}")
        return [float(low), float(high)]

    def _on_marks(self, _: Any) -> None:
        with self.lock:
            self.forget_others({mark.label for mark in self.marks})
            self._guarded(self._settle)

    def _on_threshold(self, _: Any) -> None:
        with self.lock:
            if self.segmenter.lesions:
                self._guarded(self._paint)

    def _on_hand(self, change: Any) -> None:
        with self.lock:
            self.segmenter.judge_again(changed_labels(change["old"], change["new"]))
            if self.segmenter.lesions:
                self._guarded(self._paint)

    def _on_options(self, _: Any) -> None:
        with self.lock:
            again = bool(self.segmenter.lesions)
            self.segmenter.use(RunOptions.from_json(self.options))
            if again or self.auto_segment:
                self._guarded(self.segment)

    def _guarded(self, action: Callable[[], None], wipe: bool = True) -> None:
        """Do it; what goes wrong is said in the widget and never ends the kernel's handler.

        An earlier error is wiped, but not while the user scrolls.
        """
        if wipe:
            self.error = ""
        try:
            action()
        except LiteEnsamError as error:
            self.error = str(error)
        except Exception as error:
            self.error = f"Something unforeseen went wrong: {type(error).__name__}: {error}"

    def _on_message(self, _: Any, content: Any, __: Any) -> None:
        """Handle the browser's requests other than changes of traits."""
        kind = content.get("kind") if isinstance(content, dict) else None
        if kind == "slices":
            self._guarded(lambda: self._answer(slices_request(content, self._n_planes)), wipe=False)
        elif kind == "value":
            self._guarded(lambda: self._send_value(content), wipe=False)
        elif kind == "history":
            self.send({"kind": "history"} | self._history.to_json())
        elif kind == "surfaces":
            self._guarded(self._send_surfaces, wipe=False)
        elif kind == "roi":
            self._guarded(lambda: self._send_statistics(content.get("measure")), wipe=False)
        elif kind == "segment":
            self._guarded(self.segment)
        elif kind == "accept":
            self._guarded(lambda: self.accept(label_of(content)))
        elif kind == "reject":
            self._guarded(lambda: self.reject(label_of(content)))
        elif kind == "tool":
            self._guarded(lambda: self._use_tool(tool_request(content)))
        else:
            self.error = f"the browser sent a message that is not known: {brief(kind)}"

    def _answer(self, request: SlicesRequest) -> None:
        """Slices that the browser asked for. The engine's turn comes after the first picture."""
        self._send_slices(request.wants, request.window, self._mask_version, request.slab, request.id)
        if self.auto_segment:
            self.warm_up()

    def _send_slices(
        self,
        wants: Iterable[Want],
        window: Sequence[float],
        mask_version: int,
        slab: Slab | None = None,
        asked: str | None = None,
    ) -> None:
        low, high = window
        message, buffers = slices_message(
            self._open_visits(), self.planes, wants, (low, high), slab, mask_version
        )
        self.send(message | {"id": asked}, buffers)

    def _use_tool(self, request: ToolRequest) -> None:
        """A tool of the hand that the browser asks for; it is told what was done."""
        words = request.use(self.hand)
        self.send({"kind": "said", "words": words})

    def _open_visits(self) -> Sequence[VisitPicture]:
        _ = self.ct  # says so if the viewer is closed
        return self._visits

    def _visit(self, number: Any) -> VisitPicture:
        """The scan, 0, or the prior visit, 1."""
        visits = self._open_visits()
        if not is_whole(number) or not 0 <= number < len(visits):
            raise ArgumentError(f"visit must be 0, or 1 where there is a prior one, got {brief(number)}")
        return visits[number]

    @property
    def _n_planes(self) -> int:
        """Those of the scan, and as many of the prior visit."""
        return len(self.planes) * (1 if self._scan["prior"] is None else 2)

    def _send_surfaces(self) -> None:
        with self.lock:
            painting = self.segmenter.painting
            part, marks = None if painting is None else painting.part, self.marks
        self.send(*surfaces_message(part, marks, self.grid))

    def _send_statistics(self, given: Any) -> None:
        measure = measure_from_json(given, self.grid.shape_zyx)
        visit, number = divmod(measure.plane, len(self.planes))
        plane = self.planes[number]
        found = roi_statistics(self._visit(visit).values(plane, measure.index), plane, measure.ends)
        self.send({"kind": "roi", "measure": given, "statistics": found})

    def _send_value(self, content: dict[str, Any]) -> None:
        zyx, visit = voxel_of(content, self.grid.shape_zyx), content.get("visit", 0)
        value = self._visit(visit).value(zyx)
        self.send({"kind": "value", "zyx": list(zyx), "visit": visit, "value": value})


def _windows(ct: NDArray[Any], hu: bool) -> dict[str, tuple[float, float]]:
    """Presets by name; a windowed scan has its own range only."""
    if hu:
        return dict(WINDOWS_HU)
    low, high = float(ct.min()), float(ct.max())
    return {"as stored": (low, high if low < high else low + 1.0)}


def _first_window(
    ct: CtVolume, marks: Sequence[RecistMark], windows: Mapping[str, tuple[float, float]]
) -> tuple[float, float]:
    """The preset that suits the first line; the first one where none does, as next to the skin."""
    first = next(iter(windows.values()))
    chosen = choose_window(ct, marks[0]) if marks else first
    return chosen if chosen in windows.values() else first


def _first_view(marks: Sequence[RecistMark], grid: Grid) -> list[int]:
    """The first line's middle, or the scan's."""
    middle = marks[0].midpoint_zyx if marks else (np.asarray(grid.shape_zyx) - 1) / 2
    return [min(max(round(float(m)), 0), n - 1) for m, n in zip(middle, grid.shape_zyx, strict=True)]
