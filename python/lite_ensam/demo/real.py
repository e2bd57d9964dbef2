"""The demo on real scans that anyone can get: four lung tumours, CT and RTSTRUCT, out of a wheel.

The scans are CC BY-NC 3.0: they are fetched by the package's name through pip into the user's own
folder, to look at and to measure on, and are never trained on.
"""

import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np

from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError
from lite_ensam.core.recist import RecistMark, mark_from_mask
from lite_ensam.core.types import PathLike
from lite_ensam.demo.fetching import pip_download
from lite_ensam.demo.record import DemoRecord, Segmenter, check_results, show_cases
from lite_ensam.io import make_folder
from lite_ensam.io.dicom import read_ct_series, read_roi
from lite_ensam.io.dicom.datasets import load_package

__all__ = ["REQUIREMENT", "SOURCE", "fetch_scans", "read_scan", "real_cases", "run_real_demo"]

REQUIREMENT = "pycerr==2.5.1"
SOURCE = (
    "four lung tumours of the Radiomics Digital Phantom (P. Lambin, CancerData 2016, "
    f"doi:10.17195/candat.2016.08.1), from the wheel {REQUIREMENT}; CC BY-NC 3.0: not for commercial use, "
    "here only looked at and measured on"
)

_INSIDE_WHEEL = PurePosixPath("cerr/datasets/radiomics_phantom_dicom")
_WHEEL_NAME = f"{REQUIREMENT.replace('==', '-')}-*.whl"
_ROI = "GTV-1"


def run_real_demo(
    folder: PathLike,
    *,
    segment: Segmenter | None = None,
    overwrite: bool = False,
    on_step: Callable[[str], None] | None = None,
) -> DemoRecord:
    """Segment four real lung tumours from the RECIST lines of their reference contours.

    Parameters
    ----------
    folder : PathLike
        Made if it is missing; keeps the scans (17 MB, DICOM) in `scans`, gets a folder with ct.nii.gz,
        marks.json and mask.nii.gz for each patient, and picture.png and report.json.
    segment : Segmenter or None, default None
        None takes the weights that ship with the package.
    overwrite : bool, default False
        Whether existing results may be replaced; scans that are there are not fetched again.
    on_step : Callable[[str], None] or None, default None
        Called with a sentence before each step.

    Returns
    -------
    DemoRecord
        Scores, volumes and written files.

    Raises
    ------
    CaseError
        If pip cannot fetch the wheel, or it does not hold what is expected.
    MissingExtraError
        If pydicom is not installed.
    OutputError
        If a file exists or cannot be written.
    EngineError
        If the weights cannot be used.
    """
    tell = on_step or (lambda _: None)
    place = Path(folder)
    load_package()  # before anything is fetched
    make_folder(place)
    check_results(place, overwrite=overwrite)
    tell(f"fetching {REQUIREMENT} through pip")
    patients = fetch_scans(place)
    tell("reading CT and contours")
    for patient in patients:
        make_folder(place / patient.name)
    cases = {place / patient.name: read_scan(patient) for patient in patients}
    tell("segmenting")
    return show_cases(cases, place, SOURCE, segment, overwrite)


def real_cases(folder: PathLike) -> list[Case]:
    """Read four patients' scans, lines and references; missing scans are downloaded into `folder`/scans.

    Parameters
    ----------
    folder : PathLike
        Made if it is missing; keeps the scans (17 MB, DICOM) in `scans`.

    Returns
    -------
    list[Case]
        Four cases with references.

    Raises
    ------
    CaseError, MissingExtraError, OutputError
        As `run_real_demo`.
    """
    load_package()
    make_folder(folder)
    return [read_scan(patient) for patient in fetch_scans(folder)]


def fetch_scans(folder: PathLike) -> list[Path]:
    """Folders of the four patients in `folder`/scans, fetched if they are not there.

    A wheel that lies in `folder` already is taken instead of fetching one.
    """
    scans = Path(folder) / "scans"
    if not scans.is_dir():
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as temporary:
            wheel = next(Path(folder).glob(_WHEEL_NAME), None) or _download(Path(temporary), Path(folder))
            os.replace(_unpack(wheel, Path(temporary) / "scans"), scans)
    patients = sorted(path for path in scans.iterdir() if path.is_dir())
    if not patients:
        raise CaseError(f"{scans}: holds no patient; delete the folder to fetch the scans again")
    return patients


def read_scan(folder: PathLike) -> Case:
    """CT, reference and the line drawn on the reference of one patient: DICOM slices and an RTSTRUCT."""
    ct, source = read_ct_series(folder)
    contours = sorted(Path(folder).glob("*_RS_*.dcm"))
    if len(contours) != 1:
        raise CaseError(f"{os.fspath(folder)}: holds {len(contours)} files *_RS_*.dcm, expected one RTSTRUCT")
    reference = read_roi(contours[0], _ROI, source)
    line = mark_from_mask(reference, source.grid.spacing_mm, label=1)
    mark = RecistMark(line.label, line.endpoints_zyx, "lung tumour")
    return Case(
        ct, source.grid, (mark,), reference.astype(np.uint8), Path(folder).name, hu=True, source=source
    )


def _download(into: Path, folder: Path) -> Path:
    """The wheel; without a network the message says how it can be brought."""
    try:
        return pip_download(REQUIREMENT, into, "--only-binary=:all:")
    except CaseError as error:
        raise CaseError(
            f"{error}; it holds the scans: where there is a network, run"
            f" `pip download --no-deps {REQUIREMENT}` and put the wheel into {folder}"
        ) from None


def _unpack(wheel: Path, into: Path) -> Path:
    """The scans and their licence, without the rest of the wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                inside = PurePosixPath(name)
                if name.endswith("/") or not inside.is_relative_to(_INSIDE_WHEEL) or ".." in inside.parts:
                    continue
                target = into / inside.relative_to(_INSIDE_WHEEL)
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(name) as source, open(target, "wb") as copy:
                    shutil.copyfileobj(source, copy)
    except zipfile.BadZipFile as error:
        raise CaseError(f"{wheel}: is not a wheel ({error}); delete it and try again") from None
    if not into.is_dir():
        raise CaseError(f"{wheel}: holds no {_INSIDE_WHEEL}")
    return into
