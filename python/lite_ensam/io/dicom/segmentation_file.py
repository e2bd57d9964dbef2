"""DICOM SEG objects, read onto the grid of a CT: every frame by its own place, however the CT is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import CaseError, brief, printable
from lite_ensam.core.scan_source import ScanSource, SourceLike
from lite_ensam.core.types import Float64Array, IntTriple, Mask
from lite_ensam.core.voxels import smallest_label_dtype
from lite_ensam.io.choice import Choice, choose
from lite_ensam.io.dicom.codes import read_code
from lite_ensam.io.dicom.datasets import (
    Dataset,
    PathLike,
    lps_to_ras,
    read_dataset,
    read_directions,
    read_numbers,
    translate_dicom_errors,
)
from lite_ensam.io.dicom.frames_of_reference import check_frame_of_reference
from lite_ensam.io.dicom.gaps import left_out
from lite_ensam.io.dicom.segmentation import LONGEST_LABEL, given_name, own_label
from lite_ensam.io.label_map import LabelMap

__all__ = ["read_segmentation", "segment_of_label"]

_KINDS = ("BINARY", "FRACTIONAL", "LABELMAP")

_SAME_PLACE = 0.25
"""Of a pixel or slice: positions are rounded, to a tenth at worst. Half a pixel off is another place."""


@dataclass(frozen=True)
class _Place:
    """Where a frame lies in the CT's array (slice, row, column).

    Parameters
    ----------
    axes : IntTriple
        Axes of the array: along the frame's normal, its rows' index and its columns' index.
    rows, columns : slice
        Part of the array that the frame covers, backwards where its rows or columns run so.
    n : int
        Index along the normal.
    off : Float64Array
        Distance (3,) by which the frame misses its pixels along the array's axes.
    """

    axes: IntTriple
    rows: slice
    columns: slice
    n: int
    off: Float64Array

    def of(self, slices: NDArray[Any]) -> NDArray[Any]:
        """The part of the array that the frame covers, a view (row, column)."""
        view: NDArray[Any] = slices.transpose(self.axes)[self.n, self.rows, self.columns]
        return view


@translate_dicom_errors
def read_segmentation(
    path: PathLike,
    source: SourceLike | None = None,
    only: Choice = (),
    fraction: float | None = None,
) -> LabelMap:
    """Read a SEG object (BINARY, FRACTIONAL or LABELMAP) on the grid of its CT.

    Labels are the numbers of the segments, or those that `build_segmentation` has noted; names are their SegmentLabels.

    Parameters
    ----------
    path : PathLike
        The file.
    source : SourceLike or None, default None
        Source of the CT. It may be stored in another order than the frames: they are permuted and flipped
        onto it.
    only : Choice, default ()
        Names or numbers of segments to read; nothing reads all.
    fraction : float or None, default None
        Share of the maximum (above 0, at most 1) from which a voxel of a FRACTIONAL SEG counts.
        None takes only those whose values are all 0 or the maximum.

    Returns
    -------
    LabelMap
        Labels with names, tracking UIDs and finding sites.

    Raises
    ------
    CaseError
        If the file is not a SEG, `source` is None, the SEG lies in another frame of reference, is turned or has other
        pixels, a frame with voxels does not lie on a slice of the CT, two segments overlap, which a label map cannot
        hold, or the frames cannot be decoded.
    """
    dataset = read_dataset(path)
    try:
        return _read(dataset, source, only, fraction)
    except CaseError as error:
        raise CaseError(f"{printable(path)}: {error}") from None


def _read(dataset: Dataset, source: SourceLike | None, only: Choice, fraction: float | None) -> LabelMap:
    kind = str(dataset.get("SegmentationType"))
    if dataset.get("Modality") != "SEG" or kind not in _KINDS:
        found = f"{dataset.get('Modality')} {dataset.get('SegmentationType', '')}".strip()
        raise CaseError(f"is {brief(found)}, expected a SEG of type {', '.join(_KINDS)}")
    if source is None:
        raise CaseError("a DICOM SEG can only be read onto the grid of its CT")
    ct = ScanSource.of(source)
    check_frame_of_reference(str(dataset.get("FrameOfReferenceUID") or ""), ct)
    segments = {int(one.SegmentNumber): one for one in dataset.get("SegmentSequence") or ()}
    if not segments:
        raise CaseError("describes no segment: SegmentSequence is missing or empty")
    if kind == "LABELMAP":
        segments.pop(0, None)  # the background
    numbers = choose({n: str(one.get("SegmentLabel") or "") for n, one in segments.items()}, only, "segment")
    labels = _labels_of(segments)
    slices = np.zeros(ct.slices_shape, dtype=smallest_label_dtype(max(labels.values(), default=0)))
    seen: dict[int, set[int]] = defaultdict(set)
    again: dict[str, None] = {}
    for number, inside, place in _masks(dataset, kind, fraction, ct):
        if number not in segments:
            raise CaseError(f"its frames refer to a segment {number}, which the file does not describe")
        if number not in numbers:
            continue
        part = place.of(slices)
        taken = part[inside]
        if len(others := taken[(taken > 0) & (taken != labels[number])]):
            _refuse_overlap(segments, labels, int(others[0]), number, place.n)
        if len(others) < np.count_nonzero(taken):
            again[
                f"segment {number} has voxels on slice {place.n} in more than one frame: they are joined"
            ] = None
        part[inside] = labels[number]
        seen[number].add(place.n)
    notes = [
        f"segment {n} ({_name(segments[n], labels[n])!r}) has no voxel" for n in numbers if n not in seen
    ]
    notes += again
    notes += [note for n in seen if (note := _sparse(n, sorted(seen[n])))]
    read = [n for n in numbers if n in seen]
    return LabelMap(
        ct.volume_of_labels(slices),
        {labels[n]: name for n in read if (name := _name(segments[n], labels[n]))},
        {labels[n]: str(uid) for n in read if (uid := segments[n].get("TrackingUID"))},
        {labels[n]: site for n in read if (site := read_code(segments[n], "AnatomicRegionSequence"))},
        tuple(notes),
    )


def segment_of_label(segmentation: Dataset) -> dict[int, Dataset]:
    """Description of each label's segment, by the label that `read_segmentation` gives it."""
    segments = {int(one.SegmentNumber): one for one in segmentation.get("SegmentSequence") or ()}
    return {label: segments[number] for number, label in _labels_of(segments).items()}


def _labels_of(segments: Mapping[int, Dataset]) -> dict[int, int]:
    """Label of each segment number."""
    own = {}
    for number, one in segments.items():
        label = own_label(*(str(one.get(name) or "") for name in ("SegmentDescription", "SegmentLabel")))
        if label is not None:
            own[number] = label
    is_ours = len(set(own.values())) == len(segments) and 0 not in own.values()
    return own if is_ours else {number: number for number in segments}


def _name(segment: Dataset, label: int) -> str:
    """Of the lesion; empty if the file only has the one that is made of a label without a name."""
    name, tracking = str(segment.get("SegmentLabel") or ""), str(segment.get("TrackingID") or "")
    is_cut_off = len(tracking) > LONGEST_LABEL and tracking.startswith(name)
    if not name or is_cut_off or own_label(name) is not None:
        name = tracking or name
    return given_name(name, label)


def _refuse_overlap(
    segments: Mapping[int, Dataset], labels: Mapping[int, int], label: int, number: int, n: int
) -> None:
    other = next(one for one, its in labels.items() if its == label)
    pair = " and ".join(f"{one} ({_name(segments[one], labels[one])!r})" for one in (other, number))
    raise CaseError(
        f"segments {pair} overlap on slice {n}, which a label map cannot hold; choose segments by `only`"
    )


def _sparse(number: int, at: Sequence[int]) -> str:
    """A note on a segment that leaves slices out, perhaps every second one."""
    gaps = set(np.diff(at).tolist())
    if len(at) >= 3 and len(gaps) == 1 and gaps != {1}:
        return f"segment {number} has a frame on one of {gaps.pop()} slices only: its volume may be too small"
    between = left_out(at)
    return f"segment {number} has no voxel on {between} between its others" if between else ""


def _masks(
    dataset: Dataset, kind: str, fraction: float | None, ct: ScanSource
) -> Iterator[tuple[int, Mask, _Place]]:
    """Segment number, voxels (row, column) and place of every frame that has some."""
    frames = _decoded(dataset)
    # what all frames have in common may be said once for all
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [{}])[0]
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if len(per_frame) != len(frames):
        raise CaseError(
            f"has {len(frames)} frames but describes {len(per_frame)} of them: the file is damaged"
        )
    lowest = _lowest(dataset, kind, fraction, frames)
    for f, (frame, groups) in enumerate(zip(frames, per_frame, strict=True), start=1):
        position = _group("PlanePositionSequence", f, groups, shared)
        try:
            place = _place(f, position, frame.shape, ct, groups, shared)
        except CaseError as error:  # a functional group has no file's name
            raise CaseError(str(error).replace("a slice:", f"frame {f}:", 1)) from None
        if not frame.any():
            continue
        _check_place(f, place, ct)
        if kind == "LABELMAP":
            for number in np.unique(frame[frame > 0]).tolist():
                yield number, frame == number, place
        elif (inside := frame >= lowest).any():
            said = _group("SegmentIdentificationSequence", f, groups, shared)
            yield int(said.ReferencedSegmentNumber), inside, place


def _decoded(dataset: Dataset) -> NDArray[Any]:
    """Frames (frame, row, column)."""
    try:
        pixels: NDArray[Any] = dataset.pixel_array
    except Exception as error:  # pydicom and its decoders have many
        syntax = dataset.file_meta.TransferSyntaxUID
        raise CaseError(
            f"its frames cannot be decoded: no installed decoder reads {syntax.name} of "
            f"{dataset.get('BitsAllocated')} bit pixels, or they are damaged; store the SEG uncompressed"
        ) from error
    return pixels.reshape(-1, int(dataset.Rows), int(dataset.Columns))


def _lowest(dataset: Dataset, kind: str, fraction: float | None, frames: NDArray[Any]) -> float:
    """The smallest value of a frame that counts."""
    if kind != "FRACTIONAL":
        return 1
    if fraction is not None and not 0 < fraction <= 1:
        raise CaseError(f"`fraction` must lie above 0 and at most at 1, got {fraction:g}")
    highest = int(dataset.MaximumFractionalValue)
    if fraction is None and not ((frames == 0) | (frames == highest)).all():
        meaning = str(dataset.get("SegmentationFractionalType", "")).lower() or "fraction"
        raise CaseError(
            f"is FRACTIONAL: its voxels have a {meaning} between 0 and 1; say by `fraction` from which one on a voxel "
            "belongs to the tumour, 0.5 for instance"
        )
    return highest * (1 if fraction is None else fraction) - 1e-6


def _group(name: str, f: int, groups: Dataset, shared: Dataset) -> Dataset:
    """A functional group of a frame: its own, or the one that all share."""
    found = groups.get(name) or shared.get(name)
    if not found:
        raise CaseError(f"frame {f}: {name} is missing")
    return found[0]


def _place(
    f: int, position: Dataset, shape: tuple[int, int], ct: ScanSource, groups: Dataset, shared: Dataset
) -> _Place:
    """Where frame f lies; `CaseError` if it is turned, or its pixels or their number are not the CT's."""
    first = read_numbers(position, "ImagePositionPatient", 3)
    orientation = read_directions(_group("PlaneOrientationSequence", f, groups, shared))
    spacing = read_numbers(_group("PixelMeasuresSequence", f, groups, shared), "PixelSpacing", 2)
    steps = orientation[::-1] * spacing[:, None]  # down the rows, along the columns
    edges = [
        ct.slice_points_from_world(lps_to_ras(first + np.arange(n + 1)[:, None] * step))
        for n, step in zip(shape, steps, strict=True)
    ]
    row_axis, column_axis = (int(np.abs(edge[1] - edge[0]).argmax()) for edge in edges)
    off_grid = max(
        float(np.abs(edge - edge[0] - np.arange(len(edge))[:, None] * np.rint(edge[1] - edge[0])).max())
        for edge in edges
    )
    if row_axis == column_axis or off_grid > _SAME_PLACE:
        ct_spacing, ct_orientation = _pixels_of(ct)
        raise CaseError(
            f"frame {f} has PixelSpacing {_text(spacing)} and ImageOrientationPatient {_text(orientation.ravel())}, "
            f"the CT's slices {ct_spacing} and {ct_orientation}: it is a SEG of another "
            "scan, or must be resampled first"
        )
    sizes = ct.slices_shape
    if shape[0] > sizes[row_axis] or shape[1] > sizes[column_axis]:
        raise CaseError(
            f"frames have {shape[0]} rows and {shape[1]} columns, but the CT has {sizes[row_axis]} and "
            f"{sizes[column_axis]}; choose the CT that this SEG was drawn on"
        )
    corner = edges[0][0]
    normal = 3 - row_axis - column_axis
    n = int(np.floor(corner[normal] + 0.5))
    expected = np.zeros(3)
    expected[normal] = n
    spans = []
    for axis, edge, size in zip((row_axis, column_axis), edges, shape, strict=True):
        is_backwards = bool(edge[1, axis] < edge[0, axis])
        lowest = corner[axis] - (size - 1) * is_backwards
        # a SEG need not have the CT's extent (PS3.3, A.51.1): the nearest place inside of the CT
        start = int(np.clip(np.floor(lowest + 0.5), 0, sizes[axis] - size))
        expected[axis] = start + (size - 1) * is_backwards
        spans.append(_span(start, size, is_backwards))
    rows, columns = spans
    return _Place((normal, row_axis, column_axis), rows, columns, n, corner - expected)


def _span(start: int, size: int, is_backwards: bool) -> slice:
    """So many indices from `start`, the last one first if backwards."""
    if not is_backwards:
        return slice(start, start + size)
    return slice(start + size - 1, start - 1 if start else None, -1)


def _check_place(f: int, place: _Place, ct: ScanSource) -> None:
    if np.abs(place.off).max() > _SAME_PLACE:
        off = ", ".join(f"{abs(one):.2f}" for one in place.off)
        raise CaseError(
            f"a frame does not lie on a slice of the CT: frame {f} is off by ({off}) slices, rows and columns"
        )
    n_slices = ct.slices_shape[place.axes[0]]
    if not 0 <= place.n < n_slices:
        raise CaseError(
            f"a frame does not lie on a slice of the CT: frame {f} lies on slice {place.n}, the CT has {n_slices}"
        )


def _pixels_of(ct: ScanSource) -> tuple[str, str]:
    """PixelSpacing and ImageOrientationPatient of the CT's slices as its array is stored."""
    columns = lps_to_ras(ct.file_affine[:3, :2].T)
    lengths = np.linalg.norm(columns, axis=1)
    return _text(lengths[::-1]), _text((columns / lengths[:, None]).ravel())


def _text(numbers: Float64Array) -> str:
    return "[" + ", ".join(f"{number:.4g}" for number in numbers + 0.0) + "]"
