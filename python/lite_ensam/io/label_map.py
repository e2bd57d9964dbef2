"""A label map with what its file says of the lesions; and how one is put onto the grid of its CT."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from lite_ensam.core.coded_concept import CodedConcept
from lite_ensam.core.errors import CaseError, MarkError, brief
from lite_ensam.core.partial_volume import TumorMasks
from lite_ensam.core.recist import RecistMark, marks_from_labels, own_marks
from lite_ensam.core.scan_source import ScanSource, SourceLike
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import Float64Array, FloatTriple, Labels

__all__ = ["LabelMap", "Lesion", "labels_on_grid", "lesions_of"]


@dataclass(frozen=True)
class Lesion:
    """A label of a label map, with the lesion that it stands for.

    Parameters
    ----------
    label : int
        1 to 65535.
    name : str, default ""
        Name of the lesion, or an empty text.
    tracking_uid : str, default ""
        DICOM's identity of the lesion over time, or an empty text.
    finding_site : CodedConcept or None, default None
        Where in the body it lies, or None.
    """

    label: int
    name: str = ""
    tracking_uid: str = ""
    finding_site: CodedConcept | None = None


@with_short_repr
@dataclass(frozen=True, eq=False)
class LabelMap:
    """Label map of a file, with names and identities of the lesions.

    Parameters
    ----------
    labels : Labels
        Label map (z, y, x), uint8 or uint16.
    names : Mapping[int, str], optional
        Names of lesions, by label, as far as the file has them.
    tracking_uids : Mapping[int, str], optional
        DICOM's identity of lesions over time, by label.
    finding_sites : Mapping[int, CodedConcept], optional
        Where in the body they lie, by label.
    notes : tuple[str, ...], default ()
        Sentences for readers of the results: what was skipped, chosen or renamed.
    """

    labels: Labels
    names: Mapping[int, str] = field(default_factory=dict)
    tracking_uids: Mapping[int, str] = field(default_factory=dict)
    finding_sites: Mapping[int, CodedConcept] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def labels_zyx(self) -> Labels:
        """The label map, as a `Segmentation` calls it: whoever takes labels takes a `LabelMap`."""
        return self.labels

    def unclaimed(self, marks: Sequence[RecistMark]) -> tuple[str, ...]:
        """Write a note on each label that has no line.

        Parameters
        ----------
        marks : Sequence[RecistMark]
            Lines on the scan.

        Returns
        -------
        tuple[str, ...]
            Sentences for readers of the results.
        """
        claimed = {mark.label for mark in marks}
        return tuple(
            f"label {lesion.label} of the mask has no line and is left out"
            for lesion in self.lesions
            if lesion.label not in claimed
        )

    @cached_property
    def lesions(self) -> tuple[Lesion, ...]:
        """A lesion for each label that has a voxel, ascending."""
        return tuple(
            Lesion(
                label,
                self.names.get(label, ""),
                self.tracking_uids.get(label, ""),
                self.finding_sites.get(label),
            )
            for label in TumorMasks(self.labels).labels
        )

    def draw_marks(self, spacing_mm: FloatTriple) -> tuple[RecistMark, ...]:
        """Draw the line of each lesion (see `mark_from_mask`), with its name, tracking UID and site.

        Parameters
        ----------
        spacing_mm : FloatTriple
            Voxel spacing (z, y, x) in mm.

        Returns
        -------
        tuple[RecistMark, ...]
            A mark for each lesion.

        Raises
        ------
        MarkError
            If the mask is empty.
        """
        drawn = marks_from_labels(self.labels, spacing_mm)
        if not drawn:
            raise MarkError("the mask is empty: no voxel has a label")
        return tuple(
            replace(mark, name=one.name, tracking_uid=one.tracking_uid, finding_site=one.finding_site)
            for mark, one in zip(drawn, self.lesions, strict=True)
        )


def lesions_of(marks: Any, labels: Any = None) -> tuple[RecistMark | Lesion, ...]:
    """The lines or lesions that are given, else those that the labels come with.

    Parameters
    ----------
    marks : Any
        Lines or lesions, or a `Case`, `Segmentation` or `LabelMap` that has them; None or an empty sequence takes
        those of `labels`.
    labels : Any, default None
        A `Segmentation` or `LabelMap`; anything else has no lesions.

    Returns
    -------
    tuple[RecistMark | Lesion, ...]
        The lesions; empty if they are not known.

    Raises
    ------
    MarkError
        If `marks` are something else.
    """
    if marks is None or (isinstance(marks, Sequence) and not marks):
        marks = labels if hasattr(labels, "labels_zyx") else ()
    marks = marks.lesions if isinstance(marks, LabelMap) else own_marks(marks)
    several = tuple(marks) if isinstance(marks, Iterable) else (marks,)
    if wrong := [one for one in several if not isinstance(one, RecistMark | Lesion)]:
        raise MarkError(
            f"marks must be RecistMarks or Lesions, or a Case or Segmentation, got {brief(wrong[0])}"
        )
    return several


def labels_on_grid(labels: Labels, own: ScanSource | None, ct: SourceLike, what: str) -> Labels:
    """A label map in the storage order of its CT: flipped and permuted where their affines say so.

    Parameters
    ----------
    labels : Labels
        Labels (z, y, x).
    own : ScanSource or None
        Geometry of the labels' file; None if it does not say where they lie.
    ct : SourceLike
        Geometry of the CT.
    what : str
        "labels have" or "marker volume has", for the message.

    Raises
    ------
    CaseError
        If the labels have another shape than the CT, or their voxels lie at other places.
    """
    source = ScanSource.of(ct)
    grid = source.grid
    turn = None if own is None else own.grid.turn_onto(grid)
    if turn is not None:
        axes, flips = turn
        turned: Labels = np.flip(labels.transpose(axes), tuple(np.flatnonzero(flips).tolist()))
        return turned
    if labels.shape != grid.shape_zyx:
        raise CaseError(f"the {what} shape {labels.shape}, the CT {grid.shape_zyx} (z, y, x)")
    if own is not None:
        raise CaseError(
            f"the {what} another affine than the CT: {_text(own.file_affine)}, the CT's {_text(source.file_affine)}"
        )
    return labels


def _text(affine: Float64Array) -> str:
    return str(np.round(affine[:3], 3).tolist())
