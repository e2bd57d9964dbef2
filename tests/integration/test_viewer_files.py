"""Files of the viewer's buttons, of a scan read from DICOM: they are what is on the screen, and can be read again."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pydicom
import pytest

import lite_ensam
from lite_ensam.core.errors import OutputError
from lite_ensam.io import read_labels
from lite_ensam.widgets import Explorer, explore
from lite_ensam.widgets.exports import EXPORT_KINDS
from tests.integration.conftest import Scan


@pytest.fixture
def explorer(dicom: Path, scan: Scan, tmp_path: Path) -> Explorer:
    """With a ball on one lesion, a smooth second one, and a rejected third."""
    made = explore(dicom, list(scan.case.marks), folder=tmp_path)
    viewer = made.viewer
    viewer.segment()
    z, y, x = (round(middle) for middle in scan.case.marks[0].midpoint_zyx)
    viewer.hand.paint(1, [(z, y, x), (z, y, x + 12)], 5.0, ball=True)
    viewer.hand.smooth(2, 4.0)
    viewer.reject(3)
    return made


def test_dicom_objects_are_the_screen_to_the_voxel_and_say_what_a_hand_did(explorer: Explorer) -> None:
    viewer = explorer.viewer
    seg, rtstruct = explorer.save("SEG"), explorer.save("RTSTRUCT")
    np.testing.assert_array_equal(read_labels(seg, viewer.source), viewer.labels)
    np.testing.assert_array_equal(read_labels(rtstruct, viewer.source), viewer.labels)
    assert set(np.unique(viewer.labels)) == {0, 1, 2}
    described = [segment.SegmentDescription for segment in pydicom.dcmread(seg).SegmentSequence]
    expected = [
        f"edited by hand: {row['hand_added_voxels']} voxels added, {row['hand_removed_voxels']} removed"
        for row in viewer.results[:2]
    ]
    assert viewer.results[0]["hand_added_voxels"] > 0
    assert described == [f"lite-ensam label {n}; {words}" for n, words in enumerate(expected, start=1)]
    assert [roi.ROIDescription for roi in pydicom.dcmread(rtstruct).StructureSetROISequence] == expected


def test_a_report_refers_to_the_seg_beside_it(explorer: Explorer, tmp_path: Path) -> None:
    name = explorer.name
    sr = pydicom.dcmread(explorer.save("SR"))
    seg = tmp_path / f"{name}_seg.dcm"
    assert str(pydicom.dcmread(seg).SOPInstanceUID) in str(sr)
    seg.unlink()
    saved = pydicom.dcmread(explorer.save("SEG"))
    explorer.save("SR", overwrite=True)
    assert pydicom.dcmread(seg).SOPInstanceUID == saved.SOPInstanceUID, (
        "what is saved and shown is not written again"
    )
    assert str(saved.SOPInstanceUID) in str(pydicom.dcmread(tmp_path / f"{name}_sr.dcm"))
    explorer.viewer.accept(3)
    before = seg.read_bytes()
    (tmp_path / f"{name}_sr.dcm").unlink()
    with pytest.raises(OutputError, match=r"_seg\.dcm exists"):
        explorer.save("SR")
    assert not (tmp_path / f"{name}_sr.dcm").exists()
    assert seg.read_bytes() == before
    explorer.save("SR", overwrite=True)
    assert len(pydicom.dcmread(seg).SegmentSequence) == 3


def test_the_table_has_what_the_report_of_segment_has(dicom: Path, scan: Scan, tmp_path: Path) -> None:
    explorer = explore(dicom, list(scan.case.marks), folder=tmp_path)
    report = lite_ensam.segment(dicom, list(scan.case.marks)).report
    mine = json.loads(explorer.save("JSON").read_text())
    assert report.keys() <= mine.keys()
    for name in ("weights_sha256", "channels", "border", "threshold", "greys", "window_hu", "crop"):
        assert mine[name] == json.loads(json.dumps(report[name])), name
    with open(explorer.save("CSV"), newline="") as file:
        rows = list(csv.DictReader(file))
    for row, saved, expected in zip(rows, mine["tumors"], report["tumors"], strict=True):
        assert expected.keys() <= row.keys()
        assert expected.keys() <= saved.keys()
        for name in (
            "volume_ml",
            "volume_low_ml",
            "volume_high_ml",
            "longest_diameter_low_mm",
            "expected_dice",
        ):
            assert float(row[name]) == pytest.approx(expected[name], rel=1e-5), name
            assert saved[name] == pytest.approx(expected[name]), name


def test_nothing_is_half_written_or_written_over(
    explorer: Explorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in EXPORT_KINDS:
        explorer.save(kind)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(files) == len(EXPORT_KINDS)
    for kind in EXPORT_KINDS:
        with pytest.raises(OutputError, match="exists; it is replaced only with overwrite=True"):
            explorer.save(kind)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    monkeypatch.setattr("os.replace", full)
    for kind in EXPORT_KINDS:
        with pytest.raises(OutputError):
            explorer.save(kind, overwrite=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_a_report_brings_threshold_and_options_back(tmp_path: Path) -> None:
    case = lite_ensam.make_phantom()
    made = explore(case, threshold=-2.0, border="edge", mirror=True, folder=tmp_path)
    made.viewer.segment()
    report = made.save("json")
    again = explore(case, report)
    again.viewer.segment()
    np.testing.assert_array_equal(again.viewer.labels, made.viewer.labels)
    assert again.viewer.threshold == -2.0
    assert {name: again.viewer.options[name] for name in ("border", "mirror")} == {
        "border": "edge",
        "mirror": True,
    }
    said = explore(case, report, threshold=0.0, border="readers", mirror=False).viewer
    assert (said.threshold, said.options["border"], said.options["mirror"]) == (0.0, "readers", False)
