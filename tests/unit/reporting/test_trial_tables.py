"""The long table of lesions, SDTM's TU, TR and RS, and rates of cohorts, on the example study that ships."""

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
