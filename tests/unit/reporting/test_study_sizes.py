"""Sizes out of reports: what is seen is not gone, what is not used is named, names are asked for."""

from pathlib import Path
from typing import Any

import pytest

from lite_ensam.core.errors import StudyError
from lite_ensam.io import write_report
from lite_ensam.reporting import Patient, read_study
from lite_ensam.response import VOLUME, TargetValue, respond

Tumor = dict[str, Any]


def tumor(name: str = "liver 1", mm: float = 30.0, n_voxels: int = 4000, **more: Any) -> Tumor:
    sizes = {"longest_diameter_mm": mm, "short_axis_mm": 0.7 * mm, "volume_ml": n_voxels * 0.0032}
    return {"name": name, "label": 1, "n_voxels": n_voxels} | sizes | more


def study(
    folder: Path,
    *reports: list[Tumor],
    targets: tuple[str, ...] = ("liver 1",),
    said: Any = None,
    node: bool = False,
) -> Patient:
    """Baseline and visits every 56 days, from reports; what the last visit itself says of its targets."""
    visits = []
    for n, tumors in enumerate(reports):
        write_report(folder / f"{n}.json", {"tumors": tumors}, overwrite=True)
        visits.append({"date": 56 * n, "report": f"{n}.json"})
    visits[-1]["targets"] = said
    organs = [{"name": name, "organ": name, "node": node} for name in targets]
    write_report(folder / "study.json", {"targets": organs, "visits": visits}, overwrite=True)
    (one,) = read_study(folder / "study.json")
    return one


def overall(patient: Patient) -> str:
    return " ".join(one.overall for one in respond(patient.study))


@pytest.mark.parametrize("n_voxels", [1, 10])
def test_a_mask_of_0_mm_is_still_seen_and_counts_5_mm(tmp_path: Path, n_voxels: int) -> None:
    """One voxel, or a column of them along z: RECIST 1.1 calls that too small to measure."""
    one = study(tmp_path, [tumor()], [tumor(mm=0.0, n_voxels=n_voxels)])
    assert one.study.time_points[1].targets == {"liver 1": TargetValue(5.0, n_voxels * 0.0032)}
    assert (overall(one), respond(one.study, VOLUME)[0].overall) == ("PR", "PR")
    (note,) = one.notes
    assert note.startswith("day 56, liver 1: its mask is too small to measure and counts 5 mm")


def test_a_node_of_0_mm_is_seen_too_and_normal(tmp_path: Path) -> None:
    one = study(tmp_path, [tumor()], [tumor(mm=9.0, n_voxels=9, short_axis_mm=0.0)], node=True)
    assert one.study.time_points[1].targets["liver 1"].diameter_mm == 5.0
    assert overall(one) == "CR"


@pytest.mark.parametrize(
    "empty", [tumor(mm=0.0, n_voxels=0), tumor(mm=0.0, n_voxels=0, longest_diameter_mm=None)]
)
def test_an_empty_mask_is_not_evaluable_until_somebody_says_gone(tmp_path: Path, empty: Tumor) -> None:
    one = study(tmp_path, [tumor()], [empty])
    assert (overall(one), respond(one.study, VOLUME)[0].overall) == ("NE", "NE")
    assert (
        "day 56, liver 1: its mask is empty, so it is not evaluable; if the lesion is gone, give it"
        in one.notes[0]
    )
    del empty["n_voxels"]  # reports of old, or of others
    assert overall(study(tmp_path, [tumor()], [empty])) == "NE"
    gone = study(tmp_path, [tumor()], [empty], said={"liver 1": {"diameter_mm": 0}})
    assert (overall(gone), respond(gone.study, VOLUME)[0].overall) == ("CR", "CR")


def test_an_empty_mask_at_baseline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="'liver 1' was not measured at baseline"):
        study(tmp_path, [tumor(mm=0.0, n_voxels=0)], [tumor()])


def test_tumours_that_are_not_targets_are_asked_about(tmp_path: Path) -> None:
    base, later = [tumor(), tumor("bone 2", 12.0)], [tumor("Liver 1 "), tumor("lung 7", 25.0)]
    one = study(tmp_path, base, later)
    assert overall(one) == "SD"
    assert one.notes == (
        "day 0: bone 2 (12.0 mm) in 0.json is not a target of this study",
        "day 56: lung 7 (25.0 mm) in 1.json is not a target of this study: a new lesion?",
        "day 56: bone 2 of baseline, not targets, are not in 1.json",
    )
    again = study(tmp_path, base, [tumor(), tumor("Bone 2", 13.0)])
    assert again.notes[1:] == ("day 56: Bone 2 (13.0 mm) in 1.json is not a target of this study",)


def test_names_are_compared_without_case_and_spaces(tmp_path: Path) -> None:
    one = study(tmp_path, [tumor()], [tumor(" LIVER  1")])
    assert (overall(one), one.notes) == ("SD", ())


@pytest.mark.parametrize(
    "names", [("liver 1", "liver 1"), ("liver 1", "Liver 1 "), ("lung", "LUNG"), ("", "1")]
)
def test_equal_names_in_one_report_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    """A tumour without a name is called by its label, here 1."""
    with pytest.raises(
        StudyError, match=r"day 56: 1\.json has several tumours of the name '.*': give each its own"
    ):
        study(tmp_path, [tumor()], [tumor(name) for name in names])


def test_a_name_that_is_not_found_lists_those_that_are(tmp_path: Path) -> None:
    one = study(tmp_path, [tumor()], [tumor("livre 1"), tumor("lung")])
    assert overall(one) == "NE"
    assert one.notes[0].startswith(
        "day 56: nothing is said of liver 1; 1.json has livre 1, lung. Not evaluable"
    )
    assert (
        study(tmp_path, [tumor()], [])
        .notes[0]
        .startswith("day 56: nothing is said of liver 1; 1.json has no tumour")
    )
    with pytest.raises(
        StudyError, match=r"day 0: nothing is said of liver 1; 0\.json has livre 1\. Every target"
    ):
        study(tmp_path, [tumor("livre 1")], [tumor()])


def test_fragments_and_other_names_are_said_by_the_visit(tmp_path: Path) -> None:
    parts = [tumor("l 1a", 20.0), tumor("l 1b", 15.0, 2000)]
    one = study(tmp_path, [tumor()], parts, said={"liver 1": {"tumors": ["L 1a", "l 1b"]}})
    whole = one.study.time_points[1].targets["liver 1"]
    assert (whole.diameter_mm, whole.volume_ml) == (35.0, pytest.approx(19.2))
    assert [note.partition(",")[0] for note in one.notes] == ["day 56"]
    renamed = study(
        tmp_path, [tumor()], [tumor("Lesion A", 10.0)], said={"liver 1": {"tumors": ["lesion a"]}}
    )
    assert (overall(renamed), renamed.notes) == ("PR", ())


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"tumors": ["l 1c"]}, r"1\.json has no tumour 'l 1c', it has l 1a, l 1b, lung 1"),
        ({"tumors": ["l 1a", "L 1a"]}, "tumors has 'l 1a' twice"),
        ({"tumors": ["lung 1"]}, "the tumour 'lung 1' is already counted as liver 1"),
        ({"tumors": "l 1a"}, "tumors must be a list of names"),
        ({"tumors": ["l 1a"], "diameter_mm": 3}, "tumors must be a list of names, without other sizes"),
    ],
)
def test_tumours_are_counted_once(tmp_path: Path, said: Tumor, message: str) -> None:
    base, later = [tumor(), tumor("lung 1")], [tumor("l 1a"), tumor("l 1b"), tumor("lung 1")]
    with pytest.raises(StudyError, match=f"day 56, .*{message}"):
        study(tmp_path, base, later, targets=("liver 1", "lung 1"), said={"liver 1": said})


def test_a_size_of_the_study_file_goes_before_the_report_and_says_so(tmp_path: Path) -> None:
    one = study(tmp_path, [tumor()], [tumor()], said={"Liver 1": {"diameter_mm": 10}})
    assert overall(one) == "PR"
    assert one.notes == ("day 56, liver 1: the size in the study file is used, not that in 1.json",)


def test_flags_of_a_report_are_told(tmp_path: Path) -> None:
    one = study(tmp_path, [tumor(flag_sentences=[])], [tumor(flag_sentences=["in 2 pieces", "at the edge"])])
    assert one.notes == ("day 56, liver 1: flagged: in 2 pieces; at the edge",)


def test_reports_of_other_weights_than_the_first_are_told(tmp_path: Path) -> None:
    """A mask of other weights or another border differs on a tumour that has not changed."""
    made = {"weights_sha256": "a" * 64, "border": "readers", "threshold": 0.0}
    later = [{}, {"weights_sha256": "b" * 64}, {"border": "edge", "weights_sha256": "b" * 64}]
    visits = []
    for n, change in enumerate([{}, *later]):
        write_report(tmp_path / f"{n}.json", {**made, **change, "tumors": [tumor()]})
        visits.append({"date": 56 * n, "report": f"{n}.json"})
    organs = [{"name": "liver 1", "organ": "liver"}]
    write_report(tmp_path / "study.json", {"targets": organs, "visits": visits})
    (one,) = read_study(tmp_path / "study.json")
    said = "was segmented with {} than day 0: part of the change may come from that"
    assert one.notes == (
        f"day 112: 2.json {said.format('other weights')}",
        f"day 168: 3.json {said.format('other weights and another border')}",
    )


def test_a_merged_target_may_have_the_tumour_of_the_other(tmp_path: Path) -> None:
    base, later = [tumor("a"), tumor("b", 20.0)], [tumor("b", 55.0)]
    said = {"a": {"tumors": ["b"]}, "b": {"merged_into": "a"}}
    one = study(tmp_path, base, later, targets=("a", "b"), said=said)
    assert (respond(one.study)[0].sum, overall(one)) == (55.0, "SD")
    assert one.notes == ("day 56, b: has merged into a, which is measured for both (RECIST 1.1, 4.3.2)",)


@pytest.mark.parametrize(
    ("tumors", "message"),
    [
        ([tumor(longest_diameter_mm=True)], "day 56, liver 1, longest_diameter_mm: sizes must be numbers"),
        ([tumor(volume_ml="large")], "day 56, liver 1, volume_ml: sizes must be numbers"),
        ([tumor(volume_ml=0)], "day 56, liver 1: the report contradicts itself"),
        ([{"name": "liver 1"}], "the tumour has no 'longest_diameter_mm'"),
        ([3], r"1\.json: is not a report of a segmented scan"),
    ],
)
def test_reports_that_make_no_sense_are_refused(tmp_path: Path, tumors: list[Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        study(tmp_path, [tumor()], tumors)


def test_lesions_without_names_in_reports_are_matched_by_label_and_a_note_says_so(tmp_path: Path) -> None:
    one = study(tmp_path, [tumor("")], [tumor("", mm=20.0)], targets=("1",))
    assert overall(one) == "PR"
    assert one.notes == (
        "day 56: lesions without names in 1.json are matched by their label numbers, because a report does not "
        "contain its scan; name the lesions, or give the scans instead of the reports",
    )


def test_a_diameter_of_metres_is_refused_and_one_of_1000_mm_is_not(tmp_path: Path) -> None:
    assert study(tmp_path, [tumor()], [tumor()], said={"liver 1": {"diameter_mm": 1000}})
    message = r"day 56, liver 1, diameter_mm: 1000.5 mm is longer than any lesion .* is the unit mm\?"
    with pytest.raises(StudyError, match=message):
        study(tmp_path, [tumor()], [tumor()], said={"liver 1": {"diameter_mm": 1000.5}})
    with pytest.raises(StudyError, match="longest_diameter_mm: 5000 mm is longer than any lesion"):
        study(tmp_path, [tumor()], [tumor(mm=5000.0)])
