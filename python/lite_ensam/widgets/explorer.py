"""`Explorer`: the marker, a 3D view and buttons that write files, in one widget."""

from __future__ import annotations

import os
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets

from lite_ensam.errors import LiteEnsamError, OutputError
from lite_ensam.widgets.exports import EXPORTS, export, export_path
from lite_ensam.widgets.recist_marker import RecistMarker
from lite_ensam.widgets.still import with_still
from lite_ensam.widgets.view_3d import Picture, draw_tumors, view_tumors

__all__ = ["Explorer"]

_PLOT_HEIGHT = 420


class Explorer(ipywidgets.VBox):  # type: ignore[misc]
    """A scan, its lesions in three planes, in a table and in 3D, and files of them.

    Parameters
    ----------
    marker : the viewer
    name : files are called after it
    folder : where the buttons write; it can be changed in the widget

    Attributes
    ----------
    marker : its `labels` and `measurements` are always those of its `marks`
    """

    def __init__(
        self, marker: RecistMarker, name: str = "scan", folder: str | os.PathLike[str] = "."
    ) -> None:
        self.marker, self.name = marker, name
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
        buttons = [self._button(kind) for kind in EXPORTS]
        bar = ipywidgets.HBox(
            [self._in_3d, self._folder, *buttons, self._overwrite], layout={"flex_flow": "row wrap"}
        )
        super().__init__([marker, bar, self._words, self._place_3d])
        self._in_3d.observe(lambda _: self._guarded(self._update_3d), "value")
        marker.observe(lambda _: self._guarded(self._update_3d, wipe=False), ["_mask_version", "colors"])

    def __repr__(self) -> str:
        return f"Explorer({self.name!r}: {self.marker!r})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return with_still(super()._repr_mimebundle_(**kwargs), self.marker)

    def save(self, kind: str, overwrite: bool = False) -> Path:
        """Write "NIfTI", "JSON", "CSV" or "PNG" into the folder; the file that was written.

        Raises
        ------
        OutputError
            If there is nothing to write, or the file exists or cannot be written.
        """
        return export(self.marker, kind, self.name, self._folder.value or ".", overwrite)

    def picture(self) -> Picture:
        """The tumours in 3D as a still picture, for notebooks that are read without a kernel."""
        marker = self.marker
        with marker.settled():
            return draw_tumors(marker.labels, marker.grid, marker.marks, colors=self._colors())

    def _colors(self) -> dict[int, str]:
        return {mark.label: self.marker.color_of(mark.label) for mark in self.marker.marks}

    def _button(self, kind: str) -> Any:
        button = ipywidgets.Button(
            description=kind, icon="download", tooltip=f"write …{EXPORTS[kind][0]}", layout={"width": "90px"}
        )
        button.on_click(lambda _: self._guarded(lambda: self._save_and_say(kind)))
        return button

    def _save_and_say(self, kind: str) -> None:
        path = export_path(kind, self.name, self._folder.value or ".")
        if path.exists() and not self._overwrite.value:
            raise OutputError(f"{path.name} exists: tick “replace files” to write it again")
        self._say(f"written: {self.save(kind, self._overwrite.value)}")

    def _update_3d(self) -> None:
        """Draw what there is now; nothing is computed while the view is closed."""
        marker = self.marker
        with marker.settled(segment=False):  # masks that come later are drawn when they come
            old, self._plot = self._plot, None
            if self._in_3d.value:
                self._plot = view_tumors(
                    marker.segmenter.labels,
                    marker.grid,
                    marker.marks,
                    ct=marker.ct,
                    colors=self._colors(),
                    height=_PLOT_HEIGHT,
                )
            self._place_3d.children = [] if self._plot is None else [self._plot]
            if old is not None:
                old.close()

    def _guarded(self, action: Callable[[], None], wipe: bool = True) -> None:
        """Do it; what goes wrong is said under the buttons. What stands there is wiped if the reader did something."""
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
