"""Pages: one file, well formed, nothing fetched, nothing unescaped, no name that was not asked for."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.figures.response_charts import Bar, Line, spider, waterfall
from lite_ensam.measurements import measure_case
from lite_ensam.measurements.flags import EMPTY
from lite_ensam.reporting import Patient, case_page, identifiers_of, judge, study_page
from lite_ensam.response import RECIST_1_1, VOLUME, Response, Study, Target, TargetValue, TimePoint
from tests.phantoms import ellipsoid_case

EVIL = '<script>alert("x")</script>'


class Balance(HTMLParser):
    """Raises on a tag that closes what is not open; knows what would be fetched."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = [value for name, value in attrs if name in ("src", "href", "data", "srcset") and value]
        self.fetched += [value for value in values if not value.startswith("data:")]
        assert tag not in ("script", "link", "iframe", "object")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def patients() -> tuple[Patient, ...]:
    def course(name: str, *mm: float) -> Patient:
        visits = [TimePoint(56 * n, {EVIL: TargetValue(one, one**3 / 2000, 1.0)}) for n, one in enumerate(mm)]
        return Patient(name, Study((Target(EVIL, "liver"),), tuple(visits)))

    return course(f"SECRET {EVIL}", 30, 18, 24), course("SECRET B", 30, 29)


def test_a_study_page_is_whole_and_anonymous() -> None:
    page = study_page(judge(patients(), VOLUME), "as agreed")
    assert Balance(page).fetched == []
    assert "Research use, not a medical device" in page
    assert "SECRET" not in page
    for text in ("By RECIST 1.1", "By volume", "patient 1", "patient 2", ">PR<", ">PD<", "-40%", "as agreed"):
        assert text in page
    assert page.count("<svg") == 4


def test_names_appear_when_asked_for_and_are_escaped() -> None:
    page = study_page(judge(patients(), VOLUME, identifiers=True), "")
    Balance(page)
    assert "SECRET B" in page
    assert "&lt;script&gt;" in page


def test_a_single_patient_shows_each_target() -> None:
    targets = (Target("liver 1", "liver"), Target("lung 1", "lung"))
    sizes = ((0, 20.0, 30.0), (56, 10.0, 33.0))
    visits = [TimePoint(day, {"liver 1": TargetValue(a), "lung 1": TargetValue(b)}) for day, a, b in sizes]
    page = study_page(judge([Patient("", Study(targets, tuple(visits)))], VOLUME), "")
    assert "By volume" not in page
    assert {"liver 1", "lung 1", "patient 1"} <= set(re.findall(r">([^<>]+)</text>", page))


def test_a_merged_target_has_no_line_of_its_own_after_it_merged() -> None:
    targets = (Target("liver 1", "liver"), Target("liver 2", "liver"))
    sizes = ((0, TargetValue(20.0)), (28, TargetValue(22.0)), (56, TargetValue(merged_into="liver 1")))
    visits = [TimePoint(day, {"liver 1": TargetValue(30.0), "liver 2": value}) for day, value in sizes]
    page = study_page(judge([Patient("", Study(targets, tuple(visits)))], VOLUME), "")
    points = re.findall(r'<polyline[^>]* points="([^"]+)"', page)
    assert sorted(len(one.split()) for one in points) == [2, 3, 3]  # liver 2, liver 1, the sum


def test_scans_notes_and_noise_are_on_the_page_of_a_study() -> None:
    first, second = patients()
    noisy = {EVIL: TargetValue(20.0, 4.0, 2.0, 0.5)}
    study = Study(
        first.study.targets, (TimePoint(0, noisy), TimePoint(56, {EVIL: TargetValue(22.0, 4.1, 2.0)}))
    )
    seen = Patient("SECRET", study, ("day 56: <seen>",), (("day 56", b"png"),))
    page = study_page(judge((seen, second), VOLUME), "")
    assert Balance(page).fetched == []
    assert page.count("Scans of patient") == page.count("data:image/png;base64,") == 1
    assert "day 56: &lt;seen&gt;" in page
    assert "Notes on patient 2" not in page
    assert f"±{1.96 * 2.0 * 2**0.5:.1f}" in page
    assert "no change beyond the noise of measuring" in page


def test_a_case_page_holds_pictures_numbers_and_flags() -> None:
    case = ellipsoid_case()
    case = Case(case.ct, case.grid, case.marks, case.reference, "SECRET", hu=True)
    assert case.reference is not None
    labels = case.reference.copy()
    labels[labels == 2] = 0
    rows = measure_case(case, labels)
    assert rows[1].flags == (EMPTY,)
    assert rows[0].all_numbers()["grey_unit"] == "HU"
    assert rows[0].all_numbers()["grey_mean"] == pytest.approx(60, abs=2)
    page = case_page(case, labels, rows)
    assert Balance(page).fetched == []
    assert "SECRET" not in page
    assert "data:image/png;base64," in page
    assert EMPTY.sentence in page
    assert "SECRET" in case_page(case, labels, rows, identifiers=True)
    assert identifiers_of(case) == {"Case": "SECRET"}


def test_a_page_of_many_tumours_shows_the_first_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lite_ensam.reporting.case_report._MOST_PICTURES", 1)
    case = ellipsoid_case()
    assert case.reference is not None
    page = case_page(case, case.reference, measure_case(case, case.reference))
    assert "The first 1; 1 more are in the table." in page
    assert page.count("<tr>") == 3


def numbers(svg: str, tag: str, name: str) -> list[float]:
    return [float(one.attrib[name]) for one in ElementTree.fromstring(svg).iter(tag) if name in one.attrib]


def test_bars_fall_in_order_and_grow_with_the_change() -> None:
    bars = [Bar("a", -0.5, Response.PR), Bar("b", 0.25, Response.PD), Bar("c", -0.25, Response.SD)]
    svg = waterfall(bars, RECIST_1_1)
    titles = [one.text for one in ElementTree.fromstring(svg).iter("title")][1:]
    assert titles == ["b: +25%, PD", "c: -25%, SD", "a: -50%, PR"]
    heights = numbers(svg, "rect", "height")[:3]
    np.testing.assert_allclose(np.array(heights) / heights[0], [1, 1, 2], rtol=0.01)


def test_many_bars_and_huge_growth_stay_inside() -> None:
    svg = waterfall([Bar(f"patient {n}", 9.0, Response.PD) for n in range(40)], VOLUME)
    assert min(numbers(svg, "rect", "y")) >= 0
    assert "+900%" in svg


def test_a_line_runs_through_its_points() -> None:
    svg = spider([Line("a", [(0, 0.0), (50, -0.5), (100, -0.25)])], RECIST_1_1)
    (line,) = ElementTree.fromstring(svg).iter("polyline")
    points = np.array([[float(x) for x in point.split(",")] for point in line.attrib["points"].split()])
    assert points[1, 0] - points[0, 0] == pytest.approx(points[2, 0] - points[1, 0], abs=0.2)
    assert points[1, 1] - points[0, 1] == pytest.approx(2 * (points[2, 1] - points[0, 1]), abs=0.3)
