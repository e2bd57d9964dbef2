"""Study files in CSV with non-targets and new lesions: what each role may fill in, and what is lost otherwise."""

from pathlib import Path

import pytest

from lite_ensam.core.errors import StudyError
from lite_ensam.reporting import lesion_rows, read_study, sdtm_tables
from lite_ensam.response import Response, respond


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("A,56,n,secondary,lung,,", "row 3: role must be one of target, non-target, new, got 'secondary'"),
        ("A,56,t,new,liver,20,", "rows 2 and 3 contradict each other in column role"),
        ("A,56,n,new,lung,8,\nA,56,n,new,lung,9,", "rows 3 and 4 give the same lesion at the same visit"),
        ("A,56,,,,,present", "row 3 has a state but does not say of which target"),
        (
            "A,56,t,,,20,PD",
            "row 3: the column state is only for the role non-target or new, but .* target",
        ),
        (
            "A,0,e,,pleura,20,\nA,56,t,,,20,\nA,56,e,,,,PD",
            "row 5: the column state .* but this lesion has the role target",
        ),
    ],
)
def test_rows_that_make_no_sense_are_refused(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "study.csv"
    path.write_text(f"patient,date,target,role,organ,diameter_mm,state\nA,0,t,target,liver,20,\n{row}\n")
    with pytest.raises(StudyError, match=message):
        read_study(path)


def test_lesions_of_one_day_may_have_modalities_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_text(
        "patient,date,target,role,organ,diameter_mm,modality\n"
        "A,0,t,,liver,20,MR\nA,0,u,,lung,20,CT\nA,56,t,,,20,MR\nA,56,u,,,20,mr\nA,56,n,new,bone,9,\n"
    )
    (one,) = read_study(path)
    found = [(row["day"], row["lesion"], row["modality"]) for row in lesion_rows([one])]
    assert found == [(0, "t", "MR"), (0, "u", "CT"), (56, "t", "MR"), (56, "u", "MR"), (56, "n", "MR")]
    (study,) = sdtm_tables([one], ())["tu"][:1]
    assert study["TUMETHOD"] == "MRI"
    path.write_text(
        "patient,date,target,organ,diameter_mm,modality\nA,0,t,liver,20,\nA,9,t,,8,CT\nA,9,t,,9,MR\n"
    )
    with pytest.raises(StudyError, match=r"rows 3 and 4 give .*: keep one of them"):
        read_study(path)


def test_columns_of_targets_alone_are_refused_or_told_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    start = (
        "patient,date,target,role,organ,diameter_mm,volume_ml,merged_into\n"
        "A,0,t,,liver,20,4,\nA,0,e,non-target,pleura,9,1,\n"
    )
    path.write_text(start)
    assert read_study(path)[0].notes[0] == "volume_ml of non-targets and new lesions: not read"
    path.write_text(f"{start}A,56,t,,,20,4,\nA,56,e,,,,,t\n")
    with pytest.raises(StudyError, match="row 5: the column merged_into is only for the role target"):
        read_study(path)


def test_cells_that_say_nothing_new_are_read_of_any_lesion(tmp_path: Path) -> None:
    """Forms of a trial fill in each column of each lesion."""
    path = tmp_path / "study.csv"
    path.write_text(
        "patient,date,target,role,organ,diameter_mm,state,larger,equivocal\n"
        "A,0,t,target,liver,30,Present,no,No\nA,56,t,target,,18,present,false,0\n"
    )
    (one,) = read_study(path)
    assert respond(one.study)[0].overall is Response.PR


def test_a_lymph_node_that_is_not_said_to_be_one_is_told(tmp_path: Path) -> None:
    """Below 10 mm it would be normal: the row decides between PD and SD."""
    path = tmp_path / "study.csv"
    path.write_text(
        "patient,date,target,role,organ,diameter_mm,node\n"
        "A,0,t,,liver,30,\nA,0,e,non-target,lymph node,12,\nA,56,t,,,30,\nA,56,e,,,8,\nA,56,n,new,Lymph Node,7,\n"
    )
    (one,) = read_study(path)
    below = "counts as a lesion below 10 mm, too; say node if it is a lymph node"
    assert one.notes == (
        f"e lies in 'lymph node' but node is not said: it {below}",
        f"n lies in 'Lymph Node' but node is not said: it {below}",
    )
    path.write_text(path.read_text().replace("7,", "7,yes").replace("12,", "12,yes"))
    (one,) = read_study(path)
    assert respond(one.study)[0].overall is Response.SD


def test_a_doubt_about_a_non_target_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_text(
        "patient,date,target,role,organ,diameter_mm,state,equivocal\n"
        "A,0,t,,liver,20,,\nA,0,e,non-target,pleura,,,\nA,56,t,,,20,,\nA,56,e,,,,present,yes\n"
    )
    with pytest.raises(StudyError, match=r"row 5: the column equivocal is only for the role new, .* non-t"):
        read_study(path)
