"""The prior visit is shown where the scan is: the same place of the body under the same pixel, masks with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError
from lite_ensam.core.grid import Grid
from lite_ensam.core.types import Float64Array
from lite_ensam.widgets import explore, prior_visit
from lite_ensam.widgets.planes import planes_of
from lite_ensam.widgets.prior_visit import PriorVisit
from lite_ensam.widgets.segmenter import LesionSegmenter
from lite_ensam.widgets.slabs import Slab
from tests.unit.widgets.conftest import SphereEngine


def laid(monkeypatch: pytest.MonkeyPatch, transform: Float64Array) -> None:
    """Let the registration find this."""
    monkeypatch.setattr(prior_visit, "register", lambda *_: transform)


def moved(case: Case, matrix: Float64Array) -> Grid:
    """The scan's grid where another visit's table stood."""
    return Grid.from_affine(case.ct.shape, matrix @ case.grid.affine)


@pytest.fixture
def shift() -> Float64Array:
    matrix = np.eye(4)
    matrix[:3, 3] = (30.0, -12.0, 200.0)
    return matrix


def test_a_scan_that_was_moved_lies_on_itself(
    case: Case, engine: SphereEngine, monkeypatch: pytest.MonkeyPatch, shift: Float64Array
) -> None:
    laid(monkeypatch, shift)
    prior = LesionSegmenter(case.ct, moved(case, shift), hu=True)
    visit = PriorVisit(prior, case.marks, case.ct, case.grid)
    assert {row["label"] for row in visit.results()} == {mark.label for mark in case.marks}
    for number, plane in enumerate(planes_of(case.grid)):
        index = plane.n_slices // 2
        np.testing.assert_allclose(visit.values(plane, index), case.ct.take(index, axis=number), atol=0.1)
        patch = visit.label_patch(plane, case.marks[0].slice_index if number == 0 else index)
        assert patch is not None
    axial = planes_of(case.grid)[0]
    z = case.marks[0].slice_index
    patch = visit.label_patch(axial, z)
    assert patch is not None
    own = prior.labels[z]
    rows, columns = (slice(a, a + n) for a, n in zip(patch.start, patch.codes.shape, strict=True))
    np.testing.assert_array_equal(patch.codes > 0, own[rows, columns] > 0)
    assert (patch.codes > 0).sum() == (own > 0).sum() > 0
    slab = visit.values(axial, z, Slab("max", 3 * case.grid.spacing_mm[0]))
    np.testing.assert_allclose(slab, case.ct[z - 1 : z + 2].max(axis=0), atol=0.1)
    assert visit.value((z, 5, 6)) == pytest.approx(float(case.ct[z, 5, 6]), abs=0.1)


def test_where_the_prior_scan_ends_there_is_air(
    case: Case, engine: SphereEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid(monkeypatch, np.eye(4))
    short = Grid.from_affine((8, *case.ct.shape[1:]), case.grid.affine)
    visit = PriorVisit(LesionSegmenter(case.ct[:8], short, hu=True), (), case.ct, case.grid)
    axial = planes_of(case.grid)[0]
    np.testing.assert_allclose(visit.values(axial, 7), case.ct[7], atol=0.1)
    assert (visit.values(axial, 9) == -1024).all()
    assert visit.label_patch(axial, 7) is None, "no lines, no masks"


def test_it_is_interpolated_between_its_slices(
    case: Case, engine: SphereEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = np.eye(4)
    half[2, 3] = 0.5 * case.grid.affine[2, 2]  # half a slice up
    laid(monkeypatch, half)
    visit = PriorVisit(LesionSegmenter(case.ct, case.grid, hu=True), (), case.ct, case.grid)
    expected = (case.ct[6].astype(float) + case.ct[7]) / 2
    np.testing.assert_allclose(visit.values(planes_of(case.grid)[0], 6), expected, atol=0.1)


def test_explore_shows_it_beside_the_scan(
    case: Case, engine: SphereEngine, monkeypatch: pytest.MonkeyPatch, shift: Float64Array
) -> None:
    laid(monkeypatch, shift)
    prior = case.ct, moved(case, shift)
    viewer = explore(case, prior=prior, prior_marks=case.marks[:1]).viewer
    assert [row["label"] for row in viewer._scan["prior"]] == [case.marks[0].label]
    sent: list[tuple[dict[str, Any], list[bytes]]] = []
    monkeypatch.setattr(viewer, "send", lambda message, buffers=None: sent.append((message, buffers or [])))
    z = case.marks[0].slice_index
    ask = {"kind": "slices", "id": "a", "window": [-160, 240], "slab": None, "wants": [[3, z, True]]}
    viewer._on_message(viewer, ask, [])
    message, (image, codes) = sent[-1]
    assert message["slices"][0]["patch"]["labels"] == (case.marks[0].label,)
    assert (len(image), len(codes) > 0) == (case.ct[z].size, True)
    viewer._on_message(viewer, {"kind": "value", "zyx": [z, 3, 4], "visit": 1}, [])
    assert sent[-1][0]["value"] == pytest.approx(float(case.ct[z, 3, 4]), abs=0.1)
    viewer.close()
    viewer._on_message(viewer, ask, [])
    assert "closed" in viewer.error


def test_without_a_prior_visit_its_planes_are_refused(case: Case, engine: SphereEngine) -> None:
    viewer = explore(case).viewer
    assert viewer._scan["prior"] is None
    viewer._on_message(
        viewer, {"kind": "slices", "id": "a", "window": [0, 1], "slab": None, "wants": [[3, 1, True]]}, []
    )
    assert "wants must be at most 64 lists of plane (0 to 2)" in viewer.error


def test_another_patient_is_refused(case: Case, engine: SphereEngine) -> None:
    pytest.importorskip("SimpleITK", reason="SimpleITK is not installed (extra register)")
    noise = np.random.default_rng(0).normal(0, 300, (40, 64, 64)).astype(np.int16)
    with pytest.raises(CaseError):
        explore(case, prior=(noise, Grid.from_spacing(noise.shape, (3.0, 3.0, 3.0))), prior_marks=())
