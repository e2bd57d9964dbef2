"""Three visits of a made-up patient: CT with two balls in the lungs, and a reader's lines as OHIF writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.uid import generate_uid

from lite_ensam.core.recist import RecistMark
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.io import read_ct
from lite_ensam.io.dicom import SeriesSource
from tests.integration.archives import write_ohif_report
from tests.unit.io.dicom.files import write_slice

DATES = ("20310106", "20310303", "20310428")
SPACING = (2.5, 1.6, 1.6)
RADII_MM = ((14.0, 10.0), (8.0, 7.0), (12.5, 10.5))
"""Of the balls at each visit: PR, then PD."""

PLACES = ((0.55, 0.47, 0.28), (0.62, 0.5, 0.74))
"""Shares of the scan (z, y, x)."""

SECRETS = ("SECRET", *(date[:6] for date in DATES), "2031-", "Mar 3", "1.2.826")
"""Name, identifier, dates and UIDs of the patient, none of which may come out."""


def write_visit(
    folder: Path, visit: int, names: tuple[str, ...] = ("lung 1", "lung 2"), **more: object
) -> str:
    """Slices and `report.dcm` in a folder; the StudyInstanceUID."""
    body = make_phantom(spacing_mm=SPACING)
    ct = body.ct.astype(np.float32)
    marks = []
    for number, (place, radius_mm) in enumerate(zip(PLACES, RADII_MM[visit], strict=True), start=1):
        centre = np.round(np.array(place) * ct.shape).astype(int)
        offsets = [(np.arange(n) - c) * mm for n, c, mm in zip(ct.shape, centre, SPACING, strict=True)]
        distance = np.sqrt(sum(one**2 for one in np.meshgrid(*offsets, indexing="ij", sparse=True)))
        share = np.clip((radius_mm - distance) / 1.4 + 0.5, 0, 1)
        ct += share * (30 - ct)
        z, y, x = centre.tolist()
        half = radius_mm / SPACING[2]
        marks.append(RecistMark(number, ((z, y, x - half), (z, y, x + half)), names[number - 1]))
    study, series = generate_uid(), generate_uid()
    told = {
        "StudyInstanceUID": study,
        "FrameOfReferenceUID": series,
        "StudyDate": DATES[visit],
        "PatientName": "SECRET^NAME",
        "PatientID": "SECRET-ID",
        "AccessionNumber": "SECRET-ACC",
    }
    folder.mkdir(parents=True)
    for k, one in enumerate(ct):
        write_slice(
            folder / f"{k:03}.dcm",
            np.rint(one + 1024),
            (20.0 * visit, -15.0 * visit, 30.0 * visit + k * SPACING[0]),
            row_column_mm=SPACING[1:],
            intercept=-1024.0,
            series=series,
            **{"BitsStored": 16, "HighBit": 15, "InstanceNumber": k + 1} | told | more,
        )
    source = read_ct(folder)[1]
    assert isinstance(source, SeriesSource)
    write_ohif_report(folder / "report.dcm", source, tuple(marks), ContentDate=DATES[visit])
    return study
