"""The paper's Tables 3 and 4: numbers where the paper has them, and the paper's own to the digit."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.types import Labels
from lite_ensam.evaluation import CaseResources, FlareScore, evaluate
from lite_ensam.reporting.paper_tables import PAPER_AVERAGE, PAPER_CASES, paper_table_3, paper_table_4

PAPER = Path(__file__).resolve().parents[4] / "shared" / "paper.txt"


def cells(table: str) -> list[list[str]]:
    rows = (line for line in table.splitlines() if line.startswith("|"))
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_table_3_has_percents_of_both_countings_and_the_papers_row() -> None:
    scores = [FlareScore(name, "result", 5, 0.7, 0.125, 0.65, 0.2) for name in ("FLARE24", "LETT-NeXt")]
    heads, _, flare24, lett_next, paper = cells(paper_table_3(scores))
    assert heads[-2:] == ["DSC (%)", "NSD (%)"]
    assert flare24 == ["result", "FLARE24", "5", "70.00 ± 12.50", "65.00 ± 20.00"]
    assert lett_next[1:] == ["LETT-NeXt", *flare24[2:]]
    assert paper[-2:] == ["76.06 ± 16.31", "78.99 ± 19.05"]


def test_table_3_of_a_folder_is_what_one_works_out_by_hand(tmp_path: Path) -> None:
    """Cubes of 1 mm: nothing that is off by one voxel is beyond the 2 mm of the NSD."""
    boxes, sheet = np.zeros((2, 8, 16, 32), np.uint8)
    boxes[2:6, 2:6, 2:6], boxes[2:6, 2:6, 20:28] = 1, 2  # 64 and 128 voxels
    sheet[4, 2:10, 2:12] = 1
    for name, gts in (("CT_Lesion_0001", boxes), ("CT_Lesion_0002", sheet)):
        np.savez(tmp_path / f"{name}.npz", imgs=gts * 50 + 60, gts=gts, spacing=np.ones(3))

    def segment(case: Case) -> Labels:
        """The second box as it is; the first a voxel aside, with 48 of its 64; the sheet in the next slice."""
        assert case.reference is not None
        moved = np.roll(case.reference == 1, 1, axis=2 if 2 in case.reference else 0)
        return np.where(moved, 1, 2 * (case.reference == 2)).astype(np.uint8)

    result = evaluate(tmp_path, segment, baselines=())
    flare24, lett_next = cells(paper_table_3(result.flare))[2:4]
    # one mask a case: 2 * (48 + 128) / (192 + 192) and 0; a DSC below 0.2 takes the sheet's NSD away
    assert flare24 == ["result", "FLARE24", "2", "45.83 ± 45.83", "50.00 ± 50.00"]
    # tumours first: (0.75 + 1) / 2 and 0
    assert lett_next == ["result", "LETT-NeXt", "2", "43.75 ± 43.75", "100.00 ± 0.00"]


def test_table_4_has_each_case_their_average_and_the_papers() -> None:
    taken = [
        CaseResources("s", "a", (55, 512, 512), 1, 0.5, 100.0, 41.0, 40.0),
        CaseResources("s", "b", (9, 8, 7), 2, 1.5, 3200.0, 61.0, 60.0),
    ]
    heads, _, first, second, average, *paper = cells(paper_table_4(taken))
    assert heads == ["Case ID", "Image Size", "Running Time (s)", "Max RAM (MB)", "Total RAM (MB s)"]
    assert first == ["a", "(55, 512, 512)", "0.50", "100", "40"]
    assert second == ["b", "(9, 8, 7)", "1.50", "3,200", "60"]
    assert average == ["Average", "", "1.00", "1,650", "50"]
    assert paper[0] == ["0001 (paper)", "(55, 512, 512)", "17.22", "3,994", "55,847"]
    assert paper[-1] == ["Average (paper)", "", "14.39", "4,742", "50,556"]


def test_the_papers_average_is_that_of_its_cases() -> None:
    means = [sum(column) / len(PAPER_CASES) for column in zip(*(row[2:] for row in PAPER_CASES), strict=True)]
    assert means == pytest.approx(PAPER_AVERAGE[2:], abs=0.5)


@pytest.mark.skipif(
    not PAPER.is_file(), reason="the paper's text is not at hand: its numbers are not compared"
)
def test_the_papers_cases_are_as_printed() -> None:
    printed = re.sub(r"[^0-9.\n]+", " ", PAPER.read_text().replace(",", "").replace("$\\!", ""))
    for case, shape, seconds, *_ in PAPER_CASES:
        assert f"{case} {' '.join(map(str, shape))} {seconds:.2f}" in printed
