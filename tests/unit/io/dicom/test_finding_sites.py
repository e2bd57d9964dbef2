"""Where a lesion lies goes along from a report to the mask and on, by its code."""

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from lite_ensam.core.coded_concept import CodedConcept
from lite_ensam.core.errors import MarkError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import read_label_map, read_marks, write_marks, write_mask
from lite_ensam.io.dicom import SeriesSource, build_report, build_segmentation, write_dataset
from lite_ensam.measurements import measure
from tests.unit.io.dicom.reports import LONG, code_item, group, number, scoord, text, uid_of, write_sr
from tests.unit.io.dicom.test_output import series

SITE, OLD_SITE = ("363698007", "SCT"), ("G-C0E3", "SRT")
LIVER, OLD_LUNG = CodedConcept("10200004", "SCT", "Liver"), CodedConcept("T-28000", "SRT", "Lung")


@pytest.fixture
def source(tmp_path: Path) -> SeriesSource:
    return series(tmp_path / "ct")


def site_item(concept: tuple[str, str], code: CodedConcept) -> Dataset:
    one = code_item(concept, code.value, code.meaning)
    one.ConceptCodeSequence[0].CodingSchemeDesignator = code.scheme
    return one


def line(source: SeriesSource, k: int) -> Dataset:
    return number(LONG, scoord(uid_of(source, k), [3.5, 4.5, 9.5, 4.5]))


def read(source: SeriesSource, folder: Path) -> tuple[RecistMark, ...]:
    """Lines of a report: two with a site, one with a reader's words, one with a code that lacks its scheme."""
    incomplete = site_item(SITE, LIVER)
    incomplete.ConceptCodeSequence[0].CodingSchemeDesignator = ""
    report = write_sr(
        folder / "sr.dcm",
        group(site_item(SITE, LIVER), line(source, 1)),
        group(site_item(OLD_SITE, OLD_LUNG), line(source, 2)),
        group(text("363698007", "near the dome"), line(source, 3)),
        group(code_item(SITE, "CORNERSTONEFREETEXT", "dome"), line(source, 4)),
        group(incomplete, line(source, 5)),
    )
    return read_marks(report, source)


def regions(path: Path) -> list[list[tuple[str, str, str]]]:
    return [
        [
            (code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning)
            for code in one.get("AnatomicRegionSequence", [])
        ]
        for one in pydicom.dcmread(path).SegmentSequence
    ]


def test_from_report_to_segmentation_to_report(tmp_path: Path, source: SeriesSource) -> None:
    marks = read(source, tmp_path)
    assert [mark.finding_site for mark in marks] == [LIVER, OLD_LUNG, None, None, None]
    labels = np.zeros(source.grid.shape_zyx, np.uint8)
    for mark in marks:
        labels[mark.slice_index, 4, 3:10] = mark.label
    expected = [[("10200004", "SCT", "Liver")], [("T-28000", "SRT", "Lung")], [], [], []]
    write_mask(tmp_path / "a.dcm", labels, source, marks=marks)
    assert regions(tmp_path / "a.dcm") == expected

    found = read_label_map(tmp_path / "a.dcm", source)
    write_mask(tmp_path / "b.dcm", found.labels, source, marks=found.lesions)
    assert regions(tmp_path / "b.dcm") == expected

    drawn = found.draw_marks(source.grid.spacing_mm)
    assert [mark.finding_site for mark in drawn] == [LIVER, OLD_LUNG, None, None, None]
    segmentation = build_segmentation(labels, source, drawn)
    measured = measure(labels, drawn, source.grid.spacing_mm)
    write_dataset(tmp_path / "own.dcm", build_report(segmentation, source, drawn, measured))
    again = read_marks(tmp_path / "own.dcm", source)
    assert [mark.finding_site for mark in again] == [LIVER, OLD_LUNG, None, None, None]


def test_marks_of_json_keep_it(tmp_path: Path, source: SeriesSource) -> None:
    write_marks(tmp_path / "marks.json", read(source, tmp_path), source)
    again = read_marks(tmp_path / "marks.json", source)
    assert [mark.finding_site for mark in again] == [LIVER, OLD_LUNG, None, None, None]


@pytest.mark.parametrize(
    ("site", "said"),
    [
        ("liver", "a code must be a mapping with value, scheme, meaning, got 'liver'"),
        ({"value": "10200004"}, "a code must be a mapping"),
        ({"value": "", "scheme": "SCT", "meaning": "Liver"}, "the value of a code must be a text of 1 to 64"),
        (
            {"value": "1", "scheme": "S" * 17, "meaning": "Liver"},
            "the scheme of a code must be a text of 1 to 16",
        ),
        ({"value": "1", "scheme": "SCT", "meaning": "a\\b"}, "the meaning of a code must be a text"),
        ({"value": 1, "scheme": "SCT", "meaning": "Liver"}, "the value of a code must be a text"),
    ],
)
def test_a_site_that_is_none(tmp_path: Path, site: object, said: str) -> None:
    grid = Grid.from_spacing((9, 9, 9), (3, 1, 1))
    entry = {"label": 1, "endpoints_zyx": [[1, 1, 1], [1, 1, 6]], "finding_site": site}
    (tmp_path / "marks.json").write_text(json.dumps({"marks": [entry]}))
    with pytest.raises(MarkError, match=f"mark number 1: {said}"):
        read_marks(tmp_path / "marks.json", grid)
