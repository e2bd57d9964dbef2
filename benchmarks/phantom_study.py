"""Known growth, measured: patients of the phantom at three visits, `lite-ensam segment` on each, and `respond`.

Run by `make bench`, or alone: `python benchmarks/phantom_study.py [SPACING [BORDER [PICTURE]]]`; SPACING is mm of a
slice and of its pixels, as `2,0.8`, BORDER `readers` or `edge`. What is seen: the error of volumes, and apart from it
the error of their change between visits, which is what a response is made of. Scans, masks and the page lie in
`benchmarks/results/phantom_study`; PICTURE is where a screenshot of the page goes (Chromium), as
`docs/images/phantom_study.png`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from harness.tumour_growth import DAYS, PATIENTS, Patient, Tumor, write_visit
from matplotlib.image import imread, imsave

RESULTS = Path(__file__).parent / "results" / "phantom_study"


def lite_ensam(*arguments: object) -> None:
    subprocess.run(
        [sys.executable, "-m", "lite_ensam", *map(str, arguments)], check=True, stdout=subprocess.PIPE
    )


def segmented(folder: Path, border: str) -> np.ndarray:
    """Volumes in ml (visit, tumour) by `lite-ensam segment`."""
    for visit in range(len(DAYS)):
        scan = (folder / f"ct{visit}.nii.gz", "--marks", folder / f"marks{visit}.json", "--border", border)
        lite_ensam(
            "segment", *scan, "-o", folder / f"mask{visit}.nii.gz", "--report", folder / f"report{visit}.json"
        )
    reports = [json.loads((folder / f"report{visit}.json").read_text()) for visit in range(len(DAYS))]
    return np.array([[tumor["volume_ml"] for tumor in report["tumors"]] for report in reports])


def entry(patient: Patient) -> dict[str, object]:
    """The patient in a study file: scans and lines alone."""
    return {
        "patient": patient.name,
        "targets": [{"name": one.name, "organ": one.organ} for one in patient.targets],
        "visits": [
            {"date": day, "ct": f"{patient.name}/ct{n}.nii.gz", "marks": f"{patient.name}/marks{n}.json"}
            for n, day in enumerate(DAYS)
        ],
    }


def rows(tumor: Tumor, measured_ml: Sequence[float]) -> list[tuple[float, float, float, float]]:
    """At each visit: true and measured ml, true and measured change from the visit before (NaN at the first)."""
    true_ml = [tumor.volume_ml(visit) for visit in range(len(DAYS))]
    found = []
    for visit, (true, measured) in enumerate(zip(true_ml, measured_ml, strict=True)):
        before = max(visit - 1, 0)
        changes = (
            (true / true_ml[before] - 1, measured / measured_ml[before] - 1) if visit else (np.nan, np.nan)
        )
        found.append((true, measured, *changes))
    return found


def show(
    patient: Patient, measured_ml: np.ndarray, voxels_ml: np.ndarray
) -> dict[str, list[tuple[float, float]]]:
    """Print a row for each tumour and visit; the errors of volume and of change, for lung and soft tissue."""
    print(f"\n### Patient who {patient.name}\n")
    print("| tumour | day | true ml | its voxels | measured ml | error | true change | measured | error |")
    print("|---|---|---|---|---|---|---|---|---|")
    errors: dict[str, list[tuple[float, float]]] = {"lung": [], "soft tissue": []}
    for n, tumor in enumerate(patient.targets):
        for visit, (true, measured, change, found) in enumerate(rows(tumor, measured_ml[:, n].tolist())):
            volume_error, change_error = measured / true - 1, (1 + found) / (1 + change) - 1
            errors["lung" if tumor.organ == "lung" else "soft tissue"].append((volume_error, change_error))
            changes = f"{change:+.0%} | {found:+.0%} | {change_error:+.1%}" if visit else "| |"
            voxels = voxels_ml[visit, n]
            print(
                f"| {tumor.name} | {DAYS[visit]} | {true:.2f} | {voxels / true - 1:+.1%} | {measured:.2f} "
                f"| {volume_error:+.1%} | {changes} |"
            )
    return errors


def show_errors(errors: Sequence[dict[str, list[tuple[float, float]]]]) -> None:
    """Print both errors in a line for each tissue."""
    print("\n| tissue | | n | mean | mean size | largest |\n|---|---|---|---|---|---|")
    for tissue in ("lung", "soft tissue"):
        both = np.array([pair for one in errors for pair in one[tissue]])
        for what, column in (("volume", both[:, 0]), ("change of volume", both[:, 1])):
            here = column[np.isfinite(column)]
            sizes = np.abs(here)
            print(
                f"| {tissue} | {what} | {len(here)} | {here.mean():+.1%} | {sizes.mean():.1%} | {sizes.max():.1%} |"
            )


def show_responses(courses: Sequence[dict[str, object]]) -> None:
    """Print expected and given responses; two courses a patient, by diameter and by volume."""
    print("\n| patient | expected | by diameter | by volume |\n|---|---|---|---|")
    for n, patient in enumerate(PATIENTS):
        given = [
            ", ".join(visit["overall"] for visit in course["visits"])  # type: ignore[attr-defined]
            for course in courses[2 * n : 2 * n + 2]
        ]
        print(f"| {patient.name} | {', '.join(patient.responses)} | {given[0]} | {given[1]} |")


def take_picture(page: Path, target: Path) -> None:
    """What Chromium shows of a page, as a PNG: its top, and beside it the first patient's scans."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if chromium is None:
        print("no Chromium here: no picture")
        return
    with sync_playwright() as session:
        browser = session.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": 1080, "height": 1480}, device_scale_factor=0.6)
        tab.goto(page.resolve().as_uri())
        shots = [tab.screenshot()]
        tab.get_by_text("Scans of patient 1").evaluate("heading => heading.scrollIntoView()")
        shots.append(tab.screenshot())
        browser.close()
    imsave(target, np.concatenate([imread(BytesIO(shot)) for shot in shots], axis=1))
    print(f"picture: {target}")


def main(spacing: str = "2,0.8", border: str = "readers", picture: str = "") -> None:
    step_mm, pixel_mm = map(float, spacing.split(","))
    shutil.rmtree(RESULTS, ignore_errors=True)
    errors = []
    print(f"slices of {step_mm:g} mm, pixels of {pixel_mm:g} mm, border {border}")
    for patient in PATIENTS:
        folder = RESULTS / patient.name
        folder.mkdir(parents=True)
        voxels_ml = [write_visit(folder, patient, n, (step_mm, pixel_mm, pixel_mm)) for n in range(len(DAYS))]
        errors.append(show(patient, segmented(folder, border), np.array(voxels_ml)))
    show_errors(errors)
    study, page, answers = (RESULTS / name for name in ("study.json", "page.html", "response.json"))
    study.write_text(json.dumps({"patients": [entry(patient) for patient in PATIENTS]}))
    lite_ensam("respond", study, "--border", border, "--html", page, "--report", answers)
    show_responses(json.loads(answers.read_text())["courses"])
    print(f"\npage: {page}")
    if picture:
        take_picture(page, Path(picture))


if __name__ == "__main__":
    main(*sys.argv[1:])
