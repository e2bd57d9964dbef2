"""Scans on disk with their marks, and the command line as users run it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lite_ensam.cli import main
from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.demo.real import fetch_scans
from lite_ensam.io import write_ct, write_marks, write_mask
from tests.unit.io.dicom.files import write_slice

Fetch = Callable[[Callable[[], Path]], Path]


@dataclass(frozen=True)
class Scan:
    case: Case
    ct: Path
    marks: Path
    reference: Path


@pytest.fixture(scope="session")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    folder = tmp_path_factory.mktemp("scan")
    case = make_phantom()
    scan = Scan(case, folder / "ct.nii.gz", folder / "marks.json", folder / "labels.nii.gz")
    write_ct(scan.ct, case.ct, case.grid)
    write_marks(scan.marks, case.marks, case.grid)
    assert case.reference is not None
    write_mask(scan.reference, case.reference, case.grid)
    return scan


@pytest.fixture(scope="session")
def dicom(scan: Scan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scan as axial slices, of somebody."""
    folder = tmp_path_factory.mktemp("dicom")
    _, row_mm, column_mm = scan.case.grid.spacing_mm
    for k, one in enumerate(scan.case.ct):
        position = (0.0, 0.0, k * scan.case.grid.spacing_mm[0])
        write_slice(
            folder / f"{k}.dcm",
            one + 1024,
            position,
            row_column_mm=(row_mm, column_mm),
            intercept=-1024.0,
            BitsStored=16,
            HighBit=15,
            InstanceNumber=k + 1,
            PatientName="SECRET^NAME",
            PatientID="SECRET-ID",
        )
    return folder


@pytest.fixture(scope="session")
def fetch() -> Fetch:
    """Something through pip, or why the test is skipped; pip does not try for long."""

    def fetch(get: Callable[[], Path]) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PIP_RETRIES", "1")
            patch.setenv("PIP_DEFAULT_TIMEOUT", "10")
            try:
                return get()
            except CaseError as error:
                pytest.skip(f"no real scans here: {error}")

    return fetch


@pytest.fixture(scope="session")
def real_scans(fetch: Fetch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the real demo's four patients in `scans`."""
    folder = tmp_path_factory.mktemp("real")
    return fetch(lambda: fetch_scans(folder)[0].parent.parent)


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`lite-ensam` with arguments, in this process; test_processes.py starts real ones."""

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["lite-ensam", *map(str, arguments)])
        capsys.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        assert isinstance(code, int)
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return run


@dataclass(frozen=True)
class Undisturbed:
    manifest: Path
    folder: Path
    outcome: dict[str, object]


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """A small cohort and what comes out of it when nothing happens."""
    from lite_ensam.cohort import run_cohort
    from tests.integration import cohorts

    manifest = cohorts.write_cohort(tmp_path_factory.mktemp("cohort"))
    folder = tmp_path_factory.mktemp("undisturbed")
    run_cohort(manifest, folder, cohorts.PLAIN, cohorts.LIMITS, workers=2)
    return Undisturbed(manifest, folder, cohorts.outcome(folder))
