"""Masks as RTSTRUCT: outlines that give the mask back, on any slices, and no error of dciodvfy."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lite_ensam.core.errors import OutputError
from lite_ensam.core.grid import Grid
from lite_ensam.io import write_contours
from lite_ensam.io.dicom import build_rtstruct, read_roi, read_roi_names
from lite_ensam.io.dicom.contours import outlines
from lite_ensam.io.dicom.polygons import enclosed, fill
from tests.unit.io.dicom.test_output import SHAPES, series, tumors


@given(arrays(np.bool_, st.tuples(st.integers(1, 7), st.integers(1, 7))))
def test_outlines_enclose_exactly_the_mask(mask: np.ndarray) -> None:
    filled = np.zeros_like(mask)
    for polygon in outlines(mask):
        filled ^= fill(polygon, mask.shape)
        steps = np.roll(polygon, -1, axis=0) - polygon
        assert ((steps != 0).sum(axis=1) == 1).all()  # along rows and columns, and no corner is in vain
        assert (steps[:, 0] != 0).tolist() != (np.roll(steps, 1, axis=0)[:, 0] != 0).tolist()
    np.testing.assert_array_equal(filled, mask)
    np.testing.assert_array_equal(enclosed(outlines(mask), mask.shape), mask)


@pytest.mark.parametrize("shape", ["axial", "tilted"])
def test_masks_come_back_exactly(tmp_path: Path, shape: str) -> None:
    source = series(tmp_path / "ct", **SHAPES[shape])
    labels, _ = tumors(source)
    labels[3, 4, 5] = 0  # a hole
    labels = source.volume_of_labels(source.slices_of(labels))
    write_contours(tmp_path / "rt.dcm", labels, source)
    assert read_roi_names(tmp_path / "rt.dcm") == ("tumor 7", "tumor 300")
    for label in (7, 300):
        np.testing.assert_array_equal(
            read_roi(tmp_path / "rt.dcm", f"tumor {label}", source), labels == label
        )
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian: dicom3tools)")
    said = subprocess.run(["dciodvfy", tmp_path / "rt.dcm"], capture_output=True, text=True)
    assert [line for line in said.stderr.splitlines() if line.startswith("Error")] == []


def test_what_has_no_contours_is_said(tmp_path: Path) -> None:
    source = series(tmp_path / "ct")
    labels, _ = tumors(source)
    with pytest.raises(OutputError, match="'none' has no voxel"):
        build_rtstruct(labels, source, {9: "none"})
    with pytest.raises(OutputError, match="needs at least one label"):
        write_contours(tmp_path / "rt.dcm", np.zeros_like(labels), source)
    with pytest.raises(OutputError, match="an RTSTRUCT needs the DICOM slices of its CT"):
        write_contours(
            tmp_path / "rt.dcm", labels, Grid.from_spacing(source.grid.shape_zyx, source.grid.spacing_mm)
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ct"]
