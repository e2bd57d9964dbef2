"""`segment`: one call from a CT and its RECIST lines to masks and measurements."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from lite_ensam import _kernels
from lite_ensam.core.about import DISCLAIMER
from lite_ensam.core.case import Case
from lite_ensam.core.errors import MarkError, brief
from lite_ensam.core.grid import real_array
from lite_ensam.core.partial_volume import keep_boxes
from lite_ensam.core.patch_config import Crop, PatchConfig
from lite_ensam.core.prompts import FilePrompts, Prompts
from lite_ensam.core.recist import NotedMarks, RecistMark, check_marks, notes_of
from lite_ensam.core.scan_source import ScanSource, SourceLike
from lite_ensam.core.types import PathLike
from lite_ensam.engines import Engine, WeightsManifest, check_engine, shared_backend, shipped_weights
from lite_ensam.io import MarkFrame, MarksLike, OpenedScan, ScanLike, open_scan
from lite_ensam.io.choice import Choice, SeriesChoice
from lite_ensam.io.marks_files import mark_entry
from lite_ensam.io.places import marks_at_hand
from lite_ensam.measurements import TumorMeasurement, TumorRepeatability
from lite_ensam.segmentation.edge_refinement import Border
from lite_ensam.segmentation.patch_plan import PatchPlan
from lite_ensam.segmentation.predictor import Prediction, Predictor, Stopwatch, checked_threshold
from lite_ensam.segmentation.repeatability import check_repeats, estimate_repeatability
from lite_ensam.segmentation.result import Segmentation
from lite_ensam.segmentation.shared_tumors import shared_tumor_notes
from lite_ensam.segmentation.unreached_slices import unreached_slice_notes

CROP_NOTE = "crop {}: the weights were trained on {} crops and do much worse on this one"
UNORIENTED_NOTE = (
    "the array says nothing of its orientation: it is taken as stored, "
    "x to the patient's left, y to the back, z to the head"
)
WINDOWED_NOTE = (
    "border edge on a windowed scan: what the window cut off moves edges; volumes may be a third too small"
)

_PROMPTS = ("first_slice", "last_slice", "short_axis_zyx", "inside_zyx", "outside_zyx")
"""Fields of `RecistMark` that say more of a tumour than its line."""


_PROMPTS_EXAMPLE = 'such as {1: {"first_slice": 33}}'


def segment(
    ct: ScanLike,
    marks: MarksLike | None = None,
    spacing_mm: Sequence[float] | None = None,
    *,
    grid: SourceLike | None = None,
    marks_in: MarkFrame = "voxel",
    prompts: Prompts | None = None,
    crop: Crop | None = None,
    engine: Engine = "openvino",
    window: tuple[float, float] | None = None,
    hu: bool | None = None,
    threads: int | None = None,
    threshold: float = 0.0,
    mirror: bool = False,
    border: Border = "readers",
    series_uid: SeriesChoice | None = None,
    acquisition: int | None = None,
    only: Choice = (),
    n_repeats: int = 0,
    on_repeat: Callable[[int, int], None] | None = None,
    weights: PathLike | None = None,
) -> Segmentation:
    """Segment tumours in 3D from their RECIST lines.

    Parameters
    ----------
    ct : ScanLike
        A file (.nii, .nii.gz, FLARE .npz, .nrrd, .mha, .mhd), a folder of DICOM slices, a study's address in
        an archive (docs/guide/pacs.md), a `Case`, an earlier `Segmentation`, the pair of `read_ct`, an image of
        nibabel, SimpleITK or itk, or an array (z, y, x) in HU or windowed to 0-255. The result's `labels` have
        its order, of nibabel's images i, j, k.
    marks : MarksLike or None, default None
        The lines. A file (JSON, CSV, DICOM, 3D Slicer's .mrk.json, marker volume), one `RecistMark` or
        several, nested lists or an array [[z, y, x], [z, y, x]] of one line or several, a mapping of labels
        to such lines, dictionaries as in the JSON file or its whole content, a table with the CSV file's
        columns, a marker volume, or a `Case` or `Segmentation` of the same scan. None takes those of an .npz, a
        `Case`, a DICOM folder (`ObjectChoice`: of
        several). Lines get labels 1..n.
    spacing_mm : Sequence[float] or None, default None
        Spacing of an array in mm, (z, y, x). Files and images state their own.
    grid : SourceLike or None, default None
        Instead of `spacing_mm`: shape, spacing and place of an array in the world, which `save` then writes; or a
        `Case` or `Segmentation` that has them.
    marks_in : MarkFrame, default "voxel"
        "voxel", "ras" or "lps": whether numbers in lists, mappings, tables and dictionaries are voxel indices
        z, y, x, or world millimetres x, y, z. Indices on an image of nibabel or SimpleITK are k, j, i of its
        array.
    prompts : Prompts or None, default None
        Further prompts by label, if `marks` does not hold them: `{1: {"first_slice": 33,
        "inside_zyx": [[44, 112, 110]]}}`; see `RecistMark`: voxel indices, whatever `marks_in` says, with
        the axes of lines in lists. Of a scan with one line, `{"first_slice": 33}` is enough.
    crop : Crop or None, default None
        "lesion": a cube for each line; "joint": the paper's box around all lines. None takes that of the weights.
    engine : Engine, default "openvino"
        "openvino", or "torch" (extra `torch`).
    window : tuple[float, float] or None, default None
        Window (low, high) in HU: clips a scan in HU; states the meaning of 0 and 255 in a windowed scan.
    hu : bool or None, default None
        True for Hounsfield units, False for a windowed scan, None to decide by the values.
    threads : int or None, default None
        CPU threads of the engine; None takes all.
    threshold : float, default 0.0
        Logit above which a voxel is tumour.
    mirror : bool, default False
        Average each lesion patch's logits with its mirror image's: twice the network's time.
    border : Border, default "readers"
        "readers" draws as readers do; "edge" moves borders to edges in the scan.
    series_uid : SeriesChoice or None, default None
        SeriesInstanceUID or number, or one of `dicom.list_ct_series`, in a DICOM folder with several series; None
        takes the one that the marks refer to, else the largest.
    acquisition : int or None, default None
        Number of an acquisition in a series with several; None takes the one that the marks refer to, else the
        largest.
    only : Choice, default ()
        If the marks are an RTSTRUCT or SEG: names or numbers of the ROIs that lines are drawn on;
        nothing takes all.
    n_repeats : int, default 0
        Repeated segmentations of each tumour for standard deviations (`estimate_repeatability`); 0 for none.
    on_repeat : Callable[[int, int], None] or None, default None
        Called after each of them with how many are done and how many there are in all.
    weights : PathLike or None, default None
        Folder of weights made by `lite-ensam export` or `import`; None takes the released weights for the crop.

    Returns
    -------
    Segmentation
        Masks and measurements, in the order of the marks.

    Raises
    ------
    LiteEnsamError
        `CaseError` for a bad scan, `MarkError` for bad marks, `ArgumentError` (all ValueErrors), `EngineError`.

    Examples
    --------
    >>> from lite_ensam.datasets.phantom import make_phantom
    >>> segment(make_phantom()).labels.shape
    (56, 160, 160)
    """
    clock = Stopwatch()
    check_engine(engine)
    threshold = checked_threshold(threshold)
    if n_repeats:
        check_repeats(n_repeats)
    manifest = WeightsManifest.read(shipped_weights(crop) if weights is None else weights)

    def read() -> tuple[Case, PatchPlan]:
        with clock.step("read"):
            scan = open_scan(ct, spacing_mm, grid, series_uid, acquisition, given := marks_at_hand(marks))
            lines = with_prompts(scan.read_marks(given, marks_in, only), prompts, scan.source)
            scan = scan.with_inputs(marks)
            return _read_planned(scan, lines, hu, manifest.patch, crop, whole=n_repeats > 0)

    # the scan is inflated (without the interpreter's lock) while the engine starts
    with ThreadPoolExecutor(1, "lite-ensam-reader") as reader:
        reading = reader.submit(read)
        with clock.step("load engine"):
            predictor = Predictor(shared_backend(engine, threads, manifest), crop, window, mirror, border)
            predictor.warm_up()
        with clock.step("wait for scan"):
            case, plan = reading.result()
    result = segment_case(case, predictor, threshold, clock, n_repeats, plan, on_repeat)
    return _with_crops(result, plan) if isinstance(ct, str | os.PathLike) else result


def segment_case(
    case: Case,
    predictor: Predictor,
    threshold: float = 0.0,
    clock: Stopwatch | None = None,
    n_repeats: int = 0,
    plan: PatchPlan | None = None,
    on_repeat: Callable[[int, int], None] | None = None,
) -> Segmentation:
    """Segment a case that is already in memory; most callers need `segment`.

    Parameters
    ----------
    case : Case
        Scan and lines.
    predictor : Predictor
        Engine and options.
    threshold : float, default 0.0
        Logit above which a voxel is tumour.
    clock : Stopwatch or None, default None
        Measures the steps; None makes a new one.
    n_repeats : int, default 0
        Repeated segmentations of each tumour for standard deviations; 0 for none.
    plan : PatchPlan or None, default None
        Patches, if they are planned already.
    on_repeat : Callable[[int, int], None] or None, default None
        Called after each repeat with how many are done and how many there are in all.

    Returns
    -------
    Segmentation
        Masks and measurements, in the order of the marks.
    """
    clock = clock or Stopwatch()
    threshold = checked_threshold(threshold)
    prediction = predictor.predict(case, threshold, clock, plan)
    with clock.step("measure"):
        measurements = prediction.painting.measure(case.marks, case.grid.spacing_mm, case.ct, case.hu)
        measurements = predictor.with_confidence(measurements, prediction.tumors, threshold)
    noise: tuple[TumorRepeatability, ...] = ()
    if n_repeats:
        with clock.step("repeats"):
            noise = estimate_repeatability(case, predictor, n_repeats, threshold, on_repeat=on_repeat)
    report = report_of(case, predictor, prediction, measurements, threshold, clock.seconds)
    for tumor, one in zip(report["tumors"], noise, strict=False):
        tumor |= one.to_dict()
    return Segmentation(case, measurements, report, prediction, repeatability=noise)


def with_prompts(
    marks: Sequence[RecistMark], prompts: Prompts | None, source: ScanSource
) -> tuple[RecistMark, ...]:
    """The lines with more of what a user knows of their tumours; points are added to those that there are.

    Parameters
    ----------
    marks : Sequence[RecistMark]
        The lines.
    prompts : Prompts or None
        Prompts by label, fields of `RecistMark`: first_slice, last_slice, inside_zyx, outside_zyx (a point or
        several), short_axis_zyx. Labels may be texts, as JSON has them. The only line's prompts have the label
        None, or none.
    source : ScanSource
        Geometry of the scan: points on an image of another library are indices k, j, i of its array, as lines
        in lists are.

    Raises
    ------
    MarkError
        If no line has such a label, None stands for several lines, a prompt has another name, or it
        contradicts its line.
    """
    stored = isinstance(prompts, FilePrompts) or source.array_axes is not None
    prompts = {} if prompts is None else prompts
    by_line: Mapping[Any, Any] = prompts.by_label if isinstance(prompts, FilePrompts) else prompts
    if not isinstance(by_line, Mapping):
        raise MarkError(f"prompts: must be prompts by label, {_PROMPTS_EXAMPLE}, got {brief(by_line)}")
    by_label = {mark.label: mark for mark in marks}
    if any(isinstance(key, str) and not key.isdecimal() for key in by_line):
        by_line = {None: by_line}  # of the only line
    labels = [_label(label) for label in by_line]
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise MarkError(f"prompts: the label {brief(twice[0])} comes twice")
    for label, given in by_line.items():
        if not by_label:
            raise MarkError("prompts: no line is given that they belong to")
        if label is None and len(by_label) > 1:
            raise MarkError(f"prompts: there are {len(by_label)} lines, say which label is meant, as 1:33")
        known = marks[0].label if label is None else _label(label)
        if known not in by_label:
            raise MarkError(
                f"prompts: no line has the label {brief(label)}; the labels are {', '.join(map(str, by_label))}"
            )
        if not isinstance(given, Mapping):
            raise MarkError(f"prompts: must be values by name, {_PROMPTS_EXAMPLE}, got {brief(given)}")
        unknown = [name for name in given if name not in _PROMPTS]
        if unknown:
            raise MarkError(f"prompts: must be some of {', '.join(_PROMPTS)}, got {brief(unknown[0])}")
        mark = by_label[known]
        fields = {**given}
        for name in ("inside_zyx", "outside_zyx"):
            fields[name] = (*getattr(mark, name), *_in_volume(_listed(given.get(name)), stored, source))
        if (short_axis := given.get("short_axis_zyx")) is not None:
            fields["short_axis_zyx"] = _in_volume(short_axis, stored, source)
        by_label[known] = replace(mark, **fields)
    return NotedMarks((by_label[mark.label] for mark in marks), notes_of(marks))


def _shared_uid_notes(marks: Sequence[RecistMark]) -> Iterator[str]:
    of_uid: dict[str, int] = {}
    for mark in marks:
        if mark.tracking_uid and (first := of_uid.setdefault(mark.tracking_uid, mark.label)) != mark.label:
            yield f"marks {first} and {mark.label} have one tracking_uid: DICOM takes them for one lesion"


def _label(label: Any) -> Any:
    """JSON's names are texts."""
    return int(label) if isinstance(label, str) and label.isdecimal() else label


def _in_volume(points: Any, stored: bool, source: ScanSource) -> Any:
    """Points of the stored array as points (z, y, x) of the volume; anything else is returned, for others to refuse."""
    array = real_array(points)
    is_points = stored and array.ndim == 2 and array.shape[1] == 3
    return source.points_from_file(array).tolist() if is_points else points


def _listed(points: Any) -> Iterable[Any]:
    """Points that were given, one alone too."""
    if points is None:
        return ()
    points = list(points) if isinstance(points, Iterator) else points
    array = real_array(points)
    if array.ndim == 2:  # a table too, over whose columns a loop would go
        rows: list[Any] = array.tolist()
        return rows
    is_one = array.shape == (3,) or not isinstance(points, Iterable) or isinstance(points, Mapping)
    return (points,) if is_one else points


def _read_planned(
    scan: OpenedScan,
    marks: tuple[RecistMark, ...],
    hu: bool | None,
    config: PatchConfig,
    crop: Crop | None,
    whole: bool,
) -> tuple[Case, PatchPlan]:
    """The case and the plan of its patches; of a NIfTI file no more is kept than the plan asks for, unless `whole`.

    For repeats, lines are drawn again at other places, and these need voxels beyond the plan.
    """
    check_marks(marks, scan.source.grid.shape_zyx)
    plan = PatchPlan.of(marks, scan.source.grid, config, crop)
    whole = whole or config.needs_whole_scan
    return scan.read_case(marks, None if whole else plan.boxes, hu=hu), plan


def _with_crops(result: Segmentation, plan: PatchPlan) -> Segmentation:
    """The result with no more of its scan than the plan asks for: results in a list would hold one whole scan each."""
    crops = keep_boxes(result.case.ct, plan.boxes)
    return replace(result, case=replace(result.case, ct=crops, reference=None))


def report_of(
    case: Case,
    predictor: Predictor,
    prediction: Prediction,
    measurements: tuple[TumorMeasurement, ...],
    threshold: float,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Report the settings and the results, JSON-ready: `Segmentation.report`.

    Parameters
    ----------
    case : Case
        Scan and marks.
    predictor : Predictor
        That was used.
    prediction : Prediction
        Its logits and masks.
    measurements : tuple[TumorMeasurement, ...]
        Measurements of the masks.
    threshold : float
        Logit above which a voxel is tumour.
    seconds : Mapping[str, float]
        That steps took, by their names.
    """
    manifest, crop = predictor.backend.manifest, predictor.crop
    config = predictor.patch_config(case.hu)
    return {
        "disclaimer": DISCLAIMER,
        "version": _kernels.__version__,
        "python": sys.version.split()[0],
        # importlib.metadata would take longer to import than a lesion to be painted
        "packages": {
            name: sys.modules[name].__version__
            for name in ("numpy", predictor.backend.name)
            if name in sys.modules
        },
        "case": case.name,
        "shape_zyx": case.ct.shape,
        "spacing_mm_zyx": case.grid.spacing_mm,
        "affine": case.grid.affine.tolist() if case.grid.is_oriented else None,
        "engine": predictor.backend.name,
        "crop": crop,
        "patch": {"side_factor": config.side_factor, "side_voxels": config.side_voxels},
        "channels": config.channels,
        "threshold": threshold,
        "mirror": predictor.mirror,
        "border": predictor.border,
        "window": predictor.window,
        "greys": "HU" if case.hu else "windowed 0-255",
        "window_hu": config.window_hu if case.hu else None,
        "windowed_unit_hu": None if case.hu else config.windowed_unit_hu,
        "windowed_low_hu": None if case.hu else config.windowed_low_hu,
        "indices": "z (along the body), y, x of the scan; no axis is flipped",
        "notes": [
            *([CROP_NOTE.format(crop, config.crop)] if crop != config.crop else []),
            *([WINDOWED_NOTE] if predictor.border == "edge" and not case.hu else []),
            *([] if case.grid.is_oriented else [UNORIENTED_NOTE]),
            *case.source.notes,
            *shared_tumor_notes(prediction.tumors, threshold),
            *unreached_slice_notes(prediction.painting, case.marks),
            *_shared_uid_notes(case.marks),
        ],
        # a report may be shown to anyone: a tracking UID of DICOM leads to the patient
        "marks": [mark_entry(replace(mark, tracking_uid=""), case.source) for mark in case.marks],
        "weights": manifest.folder.resolve().name,
        "weights_sha256": manifest.weights_sha256,
        "seconds": {name: round(taken, 4) for name, taken in seconds.items()},
        "tumors": [
            {**m.to_dict(), "recovery_offset": prediction.painting.recovered.get(m.label, 0.0)}
            for m in measurements
        ],
    }
