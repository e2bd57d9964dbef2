"""The long table of lesions, SDTM's TU, TR and RS, and rates of cohorts, on the example study that ships."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lite_ensam.reporting import (
    Patient,
    judge,
    lesion_rows,
    rates_of,
    rates_rows,
    rates_section,
    read_study,
    redcap_tables,
    sdtm_tables,
)
from lite_ensam.reporting.sdtm import sdtm_doubts
from lite_ensam.reporting.study_report import plots
from lite_ensam.response import VOLUME, Protocol, Target, TargetValue
from tests.unit.reporting.test_study_lesions import EXAMPLE
from tests.unit.reporting.test_study_sizes import study, tumor

Rows = list[dict[str, Any]]

CODES = {
    "tu": {"TUMIDENT"},
    "tr": {"LDIAM", "LPERP", "VOLUME", "TUMSTATE", "SUMDIAM"},
    "rs": {"TRGRESP", "NTRGRESP", "NEWLPROG", "OVRLRESP", "BESTRESP"},
}
ANSWERS = {
    "CR", "PR", "SD", "PD", "NE", "NON-CR/NON-PD", "iCR", "iPR", "iSD", "iUPD", "iCPD", "NON-iCR/NON-iUPD",
    "EQUIVOCAL", "UNEQUIVOCAL",
}  # fmt: skip


@pytest.fixture(scope="module")
def patients() -> tuple[Patient, ...]:
    return read_study(EXAMPLE)


def tables(patients: tuple[Patient, ...], identifiers: bool = False, **protocol: Any) -> dict[str, Rows]:
    rules = Protocol(immune=True, **protocol)
    return sdtm_tables(patients, judge(patients, VOLUME, rules), identifiers=identifiers)


def of(rows: Rows, **values: Any) -> Rows:
    return [row for row in rows if all(row[name] == value for name, value in values.items())]


def test_the_long_table_has_every_lesion_at_every_visit(patients: tuple[Patient, ...]) -> None:
    rows = lesion_rows(patients)
    assert Counter(row["role"] for row in rows) == {"target": 24, "non-target": 11, "new": 3}
    assert all(list(row) == list(rows[0]) for row in rows)
    (first, *_) = of(rows, patient="patient 1", lesion="liver 1")
    assert (first["diameter_mm"], first["short_axis_mm"], first["volume_ml"], first["mean_hu"]) == (
        40,
        31,
        21,
        62,
    )
    assert (first["organ"], first["site"], first["reader"], first["modality"]) == (
        "liver",
        "segment VI",
        "reader 1",
        "CT",
    )
    states = [row["state"] for row in of(rows, patient="patient 1", lesion="liver 2")]
    assert states == ["measured", "too small to measure", "gone", "gone"]
    (split,) = of(rows, patient="patient 1", lesion="liver 1", day=56)
    assert (split["flags"], split["diameter_mm"]) == ("split", 29)
    (lost,) = of(rows, patient="patient 1", lesion="node 1", day=112)
    assert (lost["state"], lost["reason"], lost["diameter_mm"]) == ("not evaluable", "motion", None)
    (merged,) = of(rows, patient="patient 3", lesion="liver 2", day=56)
    assert (merged["state"], merged["merged_into"], merged["diameter_mm"]) == ("merged", "liver 1", None)
    (new,) = of(rows, patient="patient 3", role="new")
    assert (new["equivocal"], new["diameter_mm"]) == (True, 6)


def test_of_a_node_the_short_axis_counts_and_the_other_axis_stands_beside(
    patients: tuple[Patient, ...],
) -> None:
    (node,) = of(lesion_rows(patients), lesion="node 1", day=0)
    assert (node["diameter_mm"], node["short_axis_mm"], node["longest_diameter_mm"]) == (18, 18, 27)


def test_names_and_dates_appear_when_they_are_asked_for(patients: tuple[Patient, ...]) -> None:
    hidden = f"{lesion_rows(patients)}{tables(patients)}"
    assert "EX-00" not in hidden
    assert "2031" not in hidden
    shown = lesion_rows(patients, identifiers=True)
    assert (shown[0]["patient"], shown[0]["date"]) == ("EX-001", "2031-01-06")
    tu, tr, rs = tables(patients, identifiers=True).values()
    assert (tu[0]["USUBJID"], tu[0]["TUDTC"], tr[0]["TRDTC"]) == ("EX-001", "2031-01-06", "2031-01-06")
    assert rs[0]["RSDTC"] == "2031-03-03"


@pytest.mark.parametrize("name", ["tu", "tr", "rs"])
def test_domains_have_their_codes_and_number_their_records(patients: tuple[Patient, ...], name: str) -> None:
    rows, prefix = tables(patients)[name], name.upper()
    assert {row[f"{prefix}TESTCD"] for row in rows} == CODES[name]
    assert all(list(row) == list(rows[0]) for row in rows)
    assert {row["DOMAIN"] for row in rows} == {prefix}
    assert {row["STUDYID"] for row in rows} == {"EXAMPLE-1"}
    for patient in {row["USUBJID"] for row in rows}:
        numbers = [row[f"{prefix}SEQ"] for row in of(rows, USUBJID=patient)]
        assert numbers == list(range(1, len(numbers) + 1))
    assert all(len(row[f"{prefix}TESTCD"]) <= 8 and len(row[f"{prefix}TEST"]) <= 40 for row in rows)


def test_every_lesion_is_identified_once_and_every_measurement_has_its_lesion(
    patients: tuple[Patient, ...],
) -> None:
    found = tables(patients)
    links = [(row["USUBJID"], row["TULNKID"]) for row in found["tu"]]
    assert len(links) == len(set(links)) == 12
    assert {(row["USUBJID"], row["TRLNKID"]) for row in found["tr"] if row["TRLNKID"]} == set(links)
    (new,) = of(found["tu"], USUBJID="patient 2", TULNKID="NEW01")
    assert (new["TUORRES"], new["TULOC"], new["VISIT"], new["TUMETHOD"]) == (
        "NEW",
        "LIVER",
        "DAY 56",
        "CT SCAN",
    )
    assert of(found["tu"], USUBJID="patient 1", TULNKID="T03")[0]["TULOC"] == "LYMPH NODE"


def test_measurements_say_small_missing_and_merged_as_cdisc_does(patients: tuple[Patient, ...]) -> None:
    tr = tables(patients)["tr"]
    (small,) = of(tr, USUBJID="patient 1", TRLNKID="T02", VISIT="DAY 56", TRTESTCD="LDIAM")
    assert (small["TRORRES"], small["TRSTRESC"], small["TRSTRESN"]) == ("TOO SMALL TO MEASURE", "5", 5)
    (lost,) = of(tr, USUBJID="patient 1", TRLNKID="T03", VISIT="DAY 112")
    assert (lost["TRTESTCD"], lost["TRSTAT"], lost["TRREASND"], lost["TRORRES"]) == (
        "LPERP",
        "NOT DONE",
        "MOTION",
        "",
    )
    (merged,) = of(tr, USUBJID="patient 3", TRLNKID="T02", VISIT="DAY 56")
    assert (merged["TRSTAT"], merged["TRREASND"]) == ("NOT DONE", "TUMOR MERGED")
    sums = {row["VISIT"]: row["TRSTRESN"] for row in of(tr, USUBJID="patient 1", TRTESTCD="SUMDIAM")}
    assert sums == {"BASELINE": 78, "DAY 56": 43, "DAY 168": 32}
    states = [row["TRORRES"] for row in of(tr, USUBJID="patient 3", TRTESTCD="TUMSTATE")]
    assert states == ["PRESENT", "PRESENT", "UNEQUIVOCAL PROGRESSION", "EQUIVOCAL"]
    volumes = of(tr, TRTESTCD="VOLUME")
    assert {row["TRSTRESU"] for row in volumes} == {"mL"}


def test_responses_use_the_words_of_the_codelist(patients: tuple[Patient, ...]) -> None:
    rs = tables(patients)["rs"]
    assert {row["RSSTRESC"] for row in rs} <= ANSWERS
    assert {row["RSCAT"] for row in rs} == {"RECIST 1.1", "iRECIST"}
    overall = {
        category: [row["RSORRES"] for row in of(rs, USUBJID="patient 3", RSTESTCD="OVRLRESP", RSCAT=category)]
        for category in ("RECIST 1.1", "iRECIST")
    }
    assert overall == {"RECIST 1.1": ["PD", "PD"], "iRECIST": ["iUPD", "iCPD"]}
    best = [row["RSORRES"] for row in of(rs, RSTESTCD="BESTRESP", RSCAT="RECIST 1.1")]
    assert best == ["PR", "PD", "PD", "SD"]
    (first, *_) = of(rs, USUBJID="patient 1", RSTESTCD="NTRGRESP")
    assert first["RSORRES"] == "NON-CR/NON-PD"


def test_tests_are_named_as_the_codelists_have_them(patients: tuple[Patient, ...]) -> None:
    """C96782 and C96781, C96779 and C96778, C96784 and C96783."""
    found = tables(patients)
    named = {
        row[f"{one}TESTCD"]: row[f"{one}TEST"] for one in ("TU", "TR", "RS") for row in found[one.lower()]
    }
    assert named == {
        "TUMIDENT": "Tumor Identification", "LDIAM": "Longest Diameter", "LPERP": "Longest Perpendicular",
        "VOLUME": "Volume", "TUMSTATE": "Tumor State", "SUMDIAM": "Sum of Diameter", "TRGRESP": "Target Response",
        "NTRGRESP": "Non-target Response", "NEWLPROG": "New Lesion Progression", "OVRLRESP": "Overall Response",
        "BESTRESP": "Best Overall Response",
    }  # fmt: skip


def written(folder: Path, *visits: dict[str, Any], **more: Any) -> tuple[Patient, ...]:
    path = folder / "study.json"
    content = {"targets": [{"name": "t", "organ": "liver"}], "visits": visits}
    path.write_text(json.dumps(content | more))
    return read_study(path)


def visit(day: int, mm: float, **more: Any) -> dict[str, Any]:
    return {"date": day, "targets": {"t": {"diameter_mm": mm}}} | more


def test_non_targets_that_are_back_after_cr_are_pd_as_table_1_has_it(tmp_path: Path) -> None:
    later = (visit(56, 0, non_targets="CR"), visit(112, 0, non_targets="non-CR/non-PD"))
    rs = of(tables(written(tmp_path, visit(0, 30), *later))["rs"], RSCAT="RECIST 1.1", VISIT="DAY 112")
    assert {row["RSTESTCD"]: row["RSORRES"] for row in rs} == {
        "TRGRESP": "CR",
        "NTRGRESP": "PD",
        "OVRLRESP": "PD",
    }


def test_a_new_lesion_that_was_confirmed_later_is_unequivocal_where_it_makes_pd(tmp_path: Path) -> None:
    later = (visit(56, 30, new_lesion="equivocal"), visit(112, 30, new_lesion="yes"))
    rs = of(tables(written(tmp_path, visit(0, 30), *later))["rs"], RSCAT="RECIST 1.1", VISIT="DAY 56")
    found = {row["RSTESTCD"]: row["RSORRES"] for row in rs}
    assert (found["NEWLPROG"], found["OVRLRESP"]) == ("UNEQUIVOCAL", "PD")


@pytest.mark.parametrize(
    ("modality", "method"),
    [
        ("CT", "CT SCAN"),
        ("MR", "MRI"),
        ("PET/CT", "PET/CT SCAN"),
        ("PET-CT scan", "PET/CT SCAN"),
        ("pt", "PET SCAN"),
        ("US", "ULTRASOUND"),
        ("DX", "X-RAY"),
        ("palpation", "PALPATION"),
        ("", ""),
    ],
)
def test_methods_are_cdiscs_terms(tmp_path: Path, modality: str, method: str) -> None:
    tr = tables(written(tmp_path, visit(0, 30, modality=modality), visit(56, 30)))["tr"]
    assert of(tr, VISIT="BASELINE", TRTESTCD="LDIAM")[0]["TRMETHOD"] == method


def test_a_trial_without_a_name_is_told(tmp_path: Path, patients: tuple[Patient, ...]) -> None:
    (told,) = sdtm_doubts(written(tmp_path, visit(0, 30)))
    assert told.startswith("STUDYID of 1 of 1 patients is empty: SDTM requires it")
    assert sdtm_doubts(patients) == []


def test_redcap_says_which_visit_and_into_what_a_lesion_has_merged(tmp_path: Path) -> None:
    two = [{"name": name, "organ": "liver"} for name in ("t", "u")]
    first = {"date": "2031-01-06", "targets": {"t": {"diameter_mm": 30}, "u": {"diameter_mm": 20}}}
    later = {"date": "2031-03-03", "targets": {"t": {"diameter_mm": 50}, "u": {"merged_into": "t"}}}
    patients = written(tmp_path, first, later, targets=two)
    for identifiers, date in ((True, "2031-03-03"), (False, "")):
        data = redcap_tables(patients, judge(patients, VOLUME), identifiers)["redcap_data"]
        (response,) = of(data, redcap_repeat_instrument="response")
        assert (response["rsp_visit"], response["rsp_day"], response["rsp_date"]) == (2, 56, date)
        (merged,) = of(data, les_name="u", les_visit=2)
        assert (merged["les_state"], merged["les_merged_into"]) == ("merged", "t")
    dictionary = redcap_tables(patients, judge(patients, VOLUME), True)["redcap_dictionary"]
    secret = {row["Variable / Field Name"] for row in dictionary if row["Identifier?"]}
    assert secret == {"record_id", "les_date", "rsp_date"}


@pytest.mark.parametrize(
    ("sizes", "bars"),
    [
        ((50, 60, 15), ["patient 1: +20%, PD"]),
        ((50, 40, 60, 15), ["patient 1: -20%, SD"]),
        ((50, 40, 15), ["patient 1: -70%, PR"]),
    ],
)
def test_the_best_change_ends_with_progression(
    tmp_path: Path, sizes: tuple[int, ...], bars: list[str]
) -> None:
    patients = written(tmp_path, *(visit(56 * n, mm) for n, mm in enumerate(sizes)))
    _, waterfall, _, spider = plots(judge(patients, VOLUME))
    assert re.findall("<title>(patient.*?)</title>", waterfall) == bars
    assert "polyline" in spider


def test_a_pr_that_is_kept_is_the_protocols_own_rule(patients: tuple[Patient, ...]) -> None:
    rs = tables(patients, keeps_response=True)["rs"]
    assert {row["RSCAT"] for row in rs} == {"PROTOCOL DEFINED RESPONSE CRITERIA"}
    assert {row["RSSCAT"] for row in rs} == {"RECIST 1.1, PR until PD", "iRECIST, PR until PD"}


def test_independent_assessors_are_named(patients: tuple[Patient, ...]) -> None:
    found = sdtm_tables(patients, judge(patients, VOLUME), "INDEPENDENT ASSESSOR")
    assert {row["TREVAL"] for row in found["tr"]} == {"INDEPENDENT ASSESSOR"}
    assert {row["TREVALID"] for row in of(found["tr"], USUBJID="patient 1")} == {"READER 1", "READER 2"}


def test_rates_of_each_cohort_and_of_all(patients: tuple[Patient, ...]) -> None:
    rates = rates_of(judge(patients, VOLUME, Protocol(immune=True)))
    found = {(row["cohort"], row["criteria"]): row for row in rates_rows(rates)}
    counts = {key: (row["patients"], row["orr_count"], row["dcr_count"]) for key, row in found.items()}
    assert counts == {
        ("A", "RECIST 1.1"): (2, 1, 1),
        ("A", "iRECIST"): (2, 2, 2),
        ("A", "volume"): (2, 1, 1),
        ("B", "RECIST 1.1"): (2, 0, 1),
        ("B", "iRECIST"): (2, 0, 1),
        ("all", "RECIST 1.1"): (4, 1, 2),
        ("all", "iRECIST"): (4, 2, 3),
        ("all", "volume"): (2, 1, 1),
    }
    assert found["all", "RECIST 1.1"]["time_to_progression_days"] == 56
    page = rates_section(rates)
    assert "1 of 4, 25% (1% to 81%)" in page
    assert "not reached (0 with, 1 without)" in page


def test_a_lesion_that_nobody_listed_is_a_target_alone() -> None:
    patient = read_study(EXAMPLE)[3]
    assert patient.study.targets == (Target("adrenal 1", "adrenal gland", site="left"),)
    assert patient.study.baseline.targets["adrenal 1"] == TargetValue(30.0)
    assert Counter(row["role"] for row in lesion_rows([patient])) == {"target": 3}


def test_redcap_has_a_record_a_patient_and_repeating_instruments(patients: tuple[Patient, ...]) -> None:
    courses = judge(patients, VOLUME)
    tables = redcap_tables(patients, courses)
    data, dictionary = tables["redcap_data"], tables["redcap_dictionary"]
    counts = Counter(row["redcap_repeat_instrument"] for row in data)
    assert counts == {"": 4, "lesion": 38, "response": sum(len(course.visits) for course in courses)}
    (first, second, *_) = of(data, record_id="patient 1", redcap_repeat_instrument="lesion")
    assert (first["redcap_repeat_instance"], second["redcap_repeat_instance"]) == (1, 2)
    assert (first["les_name"], first["les_diameter_mm"], first["les_node"]) == ("liver 1", 40, 0)
    assert (first["rsp_overall"], first["cohort"]) == (None, None)
    (response, *_) = of(data, record_id="patient 1", redcap_repeat_instrument="response")
    assert (response["rsp_criteria"], response["rsp_overall"], response["les_name"]) == (
        "RECIST 1.1",
        "PR",
        None,
    )
    # REDCap refuses a column that its dictionary does not have
    names = [row["Variable / Field Name"] for row in dictionary]
    assert set(data[0]) - {"redcap_repeat_instrument", "redcap_repeat_instance"} == set(names)
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,25}", name) for name in names)
    assert names[0] == "record_id"


def test_intervals_of_a_report_are_in_the_long_table(tmp_path: Path) -> None:
    limits = {
        "volume_low_ml": 9.0, "volume_high_ml": 15.0, "longest_diameter_low_mm": 27.0,
        "longest_diameter_high_mm": 33.0, "short_axis_low_mm": 18.0, "short_axis_high_mm": 24.0,
    }  # fmt: skip
    (row, _) = lesion_rows([study(tmp_path, [tumor(**limits)], [tumor()])])
    assert [row[f"diameter_{end}_mm"] for end in ("low", "high")] == [27, 33]
    assert [row[f"volume_{end}_ml"] for end in ("low", "high")] == [9, 15]
    (row, later) = lesion_rows([study(tmp_path, [tumor(**limits)], [tumor()], node=True)])
    assert (row["diameter_low_mm"], later["diameter_low_mm"]) == (18, None)


def test_categories_that_were_not_found_published_are_the_protocols_own(
    patients: tuple[Patient, ...],
) -> None:
    rows = tables(patients, density=False)["rs"]
    assert {(row["RSCAT"], row["RSSCAT"]) for row in rows} == {("RECIST 1.1", ""), ("iRECIST", "")}
    kept = tables(patients, keeps_response=True)["rs"]
    assert {(row["RSCAT"], row["RSSCAT"]) for row in kept} == {
        ("PROTOCOL DEFINED RESPONSE CRITERIA", "RECIST 1.1, PR until PD"),
        ("PROTOCOL DEFINED RESPONSE CRITERIA", "iRECIST, PR until PD"),
    }
