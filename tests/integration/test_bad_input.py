"""Bad input ends in one clear sentence and exit code 1, wrong usage in 2; nothing is half-written."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import lite_ensam
from lite_ensam.core.errors import CaseError, EngineError, LiteEnsamError
from lite_ensam.engines import load_backend
from lite_ensam.engines.backend import WEIGHTS, Engine
from tests.integration.conftest import Run, Scan


def write(path: Path, array: np.ndarray, affine: np.ndarray | None = None) -> Path:
    nib.save(nib.Nifti1Image(array, np.diag([1.6, 1.6, 2.5, 1]) if affine is None else affine), path)
    return path


def make_bad_ct(kind: str, scan: Scan, folder: Path) -> Path:
    path = folder / "bad.nii.gz"
    good = scan.ct.read_bytes()
    xyz = np.ascontiguousarray(scan.case.ct.T)
    if kind == "missing":
        return folder / "nowhere.nii.gz"
    if kind == "not an image":
        path.write_bytes(b"Dear colleague, the scan is attached.")
    elif kind == "truncated":
        path.write_bytes(good[: len(good) // 2])
    elif kind == "wrong crc":
        path.write_bytes(good[:-8] + bytes(4) + good[-4:])
    elif kind == "2D":
        write(path, xyz[:, :, 0])
    elif kind == "4D":
        write(path, np.stack([xyz[:, :, :4]] * 2, axis=-1))
    elif kind == "constant":
        write(path, np.zeros_like(xyz))
    elif kind == "nan":
        nan = xyz.astype(np.float32)
        z, y, x = map(round, scan.case.marks[0].midpoint_zyx)
        nan[x, y, z] = np.nan
        write(path, nan)
    elif kind == "zero spacing":
        raw = bytearray(gzip.decompress(good))
        raw[80:84] = bytes(4)  # pixdim[1]
        path.write_bytes(gzip.compress(bytes(raw)))
    elif kind == "sheared":
        affine = np.diag([1.6, 1.6, 2.5, 1.0])
        affine[0, 2] = 1.0
        write(path, xyz, affine)
    elif kind == "pickled npz":
        path = folder / "bad.npz"
        np.savez(path, imgs=np.array([{}], dtype=object), spacing=np.ones(3))
    elif kind == "npz without imgs":
        path = folder / "bad.npz"
        np.savez(path, image=np.zeros((3, 3, 3), np.uint8), spacing=np.ones(3))
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "no such file"),
        ("not an image", "is not a NIfTI image"),
        ("truncated", "truncated"),
        ("wrong crc", "damaged"),
        ("2D", "2"),
        ("4D", "4"),
        ("constant", "every voxel"),
        ("nan", "is NaN, at the line of mark 1"),
        ("zero spacing", "pixdim"),
        ("sheared", "sheared"),
        ("pickled npz", "imgs"),
        ("npz without imgs", "imgs"),
    ],
)
def test_a_bad_scan(kind: str, words: str, scan: Scan, run: Run, tmp_path: Path) -> None:
    ct = make_bad_ct(kind, scan, tmp_path)
    before = set(tmp_path.iterdir())
    done = run("segment", ct, "--marks", scan.marks, "-o", tmp_path / "mask.nii.gz")
    assert done.returncode == 1, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(ct) in done.stderr
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        ([{"label": 1, "endpoints_zyx": [[5, 5, 5], [5, 5, 500]]}], "outside the volume"),
        ([{"label": 1, "endpoints_zyx": [[5, 5, 5], [9, 5, 50]]}], "slices"),
        ([{"label": 1, "endpoints_zyx": [[5, 5, 5], [5, 5, 5]]}], "length"),
        ([{"label": 0, "endpoints_zyx": [[5, 5, 5], [5, 5, 9]]}], "label"),
        ([{"label": 2, "endpoints_zyx": [[5, 5, 5], [5, 5, 9]]}] * 2, "label 2"),
        ([], "no mark"),
    ],
    ids=["outside", "two slices", "zero length", "label zero", "label twice", "none"],
)
def test_bad_marks(marks: list[dict[str, object]], words: str, scan: Scan, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "marks.json"
    path.write_text(json.dumps({"marks": marks}))
    done = run("segment", scan.ct, "--marks", path, "-o", tmp_path / "mask.nii.gz")
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == [path]


def test_a_marker_volume_of_another_grid(scan: Scan, run: Run, tmp_path: Path) -> None:
    xyz = np.zeros(scan.case.ct.T.shape, np.uint8)
    xyz[5:20, 8, 3] = 1
    for name, marker in (
        ("shape", write(tmp_path / "shape.nii.gz", xyz[:-1])),
        ("affine", write(tmp_path / "affine.nii.gz", xyz, np.diag([1.6, 1.6, 3.0, 1]))),
    ):
        done = run("segment", scan.ct, "--marks", marker, "-o", tmp_path / "mask.nii.gz")
        assert done.returncode == 1
        assert name in done.stderr
    assert not (tmp_path / "mask.nii.gz").exists()


def test_no_output_folder_and_existing_files(scan: Scan, run: Run, tmp_path: Path) -> None:
    done = run("segment", scan.ct, "--marks", scan.marks, "-o", tmp_path / "no" / "mask.nii.gz")
    assert done.returncode == 1
    assert "does not exist" in done.stderr
    mask = tmp_path / "mask.nii.gz"
    mask.write_bytes(b"precious")
    done = run("segment", scan.ct, "--marks", scan.marks, "-o", mask)
    assert done.returncode == 1
    assert "replaced only with --overwrite" in done.stderr
    assert mask.read_bytes() == b"precious"
    assert run("segment", scan.ct, "--marks", scan.marks, "-o", mask, "--overwrite").returncode == 0
    assert mask.read_bytes()[:2] == b"\x1f\x8b"


def test_lines_that_are_missing_are_asked_for_by_the_options_name(
    scan: Scan, run: Run, tmp_path: Path
) -> None:
    done = run("segment", scan.ct, "-o", tmp_path / "mask.nii.gz")
    assert (done.returncode, "no --marks given" in done.stderr) == (1, True)


@pytest.mark.parametrize("options", [["-o", "seg.dcm"], ["-o", "seg.dcm", "--sr", "sr.dcm"]])
def test_a_scan_that_is_missing_or_no_dicom_is_said_before_the_masks_name_is_judged(
    options: list[str], scan: Scan, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("segment", tmp_path / "dicm", "--marks", scan.marks, *options)
    assert (done.returncode, done.stderr) == (1, f"lite-ensam: {tmp_path / 'dicm'}: no such file or folder\n")
    done = run("segment", scan.ct, "--marks", scan.marks, *options)
    assert done.returncode == 1
    assert "seg.dcm: .dcm needs a DICOM folder as CT" in done.stderr


def test_a_line_in_plain_air_is_flagged_and_one_on_a_tumour_is_not(
    scan: Scan, run: Run, tmp_path: Path
) -> None:
    marks, report = tmp_path / "marks.json", tmp_path / "report.json"
    in_air = {"label": 9, "endpoints_zyx": [[28, 8, 8], [28, 8, 22]]}
    marks.write_text(json.dumps({"marks": [*json.loads(scan.marks.read_text())["marks"], in_air]}))
    done = run("segment", scan.ct, "--marks", marks, "-o", tmp_path / "m.nii.gz", "--report", report)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("air or lung instead of a tumour") == 1
    found = json.loads(report.read_text())["tumors"]
    assert ["aerated" in one["flags"] for one in found] == [False, False, False, True]
    options = ["--marks", marks, "--html", tmp_path / "p.html"]
    done = run("measure", scan.ct, tmp_path / "m.nii.gz", *options)
    assert done.stdout.count("air or lung instead of a tumour") == 1
    assert "air or lung instead of a tumour" in (tmp_path / "p.html").read_text()


def test_an_output_that_is_an_input_is_never_replaced(scan: Scan, run: Run, tmp_path: Path) -> None:
    ct, marks = tmp_path / "ct.nii.gz", tmp_path / "marks.json"
    ct.write_bytes(scan.ct.read_bytes())
    marks.write_bytes(scan.marks.read_bytes())
    for arguments in (["-o", ct], ["-o", tmp_path / "m.nii.gz", "--report", marks]):
        done = run("segment", ct, "--marks", marks, *arguments, "--overwrite")
        assert done.returncode == 1
        assert "is one of the inputs" in done.stderr
    assert ct.read_bytes() == scan.ct.read_bytes()
    assert marks.read_bytes() == scan.marks.read_bytes()


def test_names_are_printed_as_they_are(scan: Scan, run: Run, tmp_path: Path) -> None:
    odd = tmp_path / "out[b] :smile: é.nii.gz"
    marks = json.loads(scan.marks.read_text())
    marks["marks"][0]["name"] = "[/red] node"
    path = tmp_path / "marks.json"
    path.write_text(json.dumps(marks))
    done = run("segment", scan.ct, "--marks", path, "-o", odd)
    assert done.returncode == 0, done.stderr
    assert str(odd) in done.stdout
    assert "[/red] node" in done.stdout


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    for name in ("manifest.json", "lite_ensam.xml", "lite_ensam.bin", "lite_ensam.safetensors"):
        folder = shutil.copytree(WEIGHTS, tmp_path / name)
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content if name != "manifest.json" else b'{"stride": "eight"}')
        engine: Engine = "torch" if name.endswith("safetensors") else "openvino"
        with pytest.raises(EngineError, match="weights: "):
            load_backend(engine, weights=folder)
        (folder / name).unlink()
        with pytest.raises(EngineError, match=name):
            load_backend(engine, weights=folder)


def test_what_is_no_engine_no_window_no_number_of_threads_is_told(scan: Scan) -> None:
    def segment(**options: object) -> None:
        lite_ensam.segment(scan.ct, scan.marks, **options)  # type: ignore[arg-type]

    for options, words in (
        ({"engine": "tensorflow"}, "engine must be one of openvino, torch"),
        ({"crop": "best"}, "crop must be one of lesion, joint"),
        ({"window": (400, -160)}, "window must be two HU values"),
        ({"window": 5}, "window must be two HU values"),
        ({"threads": -1}, "threads must be a whole number from 1 to 1024, got -1"),
        ({"threads": True}, "threads must be a whole number"),
    ):
        with pytest.raises(LiteEnsamError, match=words):
            segment(**options)


def test_debug_lets_the_error_through(scan: Scan, run: Run, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no such file"):
        run("segment", tmp_path / "none.nii", "--marks", scan.marks, "-o", tmp_path / "m.nii.gz", "--debug")


@pytest.mark.parametrize(
    "arguments",
    [
        ["segment"],
        ["segment", "ct.nii.gz", "-o", "m.nii.gz", "--engine", "tensorflow"],
        ["segment", "ct.nii.gz", "-o", "m.nii.gz", "--crop", "best"],
        ["segment", "ct.nii.gz", "-o", "m.nii.gz", "--window", "400"],
        ["segment", "ct.nii.gz", "-o", "m.nii.gz", "--window", "400,-160"],
        ["segment", "ct.nii.gz", "-o", "m.nii.gz", "--window=-1e300,1e300"],
        ["segment", "ct.nii.gz", "-o", "m.nii.gz", "--window", "0,1e-300"],
        ["segment", "ct.nii.gz", "-o", "m.nii.gz", "--threads", "0"],
        ["segment", "ct.nii.gz", "-o", "m.nii.gz", "--threads", "2147483648"],
        ["polish"],
    ],
    ids=lambda arguments: " ".join(arguments[-2:]),
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], run: Run) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "Usage" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_and_info_say_what_there_is(run: Run) -> None:
    done = run("--help")
    assert done.returncode == 0
    for command in ("segment", "demo", "info"):
        assert command in done.stdout
    facts = json.loads(run("info", "--json").stdout)
    assert len(facts["weights"]) == 64
    assert facts["packages"]["openvino"] != "not installed"
    assert facts["trained"]["steps"] > 0
    assert None not in facts["trained"].values()
    assert not any(" " in str(fact) for fact in facts["trained"].values())  # remarks stay in the manifest
    assert run("--version").stdout == f"lite-ensam {lite_ensam.__version__}\n"
