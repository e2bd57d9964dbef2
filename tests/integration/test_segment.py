"""From a file and a line to a mask file, through the command line and through Python."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import lite_ensam
from lite_ensam.core.errors import CaseError, LiteEnsamError, MarkError
from lite_ensam.core.recist import RecistMark, sphere_mask
from lite_ensam.engines import WEIGHTS, load_backend
from lite_ensam.evaluation import dsc
from lite_ensam.io import read_case, read_labels, write_ct
from lite_ensam.segmentation import BORDERS, Predictor
from lite_ensam.segmentation.api import WINDOWED_NOTE
from lite_ensam.segmentation.channels import Patch, prepare_joint, prepare_lesion
from tests.integration.conftest import Run, Scan

ENOUGH = 0.75  # DSC that every tumour of the phantom must reach


def test_the_command_writes_a_mask_a_table_and_a_report(scan: Scan, run: Run, tmp_path: Path) -> None:
    mask, report = tmp_path / "mask.nii.gz", tmp_path / "report.json"
    done = run("segment", scan.ct, "--marks", scan.marks, "-o", mask, "--report", report)
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("RECIST mm", "volume ml", "short mm", "MB", "Research use, not a medical device"):
        assert word in done.stdout
    ct, image = nib.load(scan.ct), nib.load(mask)
    assert image.shape == ct.shape
    np.testing.assert_array_equal(image.affine, ct.affine)
    labels = read_labels(mask)
    assert set(np.unique(labels)) == {0, 1, 2, 3}
    for mark in scan.case.marks:
        assert dsc(labels == mark.label, scan.case.reference == mark.label) > ENOUGH
    record = json.loads(report.read_text())
    assert [tumor["label"] for tumor in record["tumors"]] == [1, 2, 3]
    assert len(record["weights_sha256"]) == 64
    assert {"read", "load engine", "cut", "network", "paint", "measure", "write", "total"} <= set(
        record["seconds"]
    )
    assert record["tumors"][0]["volume_ml"] == pytest.approx(
        (labels == 1).sum() * np.prod(scan.case.grid.spacing_mm) / 1000
    )
    assert not [path for path in tmp_path.iterdir() if path not in (mask, report)]


def test_a_result_says_in_a_notebook_what_it_measured() -> None:
    case = lite_ensam.make_phantom()
    named = RecistMark(7, case.marks[0].endpoints_zyx, "<b>node")
    result = lite_ensam.segment(case.ct, named, case.grid.spacing_mm)
    (tumor,) = result.measurements
    first, second = repr(result).splitlines()
    assert first == f"Segmentation of 1 tumour(s), {' x '.join(str(n) for n in case.ct.shape)} voxels"
    assert second.startswith(f"  7 <b>node: {tumor.volume_ml:.2f} ml, {tumor.longest_diameter_mm:.1f} x ")
    page = result._repr_html_()
    assert "&lt;b&gt;node" in page
    assert "<b>" not in page
    for number in (
        f"{tumor.volume_ml:.2f}",
        f"{tumor.longest_diameter_mm:.1f}",
        f"{tumor.short_axis_mm:.1f}",
    ):
        assert f"<td>{number}</td>" in page


def test_python_and_command_line_give_the_same_mask(scan: Scan, run: Run, tmp_path: Path) -> None:
    assert run("segment", scan.ct, "--marks", scan.marks, "-o", tmp_path / "a.nii.gz").returncode == 0
    from_files = lite_ensam.segment(scan.ct, scan.marks)
    from_files.save(tmp_path / "b.nii.gz")
    case = scan.case
    from_arrays = lite_ensam.segment(
        case.ct, {m.label: m.endpoints_zyx for m in case.marks}, case.grid.spacing_mm
    )
    np.testing.assert_array_equal(read_labels(tmp_path / "a.nii.gz"), read_labels(tmp_path / "b.nii.gz"))
    np.testing.assert_array_equal(from_files.labels, from_arrays.labels)


def test_marks_come_in_many_forms_and_mean_the_same(scan: Scan) -> None:
    case, marks = scan.case, scan.case.marks
    ends = np.array([mark.endpoints_zyx for mark in marks])
    marker = np.zeros(case.ct.shape, np.uint8)
    for mark in marks:
        for z, y, x in np.array(mark.endpoints_zyx, dtype=int):
            marker[z, y, x] = mark.label
    expected = lite_ensam.segment(case.ct, marks, case.grid.spacing_mm).labels
    for form in (ends, marker):
        np.testing.assert_array_equal(
            lite_ensam.segment(case.ct, form, case.grid.spacing_mm).labels, expected
        )
    alone = lite_ensam.segment(scan.ct, marks[0]).labels
    assert set(np.unique(alone)) == {0, 1}


def test_a_report_holds_all_that_its_masks_follow_from(scan: Scan, tmp_path: Path) -> None:
    first = scan.case.marks[0]
    z, y, x = map(int, np.rint(first.midpoint_zyx))
    told = {1: {"first_slice": z - 2, "last_slice": z + 1, "outside_zyx": [[z, y - 4, x]]}}
    named = replace(first, tracking_uid="1.2.826.0.1")
    assert "1.2.826" not in json.dumps(lite_ensam.segment(scan.case, named).report)
    notes = lite_ensam.segment(scan.case, lite_ensam.segment(scan.case, window=(-160, 240)).report).report[
        "notes"
    ]
    assert "the report was made with window (-160, 240); other options give other masks" in notes
    for threshold, border in ((0.0, "readers"), (np.float32(0.5), "edge")):
        made = lite_ensam.segment(scan.ct, scan.marks, prompts=told, threshold=threshold, border=border)  # type: ignore[arg-type]
        report = tmp_path / f"{border}.json"
        report.write_text(json.dumps(made.report))
        again = lite_ensam.segment(scan.ct, report, threshold=float(threshold), border=border)  # type: ignore[arg-type]
        np.testing.assert_array_equal(again.labels, made.labels)
    (note,) = [note for note in again.report["notes"] if "was made with" in note]
    assert note == "the report was made with threshold 0.5, border 'edge'; other options give other masks"
    plain = lite_ensam.segment(scan.ct, tmp_path / "readers.json")
    assert not any("was made with" in note for note in plain.report["notes"])


def test_the_answer_does_not_depend_on_the_files_axis_order(scan: Scan, tmp_path: Path) -> None:
    image = nib.load(scan.ct)
    turned = image.as_reoriented(np.array([[2, 1], [0, -1], [1, 1]]))
    nib.save(turned, tmp_path / "turned.nii.gz")
    voxels = np.array([mark.endpoints_zyx for mark in scan.case.marks])
    marks = [
        {"label": mark.label, "endpoints_mm": scan.case.grid.voxel_to_mm(ends).tolist()}
        for mark, ends in zip(scan.case.marks, voxels, strict=True)
    ]
    (tmp_path / "mm.json").write_text(json.dumps({"marks": marks}))
    result = lite_ensam.segment(tmp_path / "turned.nii.gz", tmp_path / "mm.json")
    result.save(tmp_path / "mask.nii.gz")
    mask = nib.load(tmp_path / "mask.nii.gz")
    assert mask.shape == turned.shape
    np.testing.assert_allclose(mask.affine, turned.affine, atol=1e-6)
    back = np.asarray(nib.as_closest_canonical(mask).dataobj)
    straight = lite_ensam.segment(scan.ct, scan.marks)
    straight.save(tmp_path / "straight.nii.gz")
    expected = np.asarray(nib.as_closest_canonical(nib.load(tmp_path / "straight.nii.gz")).dataobj)
    for label in (1, 2, 3):  # a mirrored patch is another patch to the network, nothing more
        assert dsc(back == label, expected == label) > 0.9


def test_joint_crop_has_weights_of_its_own_and_says_so_of_others(
    scan: Scan, run: Run, tmp_path: Path
) -> None:
    for name, weights, warns in (("own", (), False), ("others", ("--weights", WEIGHTS), True)):
        mask = tmp_path / f"{name}.nii.gz"
        options = ("-o", mask, "--crop", "joint", "--threads", 1, *weights)
        done = run("segment", scan.ct, "--marks", scan.marks, *options)
        assert done.returncode == 0, done.stderr
        assert ("do much worse on this one" in done.stdout) == warns
        assert set(np.unique(read_labels(mask))) == {0, 1, 2, 3}


def test_a_flare_npz_with_its_own_marks_comes_back_as_segs(scan: Scan, run: Run, tmp_path: Path) -> None:
    case = scan.case
    imgs = np.clip((case.ct.astype(np.float32) + 160) * (255 / 400), 0, 255).astype(np.uint8)
    recist = np.zeros(case.ct.shape, np.uint8)
    for mark in case.marks:
        start, stop = np.array(mark.endpoints_zyx)
        for share in np.linspace(0, 1, 60):
            z, y, x = np.rint(start + share * (stop - start)).astype(int)
            recist[z, y, x] = mark.label
    npz = tmp_path / "CT_Lesion_x.npz"
    np.savez_compressed(
        npz, imgs=imgs, recist=recist, spacing=np.array(case.grid.spacing_mm[::-1]),
        origin=np.zeros(3), direction=np.eye(3).ravel(),
    )  # fmt: skip
    done = run("segment", npz, "-o", tmp_path / "out.npz", "--report", tmp_path / "r.json")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out.npz") as out:
        segs = out["segs"]
        np.testing.assert_array_equal(out["spacing"], case.grid.spacing_mm[::-1])
    assert segs.shape == case.ct.shape
    assert set(np.unique(segs)) == {0, 1, 2, 3}
    assert json.loads((tmp_path / "r.json").read_text())["greys"] == "windowed 0-255"
    # the nodule in the lung is as visible in a soft-tissue window as in HU
    assert dsc(segs == 1, np.equal(case.reference, 1)) > 0.6


def test_two_hundred_marks_in_one_scan_are_all_there(scan: Scan) -> None:
    ends = [
        ((z, y, x), (z, y, x + 6))
        for z in (8, 20, 32, 44)
        for y in range(30, 130, 10)
        for x in range(30, 130, 20)
    ]
    result = lite_ensam.segment(scan.case.ct, np.array(ends[:200], dtype=float), scan.case.grid.spacing_mm)
    assert np.count_nonzero(np.bincount(result.labels.ravel())[1:]) == 200


@pytest.mark.parametrize(
    "ends",
    [((0, 0, 0), (0, 0, 9)), ((55, 150, 159), (55, 159, 159)), ((20, 0, 0), (20, 159, 159))],
    ids=["corner", "far corner", "as long as the scan"],
)
def test_a_line_at_the_very_edge_or_across_the_scan_works(
    scan: Scan, ends: tuple[tuple[int, ...], ...]
) -> None:
    result = lite_ensam.segment(scan.case.ct, {1: ends}, scan.case.grid.spacing_mm)
    assert (result.labels == 1).any()


def test_a_volume_of_one_slice_works(scan: Scan) -> None:
    mark = scan.case.marks[1]
    z = mark.slice_index
    ends = [(0, y, x) for _, y, x in mark.endpoints_zyx]
    result = lite_ensam.segment(scan.case.ct[z : z + 1], {1: ends}, scan.case.grid.spacing_mm)
    assert result.labels.shape == (1, *scan.case.ct.shape[1:])
    assert dsc(result.labels == 1, np.equal(scan.case.reference, mark.label)[z : z + 1]) > ENOUGH


def test_two_lines_in_one_scan_give_two_masks(scan: Scan) -> None:
    backend = load_backend("openvino")
    case = scan.case
    first, second = list(prepare_joint(case, backend.manifest.patch))[:2]
    logits = [backend.logits(p.values[None], p.endpoints_zyx[None])[0] for p in (first, second)]
    assert ((logits[0] > 0) != (logits[1] > 0)).any()


def test_openvino_and_torch_agree(scan: Scan) -> None:
    openvino, torch = load_backend("openvino"), load_backend("torch", threads=1)
    case = scan.case
    patches = [prepare_lesion(case, mark, openvino.manifest.patch) for mark in case.marks]
    for patch in patches:
        a, b = (
            backend.logits(patch.values[None], patch.endpoints_zyx[None]) for backend in (openvino, torch)
        )
        assert a.shape == b.shape == (1, *patch.placement.patch_shape_zyx)
        assert np.abs(a - b).max() <= 2e-3  # sums in another order; logits reach from -20 to 20
    masks = [Predictor(backend).predict(case).labels for backend in (openvino, torch)]
    assert np.count_nonzero(masks[0] != masks[1]) <= 0.001 * np.count_nonzero(masks[1])


def test_the_edge_gives_volumes_that_readers_borders_do_not(scan: Scan, run: Run, tmp_path: Path) -> None:
    errors = {}
    for border in ("readers", "edge"):
        mask, report = tmp_path / f"{border}.nii.gz", tmp_path / f"{border}.json"
        done = run(
            "segment", scan.ct, "--marks", scan.marks, "-o", mask, "--report", report, "--border", border
        )
        assert (done.returncode, done.stderr) == (0, "")
        record = json.loads(report.read_text())
        assert record["border"] == border
        voxel_ml = np.prod(scan.case.grid.spacing_mm) / 1000
        errors[border] = [
            abs(tumor["volume_ml"] / ((scan.case.reference == tumor["label"]).sum() * voxel_ml) - 1)
            for tumor in record["tumors"]
        ]
    assert max(errors["edge"]) < 0.1
    assert max(errors["edge"]) < 0.5 * min(errors["readers"])


def test_a_windowed_scan_is_told_that_its_edges_have_moved(scan: Scan) -> None:
    windowed = np.clip((scan.case.ct.astype(np.float32) + 160) / 400 * 255, 0, 255).astype(np.uint8)
    notes = {
        (border, hu): lite_ensam.segment(replace(scan.case, ct=ct, hu=hu), border=border).report["notes"]
        for border in BORDERS
        for hu, ct in ((True, scan.case.ct), (False, windowed))
    }
    assert [key for key, told in notes.items() if WINDOWED_NOTE in told] == [("edge", False)]


def test_averaging_with_the_mirror_image_makes_a_mirrored_scan_give_the_mirrored_mask(scan: Scan) -> None:
    case = scan.case
    flipped = case.ct[::-1, ::-1, ::-1]
    ends = {m.label: np.array(case.ct.shape) - 1 - np.array(m.endpoints_zyx) for m in case.marks}

    def share_that_differs(mirror: bool) -> float:
        straight = lite_ensam.segment(case.ct, case.marks, case.grid.spacing_mm, mirror=mirror)
        mirrored = lite_ensam.segment(flipped, ends, case.grid.spacing_mm, mirror=mirror)
        assert straight.report["mirror"] is mirror
        back = mirrored.labels[::-1, ::-1, ::-1]
        return float(np.count_nonzero(straight.labels != back) / np.count_nonzero(straight.labels))

    averaged, alone = share_that_differs(True), share_that_differs(False)
    assert averaged < 0.02  # the median under the line rounds its voxels to even, mirrored or not
    assert averaged < 0.5 * alone


def test_threads_may_share_an_engine(scan: Scan) -> None:
    backend = load_backend("openvino")
    case = scan.case
    patches = [prepare_lesion(case, mark, backend.manifest.patch) for mark in case.marks]

    def run(patch: Patch) -> np.ndarray:
        return backend.logits(patch.values[None], patch.endpoints_zyx[None])

    alone = [run(patch) for patch in patches]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(run, patches * 3))
    for expected, got in zip(alone * 3, together, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_every_validation_case_beats_its_sphere_on_average(shared_data: Path) -> None:
    predictor = Predictor(load_backend("openvino"))
    for source, margin in (("sts", 0.03), ("lidc_nodules", 0.03)):
        gains = []
        for folder in sorted((shared_data / "val" / source).iterdir()):
            case = read_case(folder / "ct.nii.gz", folder / "marks.json", folder / "labels.nii.gz")
            labels = predictor.predict(case).labels
            for mark in case.marks:
                reference = np.equal(case.reference, mark.label)
                sphere = sphere_mask(mark, case.ct.shape, case.grid.spacing_mm)
                gains.append(dsc(labels == mark.label, reference) - dsc(sphere, reference))
        assert np.mean(gains) >= margin, source


def test_arrays_without_spacing_or_with_odd_marks_say_what_is_missing(scan: Scan) -> None:
    case = scan.case
    with pytest.raises(CaseError, match="spacing_mm is missing"):
        lite_ensam.segment(case.ct, case.marks)
    with pytest.raises(CaseError, match="spacing_mm belongs to arrays"):
        lite_ensam.segment(scan.ct, scan.marks, (1, 1, 1))
    with pytest.raises(MarkError, match=r"must have shape \(n, 2, 3\) or the ct's"):
        lite_ensam.segment(case.ct, np.zeros((3, 3, 3), np.uint8), case.grid.spacing_mm)
    with pytest.raises(MarkError, match="marks must be"):
        lite_ensam.segment(case.ct, 5, case.grid.spacing_mm)  # type: ignore[arg-type]
    with pytest.raises(LiteEnsamError, match="threshold must be a finite logit, got nan"):
        lite_ensam.segment(case.ct, case.marks, case.grid.spacing_mm, threshold=float("nan"))
    with pytest.raises(MarkError, match="lies outside the volume"):
        lite_ensam.segment(case.ct, RecistMark(1, ((3, 3, 3), (3, 3, 400))), case.grid.spacing_mm)


def test_floats_and_big_integers_are_scans_too(scan: Scan, tmp_path: Path) -> None:
    case = scan.case
    expected = lite_ensam.segment(case.ct, case.marks, case.grid.spacing_mm).labels
    for dtype in (np.float64, np.int32, np.float32):
        again = lite_ensam.segment(case.ct.astype(dtype), case.marks, case.grid.spacing_mm).labels
        np.testing.assert_array_equal(again, expected)
    write_ct(tmp_path / "plain.nii", case.ct, case.grid)
    np.testing.assert_array_equal(lite_ensam.segment(tmp_path / "plain.nii", scan.marks).labels, expected)
