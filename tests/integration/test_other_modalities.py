"""MR is not what the weights know: DICOM is refused, a file is noted, and the FAQ's way runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import MRImageStorage

import lite_ensam
from lite_ensam.core.case import Case
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.io.dicom import read_ct_series
from tests.integration.conftest import Run, Scan
from tests.unit.io.dicom.files import stored_volume, write_series

FAQ = (Path(__file__).resolve().parents[2] / "docs" / "faq.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def case() -> Case:
    return make_phantom()


@pytest.fixture(scope="module")
def mr(case: Case) -> np.ndarray:
    """The phantom in grey values without units, dark where there is air."""
    grey = np.clip((case.volume.astype(np.float32) + 1000.0) * 0.8, 0, 1800)
    return np.where(case.volume > -900, grey, 0).astype(np.uint16)


def test_a_folder_of_mr_is_refused_in_one_sentence_that_says_why(
    scan: Scan, run: Run, tmp_path: Path
) -> None:
    write_series(tmp_path / "mr", stored_volume(), Modality="MR", SOPClassUID=MRImageStorage)
    done = run("segment", tmp_path / "mr", "--marks", scan.marks, "-o", tmp_path / "mask.nii.gz")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert (
        "holds no DICOM file of a CT, only 5 x MR image, and the weights were trained on CT alone"
        in done.stderr
    )
    assert [path.name for path in tmp_path.iterdir()] == ["mr"]


def test_mr_beside_a_ct_is_passed_over_as_ever(tmp_path: Path) -> None:
    write_series(tmp_path, stored_volume())
    alone, _ = read_ct_series(tmp_path)
    write_series(tmp_path / "mr", stored_volume(), Modality="MR", SOPClassUID=MRImageStorage)
    ct, _ = read_ct_series(tmp_path)
    np.testing.assert_array_equal(ct, alone)


def test_an_array_that_may_be_mr_is_noted(case: Case, mr: np.ndarray) -> None:
    result = lite_ensam.segment(mr, case.marks, case.grid.spacing_mm)
    assert any("MR? The weights know CT alone" in note for note in result.report["notes"])


def test_the_way_that_the_faq_names_for_research_runs(case: Case, mr: np.ndarray) -> None:
    block = FAQ.split("## Can I use it on MR?")[1].split("```python\n")[1].split("```")[0]
    names = {
        "np": np,
        "lite_ensam": lite_ensam,
        "mr": mr,
        "marks": case.marks,
        "spacing_mm": case.grid.spacing_mm,
    }
    exec(block, names)
    grey, result = names["grey"], names["result"]
    assert isinstance(grey, np.ndarray)
    assert (grey.dtype, int(grey.min()), int(grey.max())) == (np.uint8, 0, 255)
    assert set(np.unique(result.labels)) == {0, 1, 2, 3}  # type: ignore[attr-defined]
