"""`explore`: one call from a scan to a viewer with masks, numbers, 3D and files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from html import escape
from pathlib import Path
from typing import Any
from weakref import finalize

import ipywidgets

from lite_ensam.core.case import guess_hu
from lite_ensam.core.errors import ArgumentError, CaseError, LiteEnsamError, OutputError, brief
from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import value_range
from lite_ensam.core.patch_config import Crop
from lite_ensam.core.plausibility import intensity_error
from lite_ensam.core.prompts import Prompts
from lite_ensam.core.scan_source import SourceLike
from lite_ensam.core.types import CtVolume, PathLike
from lite_ensam.engines import Engine
from lite_ensam.io import MarkFrame, MarksLike, ScanLike, open_scan
from lite_ensam.io.choice import Choice, SeriesChoice
from lite_ensam.io.outputs import refuse_inputs
from lite_ensam.segmentation import Border
from lite_ensam.segmentation.api import with_prompts
from lite_ensam.segmentation.predictor import checked_threshold
from lite_ensam.widgets.exports import EXPORT_KINDS, export_fault, export_file, export_paths
from lite_ensam.widgets.lifetime import close_with_parts, hold_weakly, keep_while_shown, weakly
from lite_ensam.widgets.options import RunOptions
from lite_ensam.widgets.prior_visit import PriorVisit
from lite_ensam.widgets.recist_viewer import RecistViewer
from lite_ensam.widgets.segmenter import LesionSegmenter
from lite_ensam.widgets.session import read_session
from lite_ensam.widgets.view_3d import Picture, View3d, check_view_3d, render_tumors_3d, view_itk, view_tumors

__all__ = ["Explorer", "explore"]

_PLOT_HEIGHT = 420


class Explorer(ipywidgets.VBox):  # type: ignore[misc]
    """Viewer of a scan with a table of its lesions, a 3D view and buttons that write files.

    Parameters
    ----------
    viewer : RecistViewer
        Viewer of the scan.
    name : str, default "scan"
        Name that file names begin with.
    folder : PathLike, default "."
        Folder that the buttons write to; it can be changed in the widget.
    inputs : Sequence[PathLike], default ()
        Files and folders that were read: never written over or into.
    view_3d : View3d, default "k3d"
        Viewer of the button 3D: "k3d", which works offline, or "itk", which needs the internet (`view_itk`).

    Attributes
    ----------
    viewer : RecistViewer
        Its `labels` and `measurements` are always those of its `marks`.
    """

    def __init__(
        self,
        viewer: RecistViewer,
        name: str = "scan",
        folder: PathLike = ".",
        inputs: Sequence[PathLike] = (),
        view_3d: View3d = "k3d",
    ) -> None:
        check_view_3d(view_3d)
        self.view_3d = view_3d
        self.viewer, self.name, self._inputs = viewer, name, tuple(inputs)
        self._plot: Any = None
        self._folder = ipywidgets.Text(
            value=os.fspath(folder),
            description="files go to",
            style={"description_width": "initial"},
            layout={"width": "280px"},
        )
        self._overwrite = ipywidgets.Checkbox(
            value=False, description="replace files", indent=False, layout={"width": "110px"}
        )
        self._words = ipywidgets.HTML()
        self._in_3d = ipywidgets.ToggleButton(value=False, description="3D", layout={"width": "70px"})
        self._place_3d = ipywidgets.VBox()
        buttons = [self._button(**offer) for offer in self.offers()]
        bar = ipywidgets.HBox(
            [self._in_3d, self._folder, *buttons, self._overwrite], layout={"flex_flow": "row wrap"}
        )
        super().__init__([viewer, bar, self._words, self._place_3d])
        hold_weakly(self)
        finalize(self, _close_all, (bar, self._words, self._place_3d, self.layout)).atexit = False
        self._in_3d.observe(weakly(self._on_toggle), "value")
        viewer.observe(weakly(self._on_masks), ["_mask_version", "colors"])

    def __repr__(self) -> str:
        return f"Explorer({self.name!r}: {self.viewer!r})"

    def close(self) -> None:
        """Remove the widget from the page and free the scan (`RecistViewer.close`)."""
        self.viewer.close()
        close_with_parts(self)

    def __del__(self) -> None:
        super().close()  # but not the viewer, which may have a name of its own

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        keep_while_shown(self)
        return self.viewer.with_still(super()._repr_mimebundle_(**kwargs))

    def save(self, kind: str, overwrite: bool = False) -> Path:
        """Write "SEG", "SR", "RTSTRUCT", "NIfTI", "JSON", "CSV" or "PNG" into the folder.

        A structured report is written next to the SEG that it refers to, which is written with it unless it is there.

        Parameters
        ----------
        kind : str
            Kind of the file.
        overwrite : bool, default False
            Whether an existing file may be replaced.

        Returns
        -------
        Path
            Path of the file.

        Raises
        ------
        OutputError
            If there is nothing to write, the scan is not DICOM where it must be, or the file exists, is one of the
            inputs, or cannot be written.
        """
        refuse_inputs(self._paths(kind), self._inputs)
        return export_file(self.viewer, kind, self.name, self._folder.value or ".", overwrite)

    def save_and_tell(self, kind: str, overwrite: bool = False) -> str:
        """Write a file as `save` does and describe it in a sentence for the page.

        Parameters
        ----------
        kind : str
            Kind of the file.
        overwrite : bool, default False
            Whether an existing file may be replaced.

        Returns
        -------
        str
            The sentence.
        """
        paths = self._paths(kind)
        for path in paths:
            if path.exists() and not overwrite:
                raise OutputError(f"{path.name} exists: tick “replace files” to write it again")
        self.save(kind, overwrite)
        return f"written: {', '.join(str(path.absolute()) for path in paths)}"

    def _paths(self, kind: str) -> tuple[Path, ...]:
        return export_paths(self.viewer, kind, self.name, self._folder.value or ".")

    def offers(self) -> list[dict[str, str]]:
        """List the buttons that write files.

        Returns
        -------
        list[dict[str, str]]
            `kind` of each, name of its `file`, and `fault`, the reason why it cannot be written, or an empty text.
        """
        return [
            {"kind": kind, "file": self._paths(kind)[0].name, "fault": export_fault(self.viewer, kind)}
            for kind in EXPORT_KINDS
        ]

    @property
    def folder(self) -> Path:
        """Where the buttons write."""
        return Path(self._folder.value or ".").absolute()

    def picture(self) -> Picture:
        """Draw the tumours in 3D as a still picture, for notebooks without a kernel.

        Returns
        -------
        Picture
            A picture that notebooks show.
        """
        viewer = self.viewer
        with viewer.settled():
            return render_tumors_3d(viewer.labels, viewer.grid, viewer.marks, colors=self._colors())

    def _colors(self) -> dict[int, str]:
        return {mark.label: self.viewer.color_of(mark.label) for mark in self.viewer.marks}

    def _button(self, kind: str, file: str, fault: str) -> Any:
        button = ipywidgets.Button(
            description=kind,
            icon="download",
            tooltip=fault or f"write {file}",
            disabled=fault != "",
            layout={"width": "auto", "min_width": "80px"},
        )
        button.on_click(weakly(self._on_button))
        return button

    def _on_button(self, button: Any) -> None:
        self._guarded(lambda: self._say(self.save_and_tell(button.description, self._overwrite.value)))

    def _on_toggle(self, _: Any) -> None:
        self._guarded(self._update_3d)

    def _on_masks(self, _: Any) -> None:
        self._guarded(self._update_3d, wipe=False)

    def _update_3d(self) -> None:
        """Draw what there is now; nothing is computed while the view is closed."""
        viewer = self.viewer
        with viewer.settled(segment=False):  # masks that come later are drawn when they come
            old, self._plot = self._plot, None
            if self._in_3d.value:
                self._plot = self._plotted()
            self._place_3d.children = [] if self._plot is None else [self._plot]
            if old is not None:
                close_with_parts(old)

    def _plotted(self) -> Any:
        """The 3D widget of what there is now."""
        viewer, labels = self.viewer, self.viewer.segmenter.labels
        if self.view_3d == "itk":
            return view_itk(viewer.ct, labels, viewer.grid)
        return view_tumors(
            labels, viewer.grid, viewer.marks, ct=viewer.ct, colors=self._colors(), height=_PLOT_HEIGHT
        )

    def _guarded(self, action: Callable[[], None], wipe: bool = True) -> None:
        """Run an action and show its error under the buttons; an earlier message is cleared if the reader acted."""
        if wipe:
            self._say("")
        try:
            action()
        except LiteEnsamError as error:
            self._say(str(error), bad=True)
        except Exception as error:
            self._say(f"Something unforeseen went wrong: {type(error).__name__}: {error}", bad=True)

    def _say(self, words: str, bad: bool = False) -> None:
        color = "#b71c1c" if bad else "inherit"
        self._words.value = f'<span style="color: {color}">{escape(words)}</span>' if words else ""


def _close_all(widgets: Sequence[Any]) -> None:
    for widget in widgets:
        close_with_parts(widget)


def explore(
    ct: ScanLike,
    marks: MarksLike | None = None,
    spacing_mm: Sequence[float] | None = None,
    *,
    grid: SourceLike | None = None,
    marks_in: MarkFrame = "voxel",
    series_uid: SeriesChoice | None = None,
    acquisition: int | None = None,
    only: Choice = (),
    hu: bool | None = None,
    auto_segment: bool = True,
    threshold: float | None = None,
    engine: Engine = "openvino",
    threads: int | None = None,
    prompts: Prompts | None = None,
    crop: Crop | None = None,
    window: tuple[float, float] | None = None,
    mirror: bool | None = None,
    border: Border | None = None,
    n_repeats: int = 0,
    weights: PathLike | None = None,
    folder: PathLike = ".",
    prior: ScanLike | None = None,
    prior_marks: MarksLike | None = None,
    view_3d: View3d = "k3d",
) -> Explorer:
    """Show a scan in the notebook: draw RECIST lines with the mouse, see masks, measurements and 3D, save them.

    Parameters
    ----------
    ct : ScanLike
        A scan in any form that `lite_ensam.segment` takes.
    marks : MarksLike or None, default None
        Lines to begin with, in any form that `lite_ensam.segment` takes. None takes those inside an .npz or a
        `Case`, if there are any. A report that the button JSON wrote, or its content, brings back edits by
        hand, thresholds, options and what was accepted or rejected, too.
    spacing_mm : Sequence[float] or None, default None
        Voxel spacing (z, y, x) in mm, if `ct` is an array.
    grid : SourceLike or None, default None
        Geometry of the scan, if `ct` is an array.
    marks_in : MarkFrame, default "voxel"
        Coordinates of marks that are given as numbers, see `lite_ensam.segment`.
    series_uid : SeriesChoice or None, default None
        SeriesInstanceUID or number, or one item of the list that `list_ct_series` returns, if a folder holds
        several series.
    acquisition : int or None, default None
        AcquisitionNumber, if a series holds several acquisitions.
    only : Choice, default ()
        Which marks to take, see `lite_ensam.segment`.
    hu : bool or None, default None
        True for Hounsfield units, False for a windowed scan, None to decide by the values.
    auto_segment : bool, default True
        Whether a line is segmented as soon as it is finished; lines to begin with are segmented once the scan
        is shown.
    threshold : float or None, default None
        Logit above which a voxel is tumour; None takes that of the report that `marks` is, else 0.
    engine : Engine, default "openvino"
        See `lite_ensam.segment`; it can be changed in the viewer.
    threads : int or None, default None
        See `lite_ensam.segment`; it can be changed in the viewer.
    prompts : Prompts or None, default None
        Short axis, slices and points of lines by label, see `lite_ensam.segment`.
    crop : Crop or None, default None
        See `lite_ensam.segment`; None takes that of the report that `marks` is, else that of the weights; it can
        be changed in the viewer.
    window : tuple[float, float] or None, default None
        See `lite_ensam.segment`; None takes that of the report that `marks` is, else that of the weights; it can
        be changed in the viewer.
    mirror : bool or None, default None
        See `lite_ensam.segment`; None takes that of the report that `marks` is, else False; it can be changed in
        the viewer.
    border : Border or None, default None
        See `lite_ensam.segment`; None takes that of the report that `marks` is, else "readers"; it can be changed
        in the viewer.
    n_repeats : int, default 0
        See `lite_ensam.segment`; it can be changed in the viewer.
    weights : PathLike or None, default None
        See `lite_ensam.segment`; they can be changed in the viewer.
    folder : PathLike, default "."
        Where the buttons write files.
    prior : ScanLike or None, default None
        An earlier CT of the patient, in any form that `ct` may have; it is registered, which takes seconds,
        and shown next to the scan, slice for slice (layout "axial beside prior"; extra `register`).
    prior_marks : MarksLike or None, default None
        Lines on the prior scan, whose masks are shown on it. A label that both visits have has the same
        colour in both.
    view_3d : View3d, default "k3d"
        Viewer of the button 3D: "k3d", which works offline, or "itk" (extra `itk`), which needs the internet.

    Returns
    -------
    Explorer
        A widget. Its `viewer` has the marks, masks and measurements as they are at any time.

    Raises
    ------
    LiteEnsamError
        As `lite_ensam.segment`; `CaseError`, too, for a prior scan that does not fit upon the scan;
        `MissingExtraError` if the extra `widgets` is not installed.

    Examples
    --------
    >>> from lite_ensam.datasets.phantom import make_phantom
    >>> explorer = explore(make_phantom())
    >>> explorer.viewer.segment()
    >>> [row["label"] for row in explorer.viewer.results]
    [1, 2, 3]
    """
    for name, place in (("weights", weights), ("folder", folder)):
        if not isinstance(place, str | os.PathLike | None):
            raise ArgumentError(f"{name} must be the path of a folder, got {brief(place)}")
    said: dict[str, Any] = {"crop": crop, "mirror": mirror, "border": border, "window": window}
    said = {name: value for name, value in said.items() if value is not None}
    options = RunOptions(
        engine=engine,
        threads=threads,
        n_repeats=n_repeats,
        weights=os.fspath(weights or ""),
        **said,
    )
    if threshold is not None:
        threshold = checked_threshold(threshold)
    scan = open_scan(ct, spacing_mm, grid, series_uid, acquisition, marks)
    given = scan.read_marks(marks, marks_in, only) if marks is not None or scan.keeps_marks else ()
    given = with_prompts(given, prompts, scan.source)
    volume = scan.read_ct()
    hu = scan.case.hu if hu is None and scan.case is not None else hu
    if hu is None:
        scan.source.check_units()
    session = read_session(marks, volume.shape)
    if weights is not None:
        said.setdefault("crop", None)  # they have one of their own
    options = replace(options, **{**session.options, **said})
    viewer = RecistViewer(
        volume,
        grid=replace(scan.source, array_axes=None),  # the viewer shows z, y, x
        marks=given,
        hu=hu,
        auto_segment=auto_segment,
        threshold=session.threshold if threshold is None else threshold,
        prior=_prior_visit(prior, prior_marks, marks_in, volume, scan.source.grid, options),
        **asdict(options),
    )
    if problem := intensity_error(*value_range(volume), volume.dtype, hu):
        raise CaseError(problem)
    viewer.resume(session)
    given_paths = (ct, marks, weights, prior, prior_marks)
    inputs = [path for path in given_paths if isinstance(path, str | os.PathLike)]
    return Explorer(viewer, name=scan.name or "scan", folder=folder, inputs=inputs, view_3d=view_3d)


def _prior_visit(
    prior: ScanLike | None,
    marks: MarksLike | None,
    marks_in: MarkFrame,
    ct: CtVolume,
    grid: Grid,
    options: RunOptions,
) -> PriorVisit | None:
    """The earlier scan, if given, registered to the one shown; all of its lines are segmented."""
    if prior is None:
        return None
    scan = open_scan(prior, None, None, None, None, marks)
    volume = scan.read_ct()
    hu = guess_hu(volume) if scan.case is None else scan.case.hu
    segmenter = LesionSegmenter(volume, scan.source.grid, hu, options)
    given = scan.read_marks(marks, marks_in) if marks is not None or scan.keeps_marks else ()
    return PriorVisit(segmenter, given, ct, grid)
