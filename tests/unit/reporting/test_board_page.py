"""The page for the tumour board: every lesion at every visit, responses, plots; nothing that was not asked for."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from lite_ensam.figures.response_charts import Lane, swimmer
from lite_ensam.reporting import Course, Patient, board_page, judge, read_study
from lite_ensam.response import VOLUME, Protocol, Response, Study, Target, TargetValue, TimePoint
from tests.unit.reporting.test_pages import EVIL, Balance
from tests.unit.reporting.test_study_lesions import EXAMPLE

Table = list[list[str]]


class Tables(HTMLParser):
    """Texts of the cells of each table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[Table] = []
        self._is_in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append("")
            self._is_in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td"):
            self._is_in_cell = False

    def handle_data(self, data: str) -> None:
        if self._is_in_cell:
            self.tables[-1][-1][-1] += data.replace("\u00a0", " ").replace("\u2011", "-")


def table_of(page: str, patient: int, title: str) -> Table:
    sheet = page.split(f"<h2>patient {patient}")[1].split("<h2>")[0]
    return next(one for one in Tables(sheet).tables if one[0][0] == title)


@pytest.fixture(scope="module")
def courses() -> tuple[Course, ...]:
    return judge(read_study(EXAMPLE), VOLUME, Protocol(immune=True))


def test_every_target_stands_at_every_visit_with_its_change(courses: tuple[Course, ...]) -> None:
    table = table_of(board_page(courses, "as agreed"), 1, "Targets")
    assert table[0] == ["Targets", "where", "baseline", "day 56", "day 112", "day 168"]
    assert table[1] == [
        "T01 liver 1", "liver, segment VI", "40.0 mm\n21.00 ml", "29.0 mm -28%\n3.30 ml\nsplit",
        "26.0 mm -35%\n5.20 ml", "24.0 mm -40%\n4.90 ml",
    ]  # fmt: skip
    assert table[2][3:] == ["5.0 mm -75%\n0.10 ml\ntoo small", "gone", "gone"]
    assert table[3][4] == "not evaluable\nmotion"


def test_sums_changes_and_responses_stand_below(courses: tuple[Course, ...]) -> None:
    page = board_page(courses, "as agreed")
    by_recist, immune, by_volume = table_of(page, 1, "Targets")[4:]
    assert by_recist == [
        "by RECIST 1.1", "sum, to baseline / to nadir", "78.0 mm", "PR\n43.0 mm\n-45% / -45%", "NE",
        "PR\n32.0 mm\n-59% / -26%",
    ]  # fmt: skip
    assert [row[0] for row in (immune, by_volume)] == ["by iRECIST", "by volume"]
    assert by_volume[3].startswith("PR\n4.3 ml")
    assert "Best response by iRECIST: iCPD on day 91, progression on day 56" in page
    assert "day 91: iCPD, targets have grown by 7.0 mm since iUPD" in page


def test_other_lesions_have_their_own_tables(courses: tuple[Course, ...]) -> None:
    page = board_page(courses, "as agreed")
    assert table_of(page, 1, "Non-targets")[2] == [
        "NT02 node 2", "lymph node, hilar, node", "present\n12.0 mm", "absent", "absent", "absent",
    ]  # fmt: skip
    assert table_of(page, 3, "Non-targets")[1][2:] == [
        "present",
        "present\nlarger",
        "unequivocal progression\nlarger",
    ]
    assert table_of(page, 2, "New lesions")[1][2:] == ["-", "new\n12.0 mm", "new\n11.0 mm"]
    assert table_of(page, 3, "New lesions")[1][2:] == ["-", "-", "equivocal\n6.0 mm"]
    assert table_of(page, 3, "Targets")[2][3] == "in liver 1"


def test_a_page_is_whole_and_says_who_and_when_only_if_asked(courses: tuple[Course, ...]) -> None:
    page = board_page(courses, "as agreed")
    assert Balance(page).fetched == []
    for hidden in ("EX-00", "2031"):
        assert hidden not in page
    assert page.count("<svg") == 9  # waterfall, spider and swimmer by three sets of criteria
    assert page.count('class="sheet"') == 4
    for text in ("Research use, not a medical device", "as agreed", "size: A4"):
        assert text in page
    named = judge(read_study(EXAMPLE), VOLUME, identifiers=True)
    shown = board_page(named, "", dates=True)
    assert "EX-001" in shown
    assert table_of(shown.replace("EX-001", "patient 1"), 1, "Targets")[0][3] == "day 56\n2031-03-03"


def test_names_are_escaped() -> None:
    visits = [TimePoint(56 * n, {EVIL: TargetValue(mm)}) for n, mm in enumerate((30.0, 20.0))]
    patient = Patient("", Study((Target(EVIL, EVIL, site=EVIL),), tuple(visits)), cohort=EVIL)
    page = board_page(judge([patient], VOLUME), EVIL)
    assert Balance(page).fetched == []
    assert "<script" not in page


def test_many_visits_go_into_several_tables_each_with_baseline() -> None:
    visits = [TimePoint(42 * n, {"t": TargetValue(30.0 - n)}) for n in range(15)]
    patient = Patient("", Study((Target("t", "liver"),), tuple(visits)))
    tables = [
        one for one in Tables(board_page(judge([patient], VOLUME), "")).tables if one[0][0] == "Targets"
    ]
    days = [one[0][2:] for one in tables]
    assert [len(one) for one in days] == [5, 5, 5, 3]
    assert all(one[0] == "baseline" for one in days)
    assert [day for one in days for day in one[1:]] == [f"day {42 * n}" for n in range(1, 15)]


def test_a_patient_without_follow_up_or_targets_has_a_sheet() -> None:
    single = Patient("", Study((Target("t", "liver"),), (TimePoint(0, {"t": TargetValue(30.0)}),)))
    rest = Patient(
        "", Study((), (TimePoint(0), TimePoint(56, non_targets=Response.CR)), has_non_targets=True)
    )
    page = board_page(judge([single, rest], VOLUME), "")
    Balance(page)
    assert table_of(page, 1, "Targets")[1][2] == "30.0 mm"
    assert "Best response by RECIST 1.1: CR on day 56" in page


def test_a_swimmer_has_a_lane_for_each_patient_the_longest_first() -> None:
    short = Lane("a", [(56, Response.PD)], Response.PD)
    long = Lane("b", [(56, Response.SD), (112, Response.PR)], Response.PR)
    svg = ElementTree.fromstring(swimmer([short, long]))
    titles = [one.text for one in svg.iter("title")][1:]
    assert titles == ["b: PR", "day 56: SD", "day 112: PR", "a: PD", "day 56: PD"]
    widths = [float(one.attrib["width"]) for one in svg.iter("rect") if "fill-opacity" in one.attrib]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.2)
    dots = [float(one.attrib["cx"]) for one in svg.iter("circle")]
    assert dots[0] == pytest.approx(dots[2])
    assert {"a", "b", "0", "56", "112"} <= set(re.findall(r">([^<>]+)</text>", swimmer([short, long])))
