"""Evaluation of a folder: the way from tumour to case to source to overall, baselines, files, bad folders."""

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError
from lite_ensam.evaluation import BASELINES, CHANGES, OVERALL, RESULT, Evaluation, evaluate
from lite_ensam.io import write_ct, write_marks, write_mask
from tests.flare_files import write_flare
from tests.phantoms import TWO_TUMORS, Ellipsoid, ellipsoid_case

ONE_TUMOR = (Ellipsoid(3, (10, 12, 20), (7.5, 7.0, 9.0)),)


def write_case(folder: Path, case: Case, marks: bool = True) -> None:
    folder.mkdir(parents=True)
    write_ct(folder / "ct.nii.gz", case.ct, case.grid)
    write_mask(folder / "labels.nii.gz", case.reference, case.grid)
    if marks:
        write_marks(folder / "marks.json", case.marks, case.grid)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Source `a` of three cases with 2, 1 and 1 tumours, source `b` of one case."""
    root = tmp_path_factory.mktemp("tree")
    write_case(root / "a" / "first", ellipsoid_case(seed=1))
    write_case(root / "a" / "second", ellipsoid_case(tumors=ONE_TUMOR, seed=2))
    write_case(root / "a" / "third", ellipsoid_case(tumors=ONE_TUMOR, seed=3), marks=False)
    write_case(root / "b" / "only", ellipsoid_case(tumors=TWO_TUMORS[1:], seed=4))
    return root


def perfect(case: Case) -> np.ndarray:
    return case.reference


def eroding(case: Case) -> np.ndarray:
    """Loses the two upper slices of every tumour, and all of tumour 2."""
    labels = np.zeros_like(case.reference)
    for mark in case.marks:
        inside = case.reference == mark.label
        inside[np.flatnonzero(inside.any(axis=(1, 2)))[-2:]] = False
        labels[inside & (mark.label != 2)] = mark.label
    return labels


@pytest.fixture(scope="module")
def eroded(tree: Path) -> Evaluation:
    return evaluate(tree, eroding, baselines=list(BASELINES), seed=5)


def test_a_perfect_result_scores_perfectly(tree: Path) -> None:
    found = evaluate(tree, perfect)
    overall = found.summary()
    assert (overall.dsc.value, overall.nsd_2mm.value, overall.nsd_1mm.value) == (1.0, 1.0, 1.0)
    assert (overall.volume_error.value, overall.longest_diameter_error.value) == (0.0, 0.0)
    assert (overall.n_cases, overall.n_tumors) == (4, 5)


def test_sources_methods_and_tumors_come_in_order(eroded: Evaluation) -> None:
    methods = [RESULT, "sphere", "ellipsoid", "region_growing"]
    keys = [(summary.source, summary.method) for summary in eroded.summaries]
    assert keys == [(source, method) for source in ("a", "b", OVERALL) for method in methods]
    tumors = [(t.source, t.case, t.label) for t in eroded.tumors if t.method == RESULT]
    assert tumors == [
        ("a", "first", 1),
        ("a", "first", 2),
        ("a", "second", 3),
        ("a", "third", 3),
        ("b", "only", 2),
    ]


@pytest.mark.parametrize("method", [RESULT, "sphere"])
@pytest.mark.parametrize("metric", ["dsc", "nsd_2mm", "nsd_1mm"])
def test_every_case_counts_once_in_its_source_and_every_source_once_overall(eroded, method, metric) -> None:
    of = {(t.case, t.label): getattr(t.score, metric) for t in eroded.tumors if t.method == method}
    first = (of["first", 1] + of["first", 2]) / 2
    source_a = (first + of["second", 3] + of["third", 3]) / 3
    assert getattr(eroded.summary("a", method), metric).value == pytest.approx(source_a)
    assert getattr(eroded.summary("b", method), metric).value == pytest.approx(of["only", 2])
    expected = (source_a + of["only", 2]) / 2
    assert getattr(eroded.summary(method=method), metric).value == pytest.approx(expected)


def test_errors_are_medians_of_their_size(eroded: Evaluation) -> None:
    errors = [t.score.volume_error for t in eroded.tumors if t.source == "a" and t.method == RESULT]
    assert min(errors) == -1.0  # the tumour that was lost
    assert eroded.summary("a").volume_error.value == pytest.approx(np.median(np.abs(errors)))


def test_a_lost_tumor_scores_zero(eroded: Evaluation) -> None:
    lost = next(t for t in eroded.tumors if t.method == RESULT and t.label == 2)
    assert (lost.score.dsc, lost.score.nsd_2mm, lost.score.volume_ml) == (0.0, 0.0, 0.0)
    assert lost.score.longest_diameter_error == -1.0


def test_numbers_of_a_tumor_are_in_its_own_units(eroded: Evaluation) -> None:
    sphere = next(t for t in eroded.tumors if t.method == "sphere" and t.case == "only")
    assert sphere.recist_mm == pytest.approx(16.0)
    assert sphere.score.reference_ml == pytest.approx(TWO_TUMORS[1].volume_ml, rel=0.06)
    assert sphere.score.volume_ml == pytest.approx(4 / 3 * math.pi * 0.8**3, rel=0.06)


def test_intervals_hold_the_value_and_depend_on_the_seed_only(tree: Path, eroded: Evaluation) -> None:
    again = evaluate(tree, eroding, baselines=list(BASELINES), seed=5)
    for one, other in zip(eroded.summaries, again.summaries, strict=True):
        assert one.dsc == other.dsc
        assert one.dsc.low <= one.dsc.value <= one.dsc.high
    assert eroded.summary("a").dsc.low < eroded.summary("a").dsc.high
    only = eroded.summary("b").dsc
    assert only.low == only.value == only.high


def test_json_and_csv_hold_everything(tmp_path: Path, eroded: Evaluation) -> None:
    eroded.write_json(tmp_path / "scores.json")
    eroded.write_csv(tmp_path / "scores.csv")
    report = json.loads((tmp_path / "scores.json").read_text())
    assert report["seed"] == 5
    assert report["summaries"][0]["dsc"]["value"] == eroded.summary("a").dsc.value
    assert len(report["tumors"]) == len(eroded.tumors) == 20
    with open(tmp_path / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["dsc"]) for row in rows] == pytest.approx(
        [tumor.score.dsc for tumor in eroded.tumors], rel=1e-5
    )
    assert set(rows[0]) >= {
        "source",
        "case",
        "label",
        "method",
        "seconds",
        "nsd_2mm",
        "longest_diameter_error",
    }


def test_progress_is_told_before_each_case(tree: Path) -> None:
    told = []
    evaluate(tree, perfect, baselines=(), on_case=lambda *what: told.append(what))
    assert told == [("a/first", 0, 4), ("a/second", 1, 4), ("a/third", 2, 4), ("b/only", 3, 4)]


def test_a_folder_without_cases_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(
        CaseError, match=r"no case to evaluate; looked for SOURCE/CASE/ct\.nii\.gz.*FLARE's \*\.npz"
    ):
        evaluate(tmp_path, perfect)


def test_a_marked_tumor_that_the_labels_lack_is_named(tmp_path: Path) -> None:
    case = ellipsoid_case()
    write_case(tmp_path / "a" / "case", case)
    write_mask(tmp_path / "a" / "case" / "labels.nii.gz", case.reference == 1, case.grid, overwrite=True)
    with pytest.raises(
        CaseError,
        match=r"a/case: \S+/labels\.nii\.gz holds no tumour 2, which \S+/marks\.json marks; it holds 1$",
    ):
        evaluate(tmp_path, perfect)


def test_a_result_of_another_shape_is_refused(tree: Path) -> None:
    with pytest.raises(CaseError, match=r"first: the result has shape \(21, 40, 48\), the CT \(22, 40, 48\)"):
        evaluate(tree, lambda case: case.reference[1:])


def test_an_unknown_floor_is_refused_before_any_work() -> None:
    with pytest.raises(ValueError, match="got 'cube'"):
        evaluate("nowhere", perfect, baselines=("sphere", "cube"))


def test_the_sphere_of_the_line_reaches_what_is_known_of_it(shared_data: Path) -> None:
    found = evaluate(shared_data / "val", perfect)
    assert found.summary("sts", "sphere").dsc.value == pytest.approx(0.769, abs=0.002)
    assert found.summary("lidc_nodules", "sphere").dsc.value == pytest.approx(0.632, abs=0.002)


def test_flare_files_are_cases_with_given_or_drawn_lines(tmp_path: Path) -> None:
    case = ellipsoid_case()
    write_flare(tmp_path / "train_npz", "CT_Lesion_000071_02_01_018-042", case, recist=False)
    write_flare(tmp_path / "train_npz", "CT_Lesion_FLARE23Ts_0004", case, recist=True)
    found = evaluate(tmp_path, perfect)
    assert {(t.source, t.case) for t in found.tumors} == {
        ("CT_Lesion", "CT_Lesion_000071_02_01_018-042"),
        ("CT_Lesion_FLARE23Ts", "CT_Lesion_FLARE23Ts_0004"),
    }
    assert found.summary().dsc.value == 1.0
    assert [score.nsd_2mm for score in found.flare if score.method == RESULT] == [1.0, 1.0]
    lengths = [t.recist_mm for t in found.tumors if t.method == RESULT and t.label == 1]
    assert lengths == pytest.approx([18.0, 18.0], abs=1.0)
    assert len(evaluate(tmp_path / "train_npz", perfect).tumors) == len(found.tumors)


def test_lines_that_are_drawn_on_the_reference_are_one_note(tmp_path: Path) -> None:
    write_case(tmp_path / "a" / "lines", ellipsoid_case())
    assert evaluate(tmp_path, perfect, baselines=()).notes == ()
    for name in ("1", "2"):
        write_case(tmp_path / "a" / name, ellipsoid_case(), marks=False)
    assert evaluate(tmp_path, perfect, baselines=()).notes == (
        "no lines were given for 2 of 3 cases; lines were drawn on the reference, on each tumour's largest slice. "
        "Scores are better than with lines that a reader drew",
    )


def test_changed_marks_are_scored_beside_the_result(tree: Path) -> None:
    seen = []

    def spheres(case: Case) -> np.ndarray:
        seen.append(case.marks)
        labels = np.zeros(case.grid.shape_zyx, dtype=np.uint8)
        for mark in case.marks:
            labels[BASELINES["sphere"](case, mark).whole()] = mark.label
        return labels

    found = evaluate(tree, spheres, changes=list(CHANGES), baselines=("sphere",), seed=3)
    methods = [summary.method for summary in found.summaries if summary.source == OVERALL]
    assert methods == [RESULT, *CHANGES, "sphere"]
    assert len(seen) == 4 * 3
    volumes = {
        method: sum(t.score.volume_ml for t in found.tumors if t.method == method) for method in methods
    }
    assert volumes["line 15 % short"] < 0.7 * volumes["sphere"]
    with pytest.raises(ValueError, match="changes must be names out of"):
        evaluate(tree, spheres, changes=("upside down",))


def test_labels_without_a_line_are_named_and_count_nowhere(tmp_path: Path) -> None:
    case = ellipsoid_case()
    write_case(tmp_path / "a" / "case", replace(case, marks=case.marks[:1]))
    found = evaluate(tmp_path, lambda case: np.where(case.reference == 1, case.reference, 0), baselines=())
    assert found.notes == ("a/case: label 2 of the mask has no line and is left out",)
    assert [(score.dsc, len(found.tumors)) for score in found.cases] == [(1.0, 1)]
