"""The viewer's traits that masks follow from besides the lines: edits by hand, thresholds, options of the network."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import anywidget
import traitlets

from lite_ensam.core.grid import Grid
from lite_ensam.segmentation.predictor import checked_threshold
from lite_ensam.widgets.browser_input import check_thresholds
from lite_ensam.widgets.hand_edits import edits_from_json
from lite_ensam.widgets.options import RunOptions

__all__ = ["MASK_TRAITS", "MaskTraits"]

MASK_TRAITS = frozenset({"marks", "edits", "threshold", "thresholds", "options"})
"""Masks follow from these traits: a change of one of them makes masks out of date."""


class MaskTraits(anywidget.AnyWidget):
    """Traits of a viewer, each right once it is set; see `RecistViewer`.

    Attributes
    ----------
    grid : Grid
        Grid of the scan.
    edits : traitlets.List[dict[str, Any]], optional
        Edits by hand as JSON, see `RecistViewer`.
    threshold : float
        Logit above which a voxel is tumour.
    thresholds : dict[str, float]
        Thresholds of single lesions, by label as text.
    options : dict[str, Any]
        Options of `lite_ensam.segment` as JSON, see `RecistViewer`.
    """

    grid: Grid

    edits: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    threshold = traitlets.Float(0.0).tag(sync=True)
    thresholds = traitlets.Dict().tag(sync=True)
    options = traitlets.Dict().tag(sync=True)

    @property
    def own_thresholds(self) -> dict[int, float]:
        """Of lesions that have one of their own, by label."""
        return {int(label): value for label, value in self.thresholds.items()}

    def threshold_of(self, label: int) -> float:
        """Logit above which a voxel is that lesion."""
        own: float = self.thresholds.get(str(label), self.threshold)
        return own

    def forget_others(self, labels: Set[int]) -> None:
        """Edits and thresholds of other lesions go: the next one with such a label is another."""
        if len(kept := [edit for edit in self.edits if edit["label"] in labels]) < len(self.edits):
            self.edits = kept
        own = {label: value for label, value in self.thresholds.items() if int(label) in labels}
        if len(own) < len(self.thresholds):
            self.thresholds = own

    @traitlets.validate("threshold")
    def _check_threshold(self, proposal: Any) -> float:
        return checked_threshold(proposal["value"])

    @traitlets.validate("thresholds")
    def _check_thresholds(self, proposal: Any) -> dict[str, float]:
        given = {str(label): value for label, value in proposal["value"].items()}
        check_thresholds(given)
        return {label: float(value) for label, value in given.items()}

    @traitlets.validate("edits")
    def _check_edits(self, proposal: Any) -> list[dict[str, Any]]:
        edits_from_json(proposal["value"], self.grid.shape_zyx)
        return list(proposal["value"])

    @traitlets.validate("options")
    def _check_options(self, proposal: Any) -> dict[str, Any]:
        return RunOptions.from_json(proposal["value"]).as_json()
