"""Study files in CSV: repeated rows, spellings, separators; contradictions name their rows."""

from pathlib import Path

import pytest

from lite_ensam.core.errors import StudyError
from lite_ensam.reporting import Patient, read_study
from lite_ensam.response import Target, TargetValue, respond

HEADER = "patient,date,target,organ,diameter_mm"


def read(folder: Path, header: str, *rows: str) -> tuple[Patient, ...]:
    path = folder / "study.csv"
    path.write_text("\n".join((header, *rows)) + "\n", newline="")
    return read_study(path)


def overall(patient: Patient) -> str:
    return " ".join(one.overall for one in respond(patient.study))


def refused(folder: Path, message: str, header: str, *rows: str) -> None:
    with pytest.raises(StudyError, match=message):
        read(folder, header, *rows)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("PD,yes", "PD,no", "rows 4 and 5 contradict each other in column new_lesion"),
        ("PD,", "CR,", "rows 4 and 5 contradict each other in column non_targets"),
        ("CR,perhaps", "CR,no", "row 4: new_lesion must be one of"),
        ("shrunk,", ",", "row 4: non_targets must be one of CR, non-CR/non-PD, PD, NE, got 'shrunk'"),
    ],
)
def test_rows_of_one_visit_must_not_contradict_each_other(
    tmp_path: Path, first: str, second: str, message: str
) -> None:
    baseline = ("A,0,liver 1,liver,50,,", "A,0,lung 1,lung,20,,")
    later = (f"A,56,liver 1,liver,30,{first}", f"A,56,lung 1,lung,12,{second}")
    refused(tmp_path, message, f"{HEADER},non_targets,new_lesion", *baseline, *later)


@pytest.mark.parametrize(
    "said", [(",yes", ","), (",", ",Yes"), (",y", ",TRUE"), ("cr,yes", "CR ,1"), ("PD,", ",")]
)
def test_what_one_row_of_a_visit_says_counts_for_the_visit(tmp_path: Path, said: tuple[str, str]) -> None:
    baseline = ("A,0,liver 1,liver,50,,", "A,0,lung 1,lung,20,,")
    later = (f"A,56,liver 1,liver,30,{said[0]}", f"A,56,lung 1,lung,12,{said[1]}")
    (one,) = read(tmp_path, f"{HEADER},non_targets,new_lesion", *baseline, *later)
    assert overall(one) == "PD"


@pytest.mark.parametrize("spelling", ["Non-CR/Non-PD", "non-cr / non-pd", "NON CR NON PD"])
def test_non_targets_are_understood_in_any_spelling(tmp_path: Path, spelling: str) -> None:
    rows = ("A,0,a,liver,50,", f"A,56,a,liver,0,{spelling}")
    (one,) = read(tmp_path, f"{HEADER},non_targets", *rows)
    assert overall(one) == "PR"


def test_rows_of_one_target_are_fragments_and_add_up(tmp_path: Path) -> None:
    rows = ("A,0,liver 1,liver,50", "A,56,liver 1,liver,30", "A,56,Liver  1,Liver,28")
    (one,) = read(tmp_path, HEADER, *rows)
    (judged,) = respond(one.study)
    assert (judged.sum, judged.overall) == (58.0, "SD")
    assert "day 56, liver 1: 2 fragments are added up, 30 + 28 = 58 mm" in one.notes[0]


def test_fragments_of_one_size_are_numbered(tmp_path: Path) -> None:
    rows = ("A,0,l,liver,50,", "A,56,l,liver,15,a", "A,56,l,liver,15,b", "A,56,l,liver,too small,c")
    (one,) = read(tmp_path, f"{HEADER},fragment", *rows)
    assert one.study.time_points[1].targets["l"] == TargetValue(35.0)


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (HEADER, ("A,56,l,liver,30", "A,56,l,liver,30"), "rows 3 and 4 give .*: keep one of them"),
        (HEADER, ("A,56,l,liver,0", "A,56,l,liver,30"), "rows 3 and 4 give .*: keep one of them"),
        (HEADER, ("A,56,l,liver,", "A,56,l,liver,30"), "rows 3 and 4 give .* not each has a diameter_mm"),
        (HEADER, ("A,56,l,liver,wide", "A,56,l,liver,30"), "row 3: diameter_mm: sizes must be numbers"),
        (
            f"{HEADER},fragment",
            ("A,56,l,liver,3,1", "A,56,l,liver,4,"),
            "rows 3 and 4 give .*: keep one of them",
        ),
        (
            f"{HEADER},fragment",
            ("A,56,l,liver,3,1", "A,56,l,liver,4,1 "),
            "rows 3 and 4 give .*: keep one of them",
        ),
        (
            f"{HEADER},reader",
            ("A,56,l,liver,3,X", "A,56,l,liver,4,Y"),
            "rows 3 and 4 give .*: keep one of them",
        ),
        (HEADER, ("A,0,l,liver,48",), "rows 2 and 3 give .*: at baseline each lesion is measured once"),
        (
            f"{HEADER},node",
            ("A,9,l,liver,9,y", "A,9,l,liver,8,"),
            "rows 3 and 4 .* lymph node is measured once",
        ),
    ],
)
def test_repeated_rows_that_may_be_copies_are_refused(
    tmp_path: Path, header: str, rows: tuple[str, ...], message: str
) -> None:
    refused(tmp_path, message, header, "A,0,l,liver,50" + "," * (header.count(",") - 4), *rows)


def test_a_target_that_has_merged_is_said_in_a_column(tmp_path: Path) -> None:
    rows = ("A,0,a,liver,40,", "A,0,b,liver,20,", "A,56,a,liver,55,", "A,56,b,liver,,A")
    (one,) = read(tmp_path, f"{HEADER},merged_into", *rows)
    (judged,) = respond(one.study)
    assert (judged.sum, judged.overall) == (55.0, "SD")


@pytest.mark.parametrize(
    ("first", "later", "expected"),
    [("yes", "", "CR"), ("", "yes", "CR"), ("no", "", "PR"), ("node", "1.0", "CR")],
)
def test_a_node_needs_to_be_said_once(tmp_path: Path, first: str, later: str, expected: str) -> None:
    rows = (f"A,0,n 1,axilla,20,{first}", f"A,56,n 1,,8,{later}")
    (one,) = read(tmp_path, f"{HEADER},node", *rows)
    assert one.study.targets == (Target("n 1", "axilla", expected == "CR"),)
    assert overall(one) == expected


def test_one_target_is_of_one_kind_and_organ(tmp_path: Path) -> None:
    header = f"{HEADER},node"
    rows = "A,0,n 1,axilla,20,yes"
    refused(
        tmp_path, "rows 2 and 3 contradict each other in column node", header, rows, "A,56,N 1,axilla,8,no"
    )
    refused(tmp_path, "rows 2 and 3 contradict each other in column organ", header, rows, "A,56,n 1,neck,8,")
    refused(tmp_path, "row 2: node must be yes or no .*, got 'perhaps'", header, "A,0,n 1,axilla,20,perhaps")


def test_spelling_makes_no_new_organ_and_no_new_patient(tmp_path: Path) -> None:
    organs = ("liver", "Liver", "liver ", "LIVER")
    rows = [f"A,{day},{n},{organ},50" for day in (0, 56) for n, organ in enumerate(organs)]
    refused(tmp_path, "at most 2 targets of an organ, got 4 of 'liver'", HEADER, *rows)
    (one,) = read(tmp_path, HEADER, "Ab,0,a,liver,50", "AB ,56,a,liver,30", " ab,112,a,liver,20")
    assert overall(one) == "PR PR"
    assert one.notes == ("3 spellings are taken for patient number 1: case and spaces do not count",)


def test_a_patient_of_one_visit_is_noted(tmp_path: Path) -> None:
    one, two = read(tmp_path, HEADER, "A,0,a,liver,50", "B,0,a,liver,50", "B,56,a,liver,30")
    assert (overall(one), overall(two)) == ("", "PR")
    assert (one.notes, two.notes) == (("a single visit is given: a response needs at least two",), ())


def test_a_lesion_that_vanishes_from_the_file_is_named(tmp_path: Path) -> None:
    rows = ("A,0,a,liver,50", "A,0,b,lung,30", "A,56,a,liver,20")
    (one,) = read(tmp_path, HEADER, *rows)
    assert overall(one) == "NE"
    assert one.notes[0].startswith("day 56: nothing is said of b; the study file has no size. Not evaluable")
    (said,) = read(tmp_path, HEADER, *rows, "A,56,b,lung,")
    assert (overall(said), said.notes) == ("NE", ())
    message = (
        "patient number 1: day 0: nothing is said of c; .* a lesion that comes up later is said in new_lesion"
    )
    refused(tmp_path, message, HEADER, *rows, "A,56,c,bone,9")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_may_be_separated_otherwise_and_decimals_have_points(tmp_path: Path, separator: str) -> None:
    rows = (
        "Patient,Date, Target ,ORGAN,Diameter MM",
        ",,,,",
        "A,20250131,l,liver,30.5",
        "",
        "A,20250228,l,liver,20.5",
    )
    (one,) = read(tmp_path, *(row.replace(",", separator) for row in rows))
    assert [point.targets["l"].diameter_mm for point in one.study.time_points] == [30.5, 20.5]
    comma = 'A,0,l,liver,"12,5"'.replace(",", separator).replace(f"12{separator}5", "12,5")
    refused(
        tmp_path,
        "row 2: diameter_mm has a comma: write decimals with a point",
        HEADER.replace(",", separator),
        comma,
    )


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        (
            HEADER,
            "A,0,l,liver,5000",
            r"row 2: diameter_mm: 5000 mm is longer than any lesion \(at most 1000 mm\): is the unit mm\?",
        ),
        (HEADER, "A,0,l,liver,12,5", "row 2 has 6 cells for 5 columns: write decimals with a point"),
        (f"{HEADER},volume_ml,node", "A,0,l,liver,12,5,3,,", "row 2 has 9 cells for 7 columns"),
        (f"{HEADER},diameter_mm", "A,0,l,liver,12,5", "names the column diameter_mm twice"),
        (HEADER, ",0,l,liver,30\nA,0,l,liver,30", "row 2 does not say whose it is"),
        (HEADER, "A,0,,liver,30", "row 2 has a diameter_mm but does not say of which target"),
        (HEADER, "A,0,l,,30", "the organ of 'l' must be a text"),
        (HEADER, "A,,l,liver,30", "row 2: a date must be YYYY-MM-DD"),
        (HEADER, "A", "row 2: a date must be YYYY-MM-DD"),
        (HEADER, "A,0,l,liver,30\nA,2025-02-01,l,liver,30", "visits have both dates and day numbers"),
        (HEADER, "", "has a first line alone"),
        ("patient,date", "A,0", "target is missing"),
    ],
)
def test_tables_that_may_mean_two_things_are_refused(
    tmp_path: Path, header: str, row: str, message: str
) -> None:
    refused(tmp_path, message, header, row)


def test_columns_that_are_not_read_are_named(tmp_path: Path) -> None:
    (one, _) = read(tmp_path, f"{HEADER},New lesions,empty", "A,0,a,liver,50,yes,", "B,0,a,liver,50,,")
    assert one.notes[0] == "column 'New lesions' is not read"


def test_the_example_of_the_documentation_gives_what_it_says(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "guide" / "response.md"
    lines = [
        line.strip() for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("    ")
    ]
    start = next(n for n, line in enumerate(lines) if line.startswith("patient,date,target"))
    (one,) = read(tmp_path, *lines[start : start + 8])
    (judged,) = respond(one.study)
    assert (judged.sum, f"{judged.change_from_baseline:.0%}", judged.overall) == (49.0, "-37%", "PR")
