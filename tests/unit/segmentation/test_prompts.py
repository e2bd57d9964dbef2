"""The network sees what a mark says beyond its line, and mends its own mask by points."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from lite_ensam.core.case import Case
from lite_ensam.core.errors import MarkError
from lite_ensam.core.patch_config import LINE_CHANNELS, PROMPT_CHANNELS, PatchConfig
from lite_ensam.core.recist import RecistMark
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.segmentation import predictor
from lite_ensam.segmentation.api import with_prompts
from lite_ensam.segmentation.channels import prepare_lesion
from lite_ensam.segmentation.predictor import Predictor

CONFIG = PatchConfig(side_voxels=24, end_margin_voxels=0.5, channels=LINE_CHANNELS + PROMPT_CHANNELS)
AT = {name: number for number, name in enumerate(CONFIG.channels)}


class BallEngine:
    """Says "tumour" within half a line of the middle; remembers what it was shown."""

    def __init__(self, config: PatchConfig = CONFIG) -> None:
        self.manifest = SimpleNamespace(patch=config, held_out_errors=None)
        self.shown: list[np.ndarray] = []

    def logits(self, values: np.ndarray, endpoints_zyx: np.ndarray) -> np.ndarray:
        self.shown.append(values[0].copy())
        z, y, x = np.indices(values.shape[2:])
        middle = endpoints_zyx[0].mean(axis=0)
        distance = np.linalg.norm(np.stack([z, y, x], axis=-1) - middle, axis=-1)
        radius = np.linalg.norm(np.subtract(*endpoints_zyx[0])) / 2
        return (radius - distance)[None].astype(np.float32)


@pytest.fixture(scope="module")
def case() -> Case:
    phantom = make_phantom()
    return replace(phantom, marks=phantom.marks[:1])


def told(case: Case, **known) -> Case:
    return replace(case, marks=(replace(case.marks[0], **known),))


def test_a_mark_with_nothing_else_shows_nothing_else_and_runs_once(case: Case) -> None:
    engine = BallEngine()
    labels = Predictor(engine).predict(case).labels
    assert len(engine.shown) == 1
    for name in PROMPT_CHANNELS:
        assert (engine.shown[0][AT[name]] == 0.5).all()
    narrow = BallEngine(replace(CONFIG, channels=LINE_CHANNELS))
    np.testing.assert_array_equal(Predictor(narrow).predict(case).labels, labels)
    np.testing.assert_array_equal(narrow.shown[0], engine.shown[0][: len(LINE_CHANNELS)])


def test_points_mend_the_mask_that_there_was_without_them(case: Case) -> None:
    z, y, x = (round(number) for number in case.marks[0].midpoint_zyx)
    marked = told(case, inside_zyx=((z, y, x),), outside_zyx=((z + 1, y + 3, x),))
    engine = BallEngine()
    labels = Predictor(engine).predict(marked).labels
    first, second = engine.shown
    assert (first[AT["clicks"]] == 0.5).all()
    assert (first[AT["last_mask"]] == 0.5).all()
    # a point between the patch's voxels is nowhere at its full height
    assert second[AT["clicks"]].max() > 0.65
    assert second[AT["clicks"]].min() < 0.35
    logits = BallEngine().logits(
        first[None], prepare_lesion(case, case.marks[0], CONFIG).endpoints_zyx[None]
    )[0]
    np.testing.assert_allclose(second[AT["last_mask"]], 1 / (1 + np.exp(-logits)), atol=1e-5)
    assert labels[z, y, x] == marked.marks[0].label
    assert labels[z + 1, y + 3, x] == 0


@pytest.mark.parametrize("known", [{}, {"first_slice": 36, "last_slice": 40}, {"outside_zyx": ((0, 0, 0),)}])
def test_a_tumour_that_the_network_hardly_knows_is_raised_whatever_else_is_given(
    case: Case, known: dict
) -> None:
    """Its logits fall by a tenth of one a voxel: its quintile is 0.25, and 0.75 is lacking."""

    class Unsure(BallEngine):
        def logits(self, values: np.ndarray, endpoints_zyx: np.ndarray) -> np.ndarray:
            return super().logits(values, endpoints_zyx) / 10

    unsure = Predictor(Unsure())
    marked = told(case, **known)
    tumor = unsure.predict_tumor(marked, marked.marks[0])
    assert tumor.added is not None
    raised = tumor.added[tuple(s // 2 for s in tumor.added.shape)]
    factor = 1 if marked.marks[0].outside_zyx else 2
    assert raised == pytest.approx(factor * 0.75, abs=0.01)  # 0.25 at the quintile
    measured = unsure.paint([tumor], marked).measure(marked.marks, marked.grid.spacing_mm)
    assert "hardly_known" in [flag.code for flag in unsure.with_confidence(measured, [tumor])[0].flags]
    (whole_scan,) = Predictor(Unsure(), crop="joint").predict(case).tumors
    assert whole_scan.added is None, "only cubes around one line were measured"
    assert not unsure.with_confidence(measured, [whole_scan])[0].has("hardly_known")


def test_the_mask_before_the_clicks_keeps_a_fifth_of_its_say(case: Case) -> None:
    class Moved(BallEngine):
        def logits(self, values: np.ndarray, endpoints_zyx: np.ndarray) -> np.ndarray:
            clicked = (values[0, AT["clicks"]] != 0.5).any()
            sure = 10 * super().logits(values, endpoints_zyx)  # of its line too: nothing is raised
            return sure + np.float32(3 * clicked)

    moved = Predictor(Moved())
    marked = told(case, inside_zyx=(case.marks[0].midpoint_zyx,))  # tumour already: no bell is added about it
    before, after = (moved.predict_tumor(case, one.marks[0]).logits for one in (case, marked))
    np.testing.assert_allclose(after[0] - before[0], 0.8 * 3, rtol=1e-5)


def test_each_click_runs_the_network_once_more(case: Case) -> None:
    engine = BallEngine()
    one = Predictor(engine)
    z, y, x = (round(number) for number in case.marks[0].midpoint_zyx)
    points: tuple[tuple[int, int, int], ...] = ()
    for clicks in range(4):
        fresh = BallEngine()
        for each in (one, Predictor(fresh)):
            each.predict(told(case, outside_zyx=points))
        assert len(engine.shown) == 1 + clicks
        np.testing.assert_array_equal(engine.shown[-1], fresh.shown[-1])
        points = (*points, (z, y + 2 + clicks, x))
    one.forget()
    one.predict(told(case, outside_zyx=points))
    assert len(engine.shown) == 6


@pytest.mark.parametrize("other", ["scan", "line", "slices"])
def test_a_click_on_something_else_keeps_nothing(case: Case, other: str) -> None:
    engine, fresh = BallEngine(), BallEngine()
    one = Predictor(engine)
    point = tuple(round(number) for number in case.marks[0].midpoint_zyx)
    one.predict(told(case, inside_zyx=(point,)))
    (start, (z, y, x)), inside = case.marks[0].endpoints_zyx, (point,)
    changed = {
        "scan": told(replace(case, ct=case.ct + np.int16(40)), inside_zyx=inside),
        "line": told(case, inside_zyx=inside, endpoints_zyx=(start, (z, y + 1, x))),
        "slices": told(case, inside_zyx=inside, first_slice=case.marks[0].slice_index - 1),
    }[other]
    for each in (one, Predictor(fresh)):
        each.predict(changed)
    assert len(engine.shown) == 4
    np.testing.assert_array_equal(engine.shown[-1], fresh.shown[-1])


def test_a_mirror_image_is_another_look(case: Case) -> None:
    engine = BallEngine()
    one = Predictor(engine)
    patch = prepare_lesion(case, case.marks[0], CONFIG)
    for axes, runs in (((), 1), ((2,), 2), ((2,), 2), ((), 3)):
        one.predict_patch(patch, axes)
        assert len(engine.shown) == runs


def test_a_mask_is_no_larger_than_its_axes_allow(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    (z, y, x), (_, other_y, other_x) = case.marks[0].endpoints_zyx
    middle = np.array([z, (y + other_y) / 2, (x + other_x) / 2])
    across = np.array([0, x - other_x, other_y - y]) / 8  # a short axis of a quarter of the line
    marked = told(case, short_axis_zyx=(tuple(middle - across), tuple(middle + across)))
    held = np.count_nonzero(Predictor(BallEngine()).predict(marked).labels)
    monkeypatch.setattr(predictor, "shrink_to_axes", lambda tumor: tumor)
    free = np.count_nonzero(Predictor(BallEngine()).predict(marked).labels)
    assert 0.2 < held / free < 0.9


def test_the_edge_needs_no_scipy(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    edge, readers = (
        Predictor(BallEngine(), border=border).predict(case).labels for border in ("edge", "readers")
    )
    assert edge.any()
    assert (edge != readers).any()


def test_slices_and_short_axis_are_shown_at_their_place(case: Case) -> None:
    mark = case.marks[0]
    first, last = mark.slice_index - 1, mark.slice_index + 1
    patch = prepare_lesion(case, replace(mark, first_slice=first, last_slice=last), CONFIG)
    beyond = patch.values[AT["slice_range"]][:, 0, 0]
    for z, expected in ((first - 2, 1), (first, 0), (mark.slice_index, 0), (last, 0), (last + 2, 1)):
        place = round(float(patch.placement.to_patch((z, 0, 0))[0]))
        assert beyond[place] == pytest.approx(expected, abs=1e-6), z
    alone = prepare_lesion(case, replace(mark, last_slice=last), CONFIG).values[AT["slice_range"]][:, 0, 0]
    assert alone[0] == 0.5, "nobody knows where it begins"
    assert alone[-1] == 1

    (z, ay, ax), (_, by, bx) = mark.endpoints_zyx
    middle, across = np.array(mark.midpoint_zyx), np.array([0, bx - ax, ay - by]) / 4
    short = RecistMark(mark.label, mark.endpoints_zyx, short_axis_zyx=(middle - across, middle + across))
    patch = prepare_lesion(case, short, CONFIG)
    shown = patch.values[AT["short_axis"]]
    for share, low, high in ((0.0, 0.9, 1.0), (0.6, 0.5, 0.75), (1.3, 0.2, 0.5), (3.0, 0.0, 0.0)):
        for sign in (-1, 1):
            place = np.rint(patch.placement.to_patch(middle + sign * share * across)).astype(int)
            if (place >= 0).all() and (place < 24).all():
                assert low <= shown[tuple(place)] <= high, share


def test_a_scan_stored_the_other_way_round_gives_the_same_mask(case: Case) -> None:
    z, y, x = (round(number) for number in case.marks[0].midpoint_zyx)
    marked = told(
        case, inside_zyx=((z, y + 2, x),), outside_zyx=((z, y, x + 4),), first_slice=z - 1, last_slice=z + 3
    )
    labels = Predictor(BallEngine()).predict(marked).labels
    turned = marked.flipped((True, False, True))
    again = Predictor(BallEngine()).predict(turned).labels
    assert labels.any()
    np.testing.assert_array_equal(np.flip(again, (0, 2)), labels)


def test_a_table_of_prompts_is_refused_in_words() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    case = make_phantom()
    with pytest.raises(MarkError, match="prompts: must be prompts by label"):
        with_prompts(case.marks, pandas.DataFrame({"first_slice": [3]}), case.source)
    assert with_prompts(case.marks, None, case.source) == case.marks
