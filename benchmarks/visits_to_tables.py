"""From three visits, DICOM folders with lines, to a board page and SDTM tables: seconds and memory of one command.

    python benchmarks/visits_to_tables.py [FOLDER] [SLICES]

The visits are the phantom with two balls in its lungs, 512 x 512 pixels, which moves and turns between visits; lines
have names at baseline only, so that both later scans are registered. FOLDER is kept for a look at it.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from lite_ensam.core.coded_concept import CodedConcept
from lite_ensam.core.recist import RecistMark
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.io import open_scan, write_marks

DATES = ("2031-01-06", "2031-03-03", "2031-04-28")
RADII_MM = ((14.0, 10.0), (8.0, 7.0), (12.0, 10.0))
PLACES = ((0.72, 0.47, 0.28), (0.84, 0.5, 0.74))
"""Of the balls, shares of the scan (z, y, x)."""
SITE = CodedConcept("39607008", "SCT", "Lung")


def write_visit(folder: Path, visit: int, n_slices: int) -> None:
    """A series of CT slices and the lines on it."""
    spacing = (300 / n_slices, 0.7, 0.7)
    body = make_phantom((n_slices, 512, 512), spacing, seed=0)
    ct = body.ct.astype(np.float32)
    marks = []
    for number, (place, radius_mm) in enumerate(zip(PLACES, RADII_MM[visit], strict=True), start=1):
        centre = np.round(np.array(place) * ct.shape).astype(int)
        reach = np.ceil(radius_mm / np.array(spacing)).astype(int) + 2
        box = tuple(slice(c - r, c + r + 1) for c, r in zip(centre, reach, strict=True))
        axes = [np.arange(-r, r + 1) * mm for r, mm in zip(reach, spacing, strict=True)]
        distance = np.sqrt(sum(one**2 for one in np.meshgrid(*axes, indexing="ij")))
        share = np.clip((radius_mm - distance) / 1.4 + 0.5, 0, 1)
        ct[box] += share * (30 - ct[box])
        z, y, x = centre.tolist()
        half = radius_mm / spacing[2]
        name = f"lung {number}" if visit == 0 else ""
        marks.append(RecistMark(number, ((z, y, x - half), (z, y, x + half)), name, finding_site=SITE))
    ct += np.random.default_rng(visit).normal(0, 10, ct.shape).astype(np.float32)
    turn = np.deg2rad(3 * visit)
    rows = np.array([np.cos(turn), np.sin(turn), 0.0])
    columns = np.array([-np.sin(turn), np.cos(turn), 0.0])
    write_series(folder, np.rint(ct).astype(np.int16), spacing, (rows, columns), visit)
    write_marks(folder / "lines.json", marks, open_scan(folder).source.grid)


def write_series(
    folder: Path,
    ct: np.ndarray,
    spacing: tuple[float, float, float],
    axes: tuple[np.ndarray, np.ndarray],
    visit: int,
) -> None:
    folder.mkdir(parents=True)
    study, series = generate_uid(), generate_uid()
    for k, one in enumerate(ct):
        position = np.array([20.0 * visit, -15.0 * visit, 30.0 * visit + k * spacing[0]])
        header = Dataset()
        header.file_meta = FileMetaDataset()
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = CTImageStorage
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        header.Modality, header.PatientID, header.PatientName = "CT", "EX-1", "Example^One"
        header.StudyInstanceUID, header.SeriesInstanceUID = study, series
        header.FrameOfReferenceUID = series
        header.StudyDate = DATES[visit].replace("-", "")
        header.InstanceNumber = k + 1
        header.ImagePositionPatient = [f"{mm:.3f}" for mm in position]
        header.ImageOrientationPatient = [f"{mm:.6f}" for mm in np.concatenate(axes)]
        header.PixelSpacing, header.SliceThickness = list(spacing[1:]), spacing[0]
        header.Rows, header.Columns = one.shape
        header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
        header.BitsAllocated, header.BitsStored, header.HighBit = 16, 16, 15
        header.PixelRepresentation = 1
        header.RescaleSlope, header.RescaleIntercept = 1, 0
        header.PixelData = one.tobytes()
        header.save_as(folder / f"{k:04d}.dcm", enforce_file_format=True)


def main() -> None:
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
    n_slices = int(sys.argv[2]) if len(sys.argv) > 2 else 150
    visits = place / "visits"
    if not visits.exists():
        for visit in range(len(DATES)):
            write_visit(visits / f"visit{visit + 1}", visit, n_slices)
    out = place / "out"
    out.mkdir(exist_ok=True)
    command = [
        sys.executable, "-m", "lite_ensam", "respond", visits, "--board", out / "board.html", "--sdtm", out / "sdtm",
        "--redcap", out / "redcap", "--lesions", out / "lesions.csv", "--rates", out / "rates.csv",
        "--report", out / "response.json", "--irecist", "--overwrite",
    ]  # fmt: skip
    start = time.perf_counter()
    subprocess.run(command, check=True)
    wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{wall:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of CPU, peak {used.ru_maxrss / 1024:.0f} MB, load "
        f"{os.getloadavg()[0]:.1f}, {n_slices} slices a visit: {out}"
    )


if __name__ == "__main__":
    main()
