"""Sizes of a patient's lesions from the scans: each visit is segmented, and its lesions are matched to baseline."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lite_ensam.core.case import Case
from lite_ensam.core.errors import ArchiveError, LiteEnsamError, MissingMarksError, StudyError
from lite_ensam.core.extras import require_packages
from lite_ensam.core.partial_volume import TumorMasks
from lite_ensam.core.types import PathLike
from lite_ensam.engines import WEIGHTS, load_backend
from lite_ensam.figures.tumor_planes import TumorPicture, render_picture, render_thumbnail
from lite_ensam.io import ObjectChoice, read_case
from lite_ensam.io.choice import parse_acquisition
from lite_ensam.io.places import is_address, marks_at_hand, scan_at_hand
from lite_ensam.reporting.study_values import GONE_OR_UNSEEN, NO_LINES, Day, parse_day, parse_text
from lite_ensam.reporting.study_visits import Fetch, without_folder
from lite_ensam.response import name_key
from lite_ensam.response.lesion_tracking import track_lesions
from lite_ensam.segmentation import Border, Predictor, Segmentation, segment_case

__all__ = ["KeySlice", "StudyScans"]


class KeySlice(NamedTuple):
    """The axial slice of a lesion's line at a visit.

    Attributes
    ----------
    day : int
        Day of the visit.
    lesion : str
        Name of the lesion.
    png : bytes
        PNG with grey values, line and outline.
    """

    day: int
    lesion: str
    png: bytes


_HASHED_SLICES = 8
"""No two scans share so many slices; all of them would take as long as the segmentation."""


class StudyScans:
    """The scans of one patient, read and segmented one after the other, baseline first.

    Parameters
    ----------
    folder : Path
        Folder that relative paths in the study start from.
    n_repeats : int, default 0
        Number of repeated segmentations for standard deviations, see `lite_ensam.segment`.
    draw : bool, default False
        Whether to make a picture of each visit (extra `evaluate`).
    border : Border, default "readers"
        See `lite_ensam.segment`.
    weights : PathLike, default WEIGHTS
        See `lite_ensam.segment`.
    draw_slices : bool, default False
        Whether to make a picture of each lesion at each visit (extra `evaluate`).
    choice : ObjectChoice or None, default None
        Which report of a scan holds its lines, if a visit does not name them.
    fetch : Fetch, default scan_at_hand
        Function that fetches a study from an archive.
    """

    def __init__(
        self,
        folder: Path,
        n_repeats: int = 0,
        draw: bool = False,
        border: Border = "readers",
        weights: PathLike = WEIGHTS,
        draw_slices: bool = False,
        choice: ObjectChoice | None = None,
        fetch: Fetch = scan_at_hand,
    ) -> None:
        self.folder, self.n_repeats, self.draw = folder, n_repeats, draw
        self.draw_slices = draw_slices
        self.border: Border = border
        self.weights = weights
        self.choice, self.fetch = choice, fetch
        self.notes: list[str] = []
        self.pictures: list[tuple[str, bytes]] = []
        self.slices: list[KeySlice] = []
        self._sides_mm: dict[str, float] = {}
        self._baseline: Case | None = None
        self._day_of_voxels: dict[bytes, int] = {}

    def report(self, visit: Mapping[str, Any], day: int) -> dict[str, Any]:
        """Segment a visit's scan; its report, with tumours that have the names of baseline.

        Parameters
        ----------
        visit : Mapping[str, Any]
            `ct`: a scan's file, a DICOM folder or a study in an archive. `marks`: its lines; may be left out
            if they are in the folder. `series` and `acquisition`: which scan of several in the folder.
        day : int
            Days since baseline, for messages.

        Raises
        ------
        StudyError
            If a scan or its marks are invalid, or lesions without names cannot be matched.
        MissingExtraError
            If pictures are to be drawn, and matplotlib is not installed.
        """
        if self.draw or self.draw_slices:
            require_packages("a page with pictures of scans", ("matplotlib",), "evaluate")
        ct, marks, series = (visit.get(name) for name in ("ct", "marks", "series"))
        try:
            series_uid = None if series is None else parse_text(series, "series")
            lines = marks_at_hand(self._place(marks)) if marks else self.choice
            case = read_case(
                self.fetch(self._place(ct), series_uid, lines),
                lines,
                series_uid=series_uid,
                acquisition=parse_acquisition(visit.get("acquisition")),
            )
            self._tell_doubts(case, visit, day)
            if self._baseline is None:
                self._baseline = case
            else:
                case = self._named_as_baseline(self._baseline, case, day)
            result = segment_case(case, self._predictor, n_repeats=self.n_repeats)
            if self.draw or self.draw_slices:
                self._show(_pictures(case, result), day)
        except ArchiveError:
            raise
        except LiteEnsamError as error:
            if isinstance(error, MissingMarksError):
                raise StudyError(f"day {day}: {NO_LINES}{GONE_OR_UNSEEN if day else ''}") from error
            told = without_folder(error, ct) if isinstance(ct, os.PathLike) else str(error)
            raise StudyError(f"day {day}: {told}") from error
        border = [f"border {self.border}"] if self.border != "readers" else []
        own = Path(self.weights) != WEIGHTS
        named = [f"weights {result.report['weights']}, {result.report['weights_sha256']}"] if own else []
        self.notes += [f"day {day}: {note}" for note in [*border, *named, *result.report["notes"]]]
        return result.report

    def _place(self, name: Any) -> PathLike:
        """A file or folder next to the study; an address, or a study that was fetched, is left as it is."""
        if isinstance(name, os.PathLike) or is_address(name):
            return name
        return self.folder / str(name)

    @cached_property
    def _predictor(self) -> Predictor:
        return Predictor(load_backend("openvino", weights=self.weights), border=self.border)

    def _show(self, tumors: Sequence[tuple[str, TumorPicture]], day: int) -> None:
        """Draw what was asked for; slices of a lesion have one scale unless it outgrows that of its first visit."""
        if self.draw:
            self.pictures.append((f"day {day}", render_picture([picture for _, picture in tumors])))
        if self.draw_slices:
            for name, picture in tumors:
                side_mm = self._sides_mm.setdefault(name_key(name), picture.field_of_view()[1])
                self.slices.append(KeySlice(day, name, render_thumbnail(picture, side_mm)))

    def _tell_doubts(self, case: Case, visit: Mapping[str, Any], day: int) -> None:
        """Notes on a scan of another date than the visit, and on one that an earlier visit has already."""
        dates = parse_day(visit["date"]), _study_date(case)
        if dates[0].is_date and dates[1] not in (None, dates[0]):
            self.notes.append(
                f"day {day}: the StudyDate of the scan differs from the visit's date, which is used"
            )
        # voxels alone: a copy may have another header and other UIDs
        few = case.volume[:: max(case.volume.shape[0] // _HASHED_SLICES, 1)]
        voxels = hashlib.sha256(np.ascontiguousarray(few).data).digest()
        if (before := self._day_of_voxels.setdefault(voxels, day)) != day:
            self.notes.append(
                f"day {day}: the scan has the same voxels as that of day {before}: was one taken twice?"
            )

    def _named_as_baseline(self, before: Case, case: Case, day: int) -> Case:
        known = [one.source.identifiers.get("Patient ID") for one in (before, case)]
        if all(known) and known[0] != known[1]:
            self.notes.append(f"day {day}: the scan has another Patient ID than that of baseline")
        followed = track_lesions(before, case)
        self.notes.append(f"day {day}: lesions known by {followed.how}")
        marks = []
        for given, mark, one in zip(case.marks, followed.marks, followed.matches, strict=True):
            if one.is_doubtful:
                self.notes.append(f"day {day}: mark {given.label} lies between two lesions of baseline")
            # a mark that matches nothing gets a label of its own: its name keeps the one that the user knows
            is_nameless = one.before is None and not mark.name
            marks.append(replace(mark, name=f"mark {given.label}") if is_nameless else mark)
        return replace(case, marks=tuple(marks))


def _study_date(case: Case) -> Day | None:
    """StudyDate of a DICOM scan; None if it has none that exists."""
    try:
        return parse_day(case.source.identifiers.get("Study date"))
    except StudyError:
        return None


def _pictures(case: Case, result: Segmentation) -> list[tuple[str, TumorPicture]]:
    """Name and picture of every tumour, with its line and its outline."""
    masks = TumorMasks(result.prediction.painting.part)
    found = []
    for mark, one in zip(case.marks, result.measurements, strict=True):
        name = mark.name or str(mark.label)
        title = f"{name}: {one.longest_diameter_mm:.1f} mm, {one.volume_ml:.2f} ml"
        found.append((name, TumorPicture(case.ct, case.grid, mark, masks[mark.label], title=title)))
    return found
