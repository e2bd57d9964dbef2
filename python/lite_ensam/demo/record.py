"""The steps of both demos: segment, score against the sphere, write scan, mask and picture."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from lite_ensam.core.case import Case
from lite_ensam.core.errors import MissingExtraError
from lite_ensam.core.partial_volume import TumorMasks, on_common_box
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import Labels, PathLike
from lite_ensam.engines import WEIGHTS, load_backend
from lite_ensam.evaluation import BASELINES, dsc, nsd
from lite_ensam.figures import TumorPicture, write_picture
from lite_ensam.io import check_output, write_ct, write_marks, write_mask, write_report
from lite_ensam.measurements import TumorMeasurement
from lite_ensam.segmentation import Predictor, segment_case

__all__ = [
    "DemoRecord",
    "DemoTumor",
    "Segmenter",
    "check_results",
    "segmenter_of",
    "show_cases",
]

PICTURE, REPORT = "picture.png", "report.json"


class Segmented(Protocol):
    """The part of a `Segmentation` that a demo needs."""

    @property
    def labels(self) -> Labels:
        """Label map (z, y, x)."""
        ...

    @property
    def measurements(self) -> tuple[TumorMeasurement, ...]:
        """One for each mark, in order."""
        ...

    @property
    def report(self) -> dict[str, Any]:
        """JSON-ready record of what was done."""
        ...


Segmenter: TypeAlias = Callable[[Case], Segmented]


@with_short_repr
@dataclass(frozen=True)
class DemoTumor:
    """One tumour: its measurements, and how close the result and the sphere of the line are to the reference.

    Parameters
    ----------
    case : str
        Name of the case.
    name : str
        Name of the lesion.
    label : int
        Label of the tumour in the case.
    recist_mm : float
        Length of the line.
    volume_ml, reference_ml : float
        Volumes of the result and of the reference, in ml.
    longest_diameter_mm, short_axis_mm : float
        Diameters of the result on an axial slice, in mm.
    flags, flag_sentences : tuple[str, ...]
        What a reader should check, for programs and for people.
    dsc, sphere_dsc : float
        Dice similarity coefficient.
    nsd_2mm, sphere_nsd_2mm : float or None
        Normalised surface Dice at 2 mm; None without the extra `evaluate`.
    """

    case: str
    name: str
    label: int
    recist_mm: float
    volume_ml: float
    reference_ml: float
    longest_diameter_mm: float
    short_axis_mm: float
    flags: tuple[str, ...]
    flag_sentences: tuple[str, ...]
    dsc: float
    sphere_dsc: float
    nsd_2mm: float | None
    sphere_nsd_2mm: float | None


@with_short_repr
@dataclass(frozen=True)
class DemoRecord:
    """All numbers of a demo.

    Parameters
    ----------
    folder : Path
        Where everything lies.
    source : str
        What the scans are, and their licence.
    tumors : tuple[DemoTumor, ...]
        The tumours, in the order of the picture's rows.
    masks : tuple[Path, ...]
        One file for each case, next to its ct.nii.gz and marks.json.
    picture : Path or None
        Three planes of each tumour, result and reference outlined; None without matplotlib.
    report : Path
        JSON with all of this and each case's own report.
    seconds : float
        Wall time of segmenting, all cases.
    notes : tuple[str, ...]
        What was left out, and which extra it needs.
    """

    folder: Path
    source: str
    tumors: tuple[DemoTumor, ...]
    masks: tuple[Path, ...]
    picture: Path | None
    report: Path
    seconds: float
    notes: tuple[str, ...]


def show_cases(
    cases: Mapping[Path, Case],
    folder: Path,
    source: str,
    segment: Segmenter | None = None,
    overwrite: bool = False,
) -> DemoRecord:
    """Segment cases that have a reference and write everything there is to see.

    Parameters
    ----------
    cases : Mapping[Path, Case]
        Cases by the folder that ct.nii.gz, marks.json and mask.nii.gz of each go into.
    folder : Path
        Gets picture.png and report.json.
    source : str
        What the scans are, for the record.
    segment : Segmenter or None, default None
        None takes the weights that ship with the package.
    overwrite : bool, default False
        Whether existing files may be replaced.

    Raises
    ------
    OutputError
        If something cannot be written; asked before the work starts.
    """
    picture, report = folder / PICTURE, folder / REPORT
    check_results(folder, cases, overwrite)
    segment = segment or segmenter_of()
    notes: dict[str, None] = {}
    tumors, pictures, reports, seconds = [], [], [], 0.0
    for place, case in cases.items():
        start = time.perf_counter()
        result = segment(case)
        seconds += time.perf_counter() - start
        write_ct(place / "ct.nii.gz", case.volume, case.source, overwrite)
        write_marks(place / "marks.json", case.marks, case.source, overwrite)
        write_mask(place / "mask.nii.gz", result.labels, case.source, overwrite)
        of_case = _score(case, result, notes)
        tumors += of_case
        pictures += _pictures(case, result, of_case)
        reports.append(result.report)
    shown = _try_picture(picture, pictures, overwrite, notes)
    record = DemoRecord(
        folder=folder,
        source=source,
        tumors=tuple(tumors),
        masks=tuple(place / "mask.nii.gz" for place in cases),
        picture=picture if shown else None,
        report=report,
        seconds=seconds,
        notes=tuple(notes),
    )
    write_report(report, {"demo": record, "cases": reports}, overwrite)
    return record


def check_results(folder: Path, places: Iterable[Path] = (), overwrite: bool = False) -> None:
    """`OutputError` if a result of a demo cannot be written: picture, report, and the files of each case."""
    written = [place / name for place in places for name in ("ct.nii.gz", "marks.json", "mask.nii.gz")]
    for path in (*written, folder / PICTURE, folder / REPORT):
        check_output(path, overwrite)


def segmenter_of(weights: PathLike = WEIGHTS) -> Segmenter:
    """Make a function that segments cases with the weights of a folder.

    Parameters
    ----------
    weights : PathLike, default WEIGHTS
        Folder of weights made by `lite-ensam export` or `import`.

    Returns
    -------
    Segmenter
        Function from a case to its segmentation.
    """
    predictor = Predictor(load_backend("openvino", weights=weights))
    return lambda case: segment_case(case, predictor)


def _score(case: Case, result: Segmented, notes: dict[str, None]) -> list[DemoTumor]:
    spacing = case.grid.spacing_mm
    tumors, masks = [], TumorMasks(result.labels)
    for mark, measured in zip(case.marks, result.measurements, strict=True):
        reference, ours = case.reference_masks[mark.label], masks[mark.label]
        sphere = BASELINES["sphere"](case, mark)
        nsds: list[float | None] = [None, None]
        try:
            nsds = [nsd(*on_common_box(mask, reference), spacing) for mask in (ours, sphere)]
        except MissingExtraError as error:
            notes[str(error)] = None
        tumors.append(
            DemoTumor(
                case=case.name,
                name=mark.name,
                label=mark.label,
                recist_mm=mark.length_mm(spacing),
                volume_ml=measured.volume_ml,
                reference_ml=float(reference.voxels.sum()) * math.prod(spacing) / 1000,
                longest_diameter_mm=measured.longest_diameter_mm,
                short_axis_mm=measured.short_axis_mm,
                flags=tuple(flag.code for flag in measured.flags),
                flag_sentences=tuple(flag.sentence for flag in measured.flags),
                dsc=dsc(*on_common_box(ours, reference)),
                sphere_dsc=dsc(*on_common_box(sphere, reference)),
                nsd_2mm=nsds[0],
                sphere_nsd_2mm=nsds[1],
            )
        )
    return tumors


def _pictures(case: Case, result: Segmented, tumors: Sequence[DemoTumor]) -> list[TumorPicture]:
    masks = TumorMasks(result.labels)
    return [
        TumorPicture(
            case.ct,
            case.grid,
            mark,
            masks[mark.label],
            case.reference_masks[mark.label],
            f"{tumor.case}: {tumor.name}, DSC {tumor.dsc:.2f} (sphere of the line {tumor.sphere_dsc:.2f})",
        )
        for mark, tumor in zip(case.marks, tumors, strict=True)
    ]


def _try_picture(
    path: Path, pictures: Sequence[TumorPicture], overwrite: bool, notes: dict[str, None]
) -> bool:
    """Draw if matplotlib is there; else note what is missing."""
    try:
        write_picture(path, pictures, overwrite=overwrite)
    except MissingExtraError as error:
        notes[str(error)] = None
        return False
    return True
