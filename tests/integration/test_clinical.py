"""DICOM in and out, measuring and response through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.evaluation import dsc
from lite_ensam.io import read_ct, read_labels, write_contours, write_ct, write_marks, write_mask
from lite_ensam.io.dicom import read_roi
from tests.integration.conftest import Run, Scan
from tests.phantoms import Ellipsoid, ellipsoid_case


def test_dicom_to_dicom_gives_the_masks_of_nifti(dicom: Path, scan: Scan, run: Run, tmp_path: Path) -> None:
    seg, sr, mask = tmp_path / "seg.dcm", tmp_path / "sr.dcm", tmp_path / "mask.nii.gz"
    done = run(
        "segment", dicom, "--marks", scan.marks, "-o", seg, "--sr", sr, "--report", tmp_path / "r.json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert run("convert", dicom, "-o", tmp_path / "ct.nii.gz").returncode == 0
    assert run("segment", tmp_path / "ct.nii.gz", "--marks", scan.marks, "-o", mask).returncode == 0
    assert run("convert", seg, "--ct", dicom, "-o", tmp_path / "back.nii.gz").returncode == 0
    np.testing.assert_array_equal(read_labels(tmp_path / "back.nii.gz"), read_labels(mask))
    contours = tmp_path / "rt.dcm"
    assert run("convert", seg, "--ct", dicom, "-o", contours, "--rtstruct").returncode == 0
    ours = read_labels(seg, read_ct(dicom)[1])
    np.testing.assert_array_equal(read_roi(contours, "2", read_ct(dicom)[1]), ours == 2)
    # contours are a mask, too, and lines can be drawn on them
    names = [mark.name for mark in scan.case.marks]
    measured = run(
        "measure", dicom, contours, "--roi", names[0], "--roi", "3", "--report", tmp_path / "m.json"
    )
    assert (measured.returncode, measured.stderr) == (0, "")
    tumors = json.loads((tmp_path / "m.json").read_text())["tumors"]
    assert [(one["label"], one["name"]) for one in tumors] == [(1, names[0]), (3, names[2])]
    assert tumors[0]["n_voxels"] == np.count_nonzero(ours == 1)
    assert run("convert", contours, "--ct", dicom, "-o", tmp_path / "rt.nii.gz").returncode == 0
    np.testing.assert_array_equal(read_labels(tmp_path / "rt.nii.gz"), read_labels(mask))
    lines = tmp_path / "lines.json"
    assert run("convert", contours, "--ct", dicom, "-o", lines, "--roi", names[1]).returncode == 0
    assert [one["name"] for one in json.loads(lines.read_text())["marks"]] == [names[1]]
    missing = run("measure", dicom, contours, "--roi", "heart")
    assert (missing.returncode, "has no ROI 'heart', only" in missing.stderr) == (1, True)
    # its own report is a file of marks
    again = tmp_path / "again.dcm"
    assert run("segment", dicom, "--marks", sr, "-o", again).returncode == 0
    grid = read_ct(dicom)[1]
    assert dsc(read_labels(again, grid) > 0, read_labels(seg, grid) > 0) > 0.9
    assert run("convert", sr, "--ct", dicom, "-o", tmp_path / "marks.json").returncode == 0
    assert len(json.loads((tmp_path / "marks.json").read_text())["marks"]) == 3


def test_segment_draws_lines_on_chosen_rois(dicom: Path, scan: Scan, run: Run, tmp_path: Path) -> None:
    source, names = read_ct(dicom)[1], [mark.name for mark in scan.case.marks]
    assert scan.case.reference is not None
    contours, seg, out = tmp_path / "rt.dcm", tmp_path / "seg.dcm", tmp_path / "out.nii.gz"
    write_contours(contours, scan.case.reference, source, marks=scan.case.marks)
    write_mask(seg, scan.case.reference, source, marks=scan.case.marks)
    for marks, chosen in ((contours, ("--roi", names[0], "--roi", "3")), (seg, ("--segment", names[1]))):
        done = run("segment", dicom, "--marks", marks, *chosen, "-o", out, "--overwrite")
        assert (done.returncode, done.stderr) == (0, "")
        labels = [1, 3] if marks is contours else [2]
        assert np.unique(read_labels(out)).tolist() == [0, *labels]
        for label in labels:
            assert dsc(read_labels(out, source) == label, scan.case.reference == label) > 0.6
    missing = run("segment", dicom, "--marks", contours, "--roi", "heart", "-o", tmp_path / "no.nii.gz")
    assert (missing.returncode, "rt.dcm: has no ROI 'heart', only" in missing.stderr) == (1, True)
    other = run("segment", dicom, "--marks", scan.marks, "--roi", "1", "-o", tmp_path / "no.nii.gz")
    assert (other.returncode, "--segment is for a DICOM SEG or RTSTRUCT" in other.stderr) == (1, True)
    line = run("segment", dicom, "--line", "1,2,3,1,2,9", "--roi", "1", "-o", tmp_path / "no.nii.gz")
    assert line.returncode == 2


def test_measure_writes_tables_and_a_page_and_keeps_names_to_itself(
    dicom: Path, scan: Scan, run: Run, tmp_path: Path
) -> None:
    targets = [tmp_path / name for name in ("m.json", "m.csv", "m.html")]
    options = ["--report", targets[0], "--csv", targets[1], "--html", targets[2]]
    done = run("measure", dicom, scan.reference, *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Research use, not a medical device" in done.stdout
    assert "SECRET" not in done.stdout + "".join(path.read_text() for path in targets)
    tumors = json.loads(targets[0].read_text())["tumors"]
    assert [one["label"] for one in tumors] == [1, 2, 3]
    assert all(one["longest_diameter_3d_mm"] >= one["longest_diameter_mm"] for one in tumors)
    assert targets[1].read_text().splitlines()[0].startswith("label,name,n_voxels,n_pieces,volume_ml")
    # nobody gave lines: nothing is called a RECIST line
    assert "RECIST mm" not in done.stdout
    assert "drawn on the mask" in done.stdout
    assert "drawn on the mask" in targets[2].read_text()
    given = run("measure", dicom, scan.reference, "--marks", scan.marks)
    assert ("RECIST mm" in given.stdout, "drawn" in given.stdout) == (True, False)
    named = run("measure", dicom, scan.reference, *options, "--identifiers", "--overwrite")
    assert named.returncode == 0
    assert "SECRET" in targets[0].read_text()
    assert "SECRET" in targets[2].read_text()
    assert "SECRET" not in named.stdout


def test_known_growth_over_three_visits_is_judged_right(run: Run, tmp_path: Path) -> None:
    spacing, shape = (2.0, 0.8, 0.8), (40, 90, 90)
    grid = Grid.from_spacing(shape, spacing)
    visits = []
    for day, radius_mm in ((0, 15.0), (56, 9.6), (112, 13.0)):
        ball = Ellipsoid(1, (20, 45, 45), (radius_mm,) * 3)
        case = ellipsoid_case(shape, spacing, [ball])
        ct, mask, report = (tmp_path / f"{day}{end}" for end in ("-ct.nii.gz", "-mask.nii.gz", ".json"))
        write_ct(ct, case.ct, grid)
        write_mask(mask, case.reference, grid)
        write_marks(tmp_path / f"{day}-marks.json", case.marks, grid)
        assert (
            run("measure", ct, mask, "--marks", tmp_path / f"{day}-marks.json", "--report", report).returncode
            == 0
        )
        volume_ml = json.loads(report.read_text())["tumors"][0]["volume_ml"]
        assert volume_ml == pytest.approx(ball.volume_ml, rel=0.03)
        visits.append({"date": day, "report": report.name})
    study = {"targets": [{"name": "1", "organ": "liver"}], "visits": visits, "patient": "SECRET"}
    (tmp_path / "study.json").write_text(json.dumps(study))
    page, record = tmp_path / "page.html", tmp_path / "response.json"
    done = run(
        "respond", tmp_path / "study.json", "--html", page, "--report", record, "--csv", tmp_path / "r.csv"
    )
    assert (done.returncode, done.stderr) == (0, "")
    by_diameter, by_volume = json.loads(record.read_text())["courses"]
    assert [visit["overall"] for visit in by_diameter["visits"]] == ["PR", "PD"]
    assert [visit["overall"] for visit in by_volume["visits"]] == ["PR", "PD"]
    assert by_diameter["best_response"] == "PR"
    assert by_diameter["progression_day"] == 112
    assert "SECRET" not in done.stdout + page.read_text() + record.read_text()


def test_a_response_says_that_its_borders_are_edges(scan: Scan, run: Run, tmp_path: Path) -> None:
    visits = [{"date": day, "ct": str(scan.ct), "marks": str(scan.marks)} for day in (0, 56)]
    targets = [{"name": mark.name, "organ": f"organ {mark.label}"} for mark in scan.case.marks]
    (tmp_path / "study.json").write_text(json.dumps({"targets": targets, "visits": visits}))
    sums_ml = {}
    for border in ("readers", "edge"):
        page, record = tmp_path / f"{border}.html", tmp_path / f"{border}.json"
        done = run("respond", tmp_path / "study.json", "--border", border, "--html", page, "--report", record)
        assert (done.returncode, done.stderr) == (0, "")
        told = json.loads(record.read_text())
        said = [
            f"day {day}: border edge" in text for day in (0, 56) for text in (done.stdout, page.read_text())
        ]
        said += [f"patient 1: day {day}: border edge" in told["notes"] for day in (0, 56)]
        assert said == [border == "edge"] * 6
        sums_ml[border] = told["courses"][1]["visits"][0]["sum"]
    assert sums_ml["edge"] < 0.9 * sums_ml["readers"]


def test_lesions_that_vanish_or_come_up_are_named_in_every_output(
    scan: Scan, run: Run, tmp_path: Path
) -> None:
    first, *others = scan.case.marks
    new = RecistMark(9, tuple((z, y + 2, x) for z, y, x in first.endpoints_zyx))
    visits = []
    for n, marks in enumerate((scan.case.marks, others, (*scan.case.marks, new))):
        write_marks(tmp_path / f"{n}.json", marks, scan.case.grid)
        visits.append({"date": 56 * n, "ct": str(scan.ct), "marks": f"{n}.json"})
    targets = [{"name": mark.name, "organ": f"organ {mark.label}"} for mark in scan.case.marks]
    (tmp_path / "study.json").write_text(json.dumps({"targets": targets, "visits": visits}))
    page, record = tmp_path / "page.html", tmp_path / "response.json"
    done = run("respond", tmp_path / "study.json", "--html", page, "--report", record)
    assert (done.returncode, done.stderr) == (0, "")
    for text in (done.stdout, page.read_text(), record.read_text()):
        assert f"day 56: nothing is said of {first.name}; the scan has" in text
        assert "day 112: mark 9 (" in text
        assert " in the scan is not a target of this study: a new lesion?" in text
    assert [one["overall"] for one in json.loads(record.read_text())["courses"][0]["visits"]] == ["NE", "SD"]


LUNG_PLACES_ZYX = ((40, 75, 45), (47, 80, 118))


def visit_files(folder: Path, visit: int, radii_mm: tuple[float, float]) -> dict[str, str]:
    """The phantom with two balls in its lungs: moved and turned from visit to visit, lines named at the first only."""
    body = make_phantom((56, 160, 160), (2.5, 1.6, 1.6))
    ct, spacing = body.ct.astype(np.float32), np.array(body.grid.spacing_mm)
    marks = []
    for number, (place, radius_mm) in enumerate(zip(LUNG_PLACES_ZYX, radii_mm, strict=True), start=1):
        offsets = (np.indices(ct.shape) - np.array(place)[:, None, None, None]) * spacing[:, None, None, None]
        share = np.clip((radius_mm - np.linalg.norm(offsets, axis=0)) / 2 + 0.5, 0, 1)
        ct += share * (30 - ct)
        z, y, x = place
        ends = ((z, y, x - radius_mm / 1.6), (z, y, x + radius_mm / 1.6))
        marks.append(RecistMark(3 - number, ends) if visit else RecistMark(number, ends, f"lung {number}"))
    ct += np.random.default_rng(visit).normal(0, 10, ct.shape)
    turn = np.deg2rad(4 * visit)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    matrix[:3, 3] = (20 * visit, -15 * visit, 30 * visit)
    grid = Grid.from_affine(ct.shape, matrix @ body.grid.affine)
    write_ct(folder / f"{visit}.nii.gz", np.rint(ct).astype(np.int16), grid)
    write_marks(folder / f"{visit}.json", marks, grid)
    return {"ct": f"{visit}.nii.gz", "marks": f"{visit}.json"}


def test_scans_and_lines_alone_give_the_response(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("SimpleITK", reason="SimpleITK is not installed (extra register)")
    visits = [
        {"date": 56 * n} | visit_files(tmp_path, n, radii)
        for n, radii in enumerate(((14.0, 10.0), (8.0, 7.0), (12.0, 10.0)))
    ]
    targets = [{"name": f"lung {n}", "organ": "lung"} for n in (1, 2)]
    study = {"patient": "SECRET", "targets": targets, "visits": visits}
    (tmp_path / "study.json").write_text(json.dumps(study))
    done = run("respond", tmp_path / "study.json", "--report", tmp_path / "r.json", "--repeats", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        "day 112: lesions known by place after a rigid registration (SimpleITK; confidence 1.00"
        in done.stdout
    )
    assert "SECRET" not in done.stdout
    by_diameter, by_volume = json.loads((tmp_path / "r.json").read_text())["courses"]
    for course in (by_diameter, by_volume):
        assert [visit["overall"] for visit in course["visits"]] == ["PR", "PD"]
        assert all(visit["noise_to_nadir"] > 0 for visit in course["visits"])
    sums_mm = [by_diameter["visits"][0]["baseline_sum"], *(one["sum"] for one in by_diameter["visits"])]
    np.testing.assert_allclose(sums_mm[:2], [48, 30], rtol=0.15)
    # the first ball lies against a vessel, some of which is taken for tumour
    np.testing.assert_allclose(sums_mm[2], 44, rtol=0.16)
    # the same by hand: the later scan's lines get baseline's names
    first, second = ((tmp_path / visit["ct"], tmp_path / visit["marks"]) for visit in visits[:2])
    named = tmp_path / "named.json"
    done = run("match", *first, *second, "-o", named)
    assert (done.returncode, done.stderr) == (0, "")
    marks = json.loads(named.read_text())["marks"]
    assert [(one["label"], one["name"]) for one in marks] == [(1, "lung 1"), (2, "lung 2")]
    assert marks[0]["length_mm"] == pytest.approx(16)


def test_repeats_say_how_sure_the_numbers_are(scan: Scan, run: Run, tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    options = ("segment", scan.ct, "--marks", scan.marks, "-o", tmp_path / "m.nii.gz")
    done = run(*options, "--report", report, "--repeats", "2")
    assert (done.returncode, done.stderr) == (0, "")
    tumors = json.loads(report.read_text())["tumors"]
    assert all(0 < one["volume_sd_ml"] < one["volume_ml"] for one in tumors)
    assert all({"n_repeats", "diameter_sd_mm", "short_axis_sd_mm"} <= one.keys() for one in tumors)
    assert f"{tumors[0]['volume_ml']:.2f} ± {tumors[0]['volume_sd_ml']:.2f}" in done.stdout
    done = run(*options, "--repeats", "2", "--crop", "joint", "--overwrite")
    assert done.returncode == 1
    assert "not on the joint crop" in done.stderr
