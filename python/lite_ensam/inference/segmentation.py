"""`segment`: one call from a CT and its RECIST lines to masks and measurements."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.case import Case
from lite_ensam.errors import CaseError, EngineError, MarkError, OutputError
from lite_ensam.geometry import Grid
from lite_ensam.inference.backend import ENGINES, WEIGHTS, Backend, Engine, Manifest
from lite_ensam.inference.borders import Border
from lite_ensam.inference.engines import load_backend
from lite_ensam.inference.predictor import Crop, Prediction, Predictor, Stopwatch
from lite_ensam.inference.uncertainty import TumorNoise, measure_noise
from lite_ensam.io import (
    DISCLAIMER,
    GivenMarks,
    check_output,
    given_marks,
    read_case,
    read_cropped_case,
    read_ct,
    write_mask,
)
from lite_ensam.io.dicom import SeriesGrid, build_report, build_segmentation, write_dataset
from lite_ensam.io.reading import file_suffix
from lite_ensam.io.voxels import as_ct
from lite_ensam.measurements import DISAGREEMENT, TumorMeasurement, measure
from lite_ensam.preprocessing import needed_boxes
from lite_ensam.recist import RecistMark

JOINT_NOTE = "crop joint: the weights were trained on lesion crops and do much worse on this one"
WINDOWED_NOTE = (
    "border edge on a windowed scan: what the window cut off moves edges; volumes may be a third too small"
)

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Masks of all marked tumours and what they measure.

    Parameters
    ----------
    grid : of the scan, which `save` writes into
    marks : the lines
    measurements : one for each mark, in order
    report : JSON-ready record of what was done: versions, parameters, seconds, measurements
    prediction : the logits, to paint again with another threshold, and the label map where it is not zero
    """

    grid: Grid
    marks: tuple[RecistMark, ...]
    measurements: tuple[TumorMeasurement, ...]
    report: dict[str, Any]
    prediction: Prediction

    def __repr__(self) -> str:
        shape = " x ".join(str(n) for n in self.grid.shape_zyx)
        lines = [
            f"  {m.label}{f' {mark.name}' if mark.name else ''}: {m.volume_ml:.2f} ml, "
            f"longest diameter {m.longest_diameter_mm:.1f} mm, short axis {m.short_axis_mm:.1f} mm"
            for m, mark in zip(self.measurements, self.marks, strict=True)
        ]
        return "\n".join([f"Segmentation of {len(lines)} tumour(s), {shape} voxels", *lines])

    def _repr_html_(self) -> str:
        """The table that a notebook shows."""
        from html import escape  # milliseconds that the command line need not pay

        def line(tag: str, *cells: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        heads = ("label", "name", "line, mm", "volume, ml", "longest diameter, mm", "short axis, mm", "")
        rows = [
            line(
                *("td", str(m.label), mark.name, f"{m.recist_mm:.1f}", f"{m.volume_ml:.2f}"),
                *(f"{m.longest_diameter_mm:.1f}", f"{m.short_axis_mm:.1f}", _warnings(m)),
            )
            for m, mark in zip(self.measurements, self.marks, strict=True)
        ]
        return f"<table><thead>{line('th', *heads)}</thead><tbody>{''.join(rows)}</tbody></table>"

    @property
    def labels(self) -> NDArray[np.uint16]:
        """Label map, uint16 (z, y, x): each tumour with its mark's label, 0 elsewhere; made when asked for."""
        return self.prediction.labels

    def save(self, path: PathLike, overwrite: bool = False, report: PathLike | None = None) -> None:
        """Write the label map in the axis order and affine of the scan's file.

        Parameters
        ----------
        path : .nii.gz, .nii or .npz; of a scan read from DICOM also .dcm, a DICOM SEG
        overwrite : whether existing files may be replaced
        report : .dcm, a DICOM structured report (TID 1500) that refers to the SEG

        Raises
        ------
        OutputError
            If a file exists and `overwrite` is False, or it cannot be written.
        """
        if report is None:
            write_mask(path, self.prediction.painting.part, self.grid, overwrite, self.marks)
            return
        if not isinstance(self.grid, SeriesGrid):
            raise OutputError("a structured report needs a scan read from a DICOM folder")
        for target in (path, report):
            check_output(target, overwrite, (".dcm",))
        segmentation = build_segmentation(self.labels, self.grid, self.marks)
        text = build_report(segmentation, self.grid, self.marks, self.measurements)
        write_dataset(path, segmentation, overwrite)
        write_dataset(report, text, overwrite)


def _warnings(tumor: TumorMeasurement) -> str:
    """What the reader should look at twice."""
    words = {
        f"mask and line differ by more than {DISAGREEMENT:.0%}": tumor.disagrees,
        "mask reaches the scan's border": tumor.touches_edge,
    }
    return "; ".join(word for word, true in words.items() if true)


def segment(
    ct: PathLike | NDArray[Any],
    marks: GivenMarks | None = None,
    spacing_mm: Sequence[float] | None = None,
    *,
    crop: Crop = "lesion",
    engine: Engine = "openvino",
    window: tuple[float, float] | None = None,
    hu: bool | None = None,
    threads: int | None = None,
    threshold: float = 0.0,
    mirror: bool = False,
    border: Border = "readers",
    series_uid: str | None = None,
    repeats: int = 0,
) -> Segmentation:
    """Segment tumours in 3D from their RECIST lines.

    Parameters
    ----------
    ct : a file (.nii, .nii.gz, FLARE .npz), a folder of DICOM slices, or an array (z, y, x) in HU or windowed to 0-255
    marks : the lines. A file (JSON, CSV, DICOM, marker volume), one `RecistMark` or several, a mapping of
        labels to endpoints ((z, y, x), (z, y, x)) in voxel indices, an array (n, 2, 3) of endpoints
        (labels 1..n), or a marker volume of the CT's shape. None takes the marks inside an .npz
    spacing_mm : (z, y, x) of an array; a file knows its own
    crop : "lesion" looks at each tumour in a cube scaled to its line; "joint" is the paper's one box
        around all lines
    engine : "openvino", or "torch" for the reference (extra `torch`)
    window : (low, high) HU: what is looked at in a scan in HU, what 0 and 255 of a windowed scan mean
    hu : True for Hounsfield units, False for a windowed scan, None to look at the values
    threads : CPU threads of the engine; None takes all
    threshold : logit above which a voxel is tumour
    mirror : average each lesion patch's logits with its mirror image's: twice the network's time
    border : "readers" draws tumours as readers do; "edge" then moves each border to the edge that is seen in the
        scan (extra `edge`): right volumes of phantoms, further from readers (docs/clinical.md)
    series_uid : which CT series of a DICOM folder; None takes the largest
    repeats : how many times each tumour is segmented again, lines drawn anew and patches mirrored, for the standard
        deviations of its numbers in the report (see `measure_noise`); 0 leaves them out

    Returns
    -------
    Segmentation

    Raises
    ------
    LiteEnsamError
        `CaseError` for a bad scan, `MarkError` for bad marks, `EngineError` for a bad engine.

    Examples
    --------
    >>> from lite_ensam.phantom import make_phantom
    >>> case = make_phantom()
    >>> result = segment(case.ct, case.marks, case.grid.spacing_mm)
    >>> result.labels.shape == case.ct.shape
    True
    """
    clock = Stopwatch()
    if engine not in ENGINES:
        raise EngineError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")

    def read() -> Case:
        with clock.step("read"):
            # lines drawn anew need voxels that a streamed scan does not keep
            return _case(ct, marks, spacing_mm, hu, series_uid, crop, streamed=not repeats)

    # the scan is inflated (without the interpreter's lock) while the engine starts
    with ThreadPoolExecutor(1, "lite-ensam-reader") as reader:
        reading = reader.submit(read)
        with clock.step("load engine"):
            predictor = Predictor(_backend(engine, threads), crop, window, mirror, border)
            predictor.prepare()
        with clock.step("wait for scan"):
            case = reading.result()
    return segment_case(case, predictor, threshold, clock, repeats)


def segment_case(
    case: Case,
    predictor: Predictor,
    threshold: float = 0.0,
    clock: Stopwatch | None = None,
    repeats: int = 0,
) -> Segmentation:
    """Segment a case that is already in memory; `segment` is the front door."""
    clock = clock or Stopwatch()
    prediction = predictor.predict(case, threshold, clock)
    with clock.step("measure"):
        ct_hu = case.ct if case.hu else None
        measurements = measure(prediction.painting.part, case.marks, case.grid.spacing_mm, ct_hu)
    noise: tuple[TumorNoise, ...] = ()
    if repeats:
        with clock.step("repeats"):
            noise = measure_noise(case, predictor, repeats, threshold)
    report = _report(case, predictor, prediction, measurements, threshold, clock)
    for tumor, one in zip(report["tumors"], noise, strict=False):
        tumor |= one.to_dict()
    return Segmentation(
        grid=case.grid,
        marks=case.marks,
        measurements=measurements,
        report=report,
        prediction=prediction,
    )


@lru_cache(maxsize=2, typed=True)
def _backend(engine: Engine, threads: int | None) -> Backend:
    """Engines are kept between calls: loading one takes longer than running it."""
    return load_backend(engine, threads)


def _case(
    ct: PathLike | NDArray[Any],
    marks: GivenMarks | None,
    spacing_mm: Sequence[float] | None,
    hu: bool | None,
    series_uid: str | None,
    crop: Crop,
    streamed: bool = True,
) -> Case:
    if isinstance(ct, str | os.PathLike):
        if spacing_mm is not None:
            raise CaseError(f"spacing_mm belongs to arrays; {os.fspath(ct)} has its own")
        if (
            streamed
            and file_suffix(ct) in (".nii", ".nii.gz")
            and marks is not None
            and not os.path.isdir(ct)
        ):
            return _streamed(ct, marks, hu, crop)
        if marks is None or isinstance(marks, str | os.PathLike):
            return read_case(ct, marks, hu=hu, series_uid=series_uid)
        volume, grid = read_ct(ct, series_uid)
        return Case(volume, grid, given_marks(marks, grid), name=os.fspath(ct), hu=hu)  # type: ignore[arg-type]
    if spacing_mm is None:
        raise CaseError("spacing_mm is missing: an array does not know its voxel size (z, y, x) in mm")
    if marks is None or isinstance(marks, str | os.PathLike):
        raise MarkError("marks of an array must be lines or a marker volume, not a file")
    volume = as_ct(np.asarray(ct))
    array_grid = Grid.from_spacing(volume.shape, spacing_mm)
    return Case(volume, array_grid, given_marks(marks, array_grid), hu=hu)  # type: ignore[arg-type]


def _streamed(ct: PathLike, marks: GivenMarks, hu: bool | None, crop: Crop) -> Case:
    """A NIfTI scan of which only the voxels around its lines are kept."""
    config = Manifest.read(WEIGHTS).patch
    return read_cropped_case(
        ct,
        lambda grid: given_marks(marks, grid),
        lambda lines, grid: needed_boxes(lines, grid, config, crop),
        hu=hu,
    )


def _report(
    case: Case,
    predictor: Predictor,
    prediction: Prediction,
    measurements: tuple[TumorMeasurement, ...],
    threshold: float,
    clock: Stopwatch,
) -> dict[str, Any]:
    manifest = predictor.backend.manifest
    config = predictor.patch_config(case.hu)
    return {
        "disclaimer": DISCLAIMER,
        "version": _kernels.__version__,
        "python": sys.version.split()[0],
        # importlib.metadata would take longer to import than a lesion to be painted
        "packages": {name: sys.modules[name].__version__ for name in ("numpy", predictor.backend.name)},
        "case": case.name,
        "shape_zyx": case.ct.shape,
        "spacing_mm_zyx": case.grid.spacing_mm,
        "engine": predictor.backend.name,
        "crop": predictor.crop,
        "patch": {"side_factor": config.side_factor, "side_voxels": config.side_voxels},
        "channels": config.channels,
        "threshold": threshold,
        "mirror": predictor.mirror,
        "border": predictor.border,
        "greys": "HU" if case.hu else "windowed 0-255",
        "window_hu": config.window_hu if case.hu else None,
        "windowed_unit_hu": None if case.hu else config.windowed_unit_hu,
        "indices": "z (along the body), y, x of the scan; no axis is flipped",
        "notes": [
            *([JOINT_NOTE] if predictor.crop == "joint" else []),
            *([WINDOWED_NOTE] if predictor.border == "edge" and not case.hu else []),
            *(case.grid.notes if isinstance(case.grid, SeriesGrid) else ()),
        ],
        "weights_sha256": manifest.weights_sha256,
        "seconds": {name: round(seconds, 4) for name, seconds in clock.seconds.items()},
        "tumors": [
            {**m.to_dict(), "name": mark.name, "raised_by": prediction.painting.raised.get(m.label, 0.0)}
            for m, mark in zip(measurements, case.marks, strict=True)
        ],
    }
