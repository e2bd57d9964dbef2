import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lite_ensam import _kernels
from tests.kernels import numpy_reference, strategies

# No halves: two voxels at one distance from the centre may come out unlike by rounding
centers = strategies.triples(st.sampled_from([-3.0, 0.0, 0.3, 1.9, 4.0, 5.2, 20.0]))
radii_mm = st.sampled_from([0.0, 0.4, 1.1, 3.3, 9.7])
small_shapes = strategies.shapes(min_side=1, max_side=7)
ONES = (1.0, 1.0, 1.0)


@given(
    shape_zyx=small_shapes,
    tumors=strategies.tumors(on_grid=True, min_size=1),
    center_zyx=centers,
    radius_mm=radii_mm,
    spacing_mm=strategies.spacings(),
    max_rounds=st.integers(0, 5),
)
def test_raise_sphere_matches_reference(shape_zyx, tumors, center_zyx, radius_mm, spacing_mm, max_rounds):
    label, logits, *box = tumors[-1]
    tumors = [*tumors[:-1], (label, logits - 7, *box)]  # 4 at most before: it wins nothing
    labels = _kernels.paint(shape_zyx, tumors)
    own = numpy_reference.logit_map(shape_zyx, tumors[-1])
    assume(np.isfinite(own).any())
    inside = numpy_reference.sphere(own, center_zyx, radius_mm, spacing_mm)
    expected = labels.copy()
    wanted = numpy_reference.recover_missing_tumor(expected, tumors, label, inside, 0.0, max_rounds)
    arguments = (labels, tumors, label, center_zyx, radius_mm, spacing_mm, 0.0, max_rounds)
    if wanted is None:
        with pytest.raises(ValueError, match=f"tumor {label} cannot be placed: each voxel of its sphere is"):
            _kernels.recover_missing_tumor(*arguments)
    else:
        assert _kernels.recover_missing_tumor(*arguments) == wanted
    np.testing.assert_array_equal(labels, expected)


@given(
    data=st.data(),
    shape_zyx=small_shapes,
    tumors=strategies.tumors(),
    threshold=st.sampled_from([0.0, 2.0]),
    spacing_mm=strategies.spacings(),
)
def test_every_tumor_is_present_and_no_competitor_vanishes(data, shape_zyx, tumors, threshold, spacing_mm):
    """Also one after the other: a tumor that was raised stays."""
    labels = _kernels.paint(shape_zyx, tumors, threshold)
    for label, *_ in [tumor for tumor in tumors if tumor[0] not in labels]:
        before = set(np.unique(labels)) - {0}
        own = numpy_reference.logit_map(shape_zyx, next(tumor for tumor in tumors if tumor[0] == label))
        center_zyx, radius_mm = data.draw(centers), data.draw(radii_mm)
        arguments = (labels, tumors, label, center_zyx, radius_mm, spacing_mm, threshold)
        if not np.isfinite(own).any():
            with pytest.raises(ValueError, match=f"the box of tumor {label} holds no voxel of the volume"):
                _kernels.recover_missing_tumor(*arguments)
            continue
        inside = numpy_reference.sphere(own, center_zyx, radius_mm, spacing_mm)
        held = labels.copy()
        try:
            _, _, n_voxels = _kernels.recover_missing_tumor(*arguments)
        except ValueError:
            counts = np.bincount(held.ravel(), minlength=65536)
            assert (counts[held[inside]] == 1).all()
            assert (held[inside] > 0).all()
            continue
        assert (labels == label).sum() == n_voxels > 0
        assert before <= set(np.unique(labels))
        assert inside[labels != held].all()


@given(order=st.permutations(range(3)), steps=strategies.triples(st.sampled_from([1, -1])))
def test_labels_are_changed_through_any_view(order, steps):
    labels = np.zeros((3, 3, 3), np.uint16)
    view = labels.transpose(order)[tuple(slice(None, None, step) for step in steps)]
    tumor = (5, np.full((3, 3, 3), -9, np.float32), (0, 0, 0), ONES, (3, 3, 3))
    assert _kernels.recover_missing_tumor(view, [tumor], 5, (0, 1, 2), 0.0, ONES) == (4, 15.0, 1)
    assert view[0, 1, 2] == 5
    assert labels.sum() == 5


def test_the_radius_is_in_millimetres():
    tumor = (1, np.full((9, 9, 9), -0.5, np.float32), (0, 0, 0), ONES, (9, 9, 9))
    labels = np.zeros((9, 9, 9), np.uint16)
    rounds, offset, n_voxels = _kernels.recover_missing_tumor(
        labels, [tumor], 1, (4, 4, 4), 2.0, (5.0, 1.0, 2.0)
    )
    assert (rounds, offset, n_voxels) == (1, 1.0, 7)
    assert sorted(map(tuple, np.argwhere(labels).tolist())) == sorted(
        [(4, 4, 4), (4, 2, 4), (4, 3, 4), (4, 5, 4), (4, 6, 4), (4, 4, 3), (4, 4, 5)]
    )


TUMOR = (1, np.full((1, 1, 2), -9, np.float32), (0, 0, 0), ONES, (1, 1, 2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"missing": 2}, "missing must be the label of one of the tumors, got 2"),
        ({"missing": 0}, "missing must be 1 to 65535, got 0"),
        ({"radius_mm": -1}, "radius_mm finite and not negative, got .* radius_mm = -1"),
        ({"radius_mm": np.inf}, "radius_mm finite and not negative"),
        ({"center_zyx": (0, np.nan, 0)}, "center_zyx must be finite"),
        ({"spacing_mm": (1, 0, 1)}, r"spacing_mm must be positive and finite on every axis, got \(1, 0, 1\)"),
        ({"threshold": np.nan}, "threshold must be finite"),
        ({"max_rounds": 65}, "max_rounds must be at most 64, got 65"),
        ({"max_rounds": -1}, "max_rounds must not be negative, got -1"),
        ({"labels": np.zeros((1, 2), np.uint16)}, "labels must be 3D"),
        (
            {"labels": np.broadcast_to(np.uint16(0), (1, 1, 2))},
            "labels must be writable, got a read-only array",
        ),
        (
            {"labels": np.ones((1, 0, 2), np.uint16)},
            r"box of tumor 1 holds no voxel of the volume of shape \(1, 0, 2\)",
        ),
    ],
)
def test_bad_arguments_are_refused(changes, message):
    arguments = {
        "labels": np.zeros((1, 1, 2), np.uint16),
        "tumors": [TUMOR],
        "missing": 1,
        "center_zyx": (0, 0, 0),
        "radius_mm": 1,
        "spacing_mm": ONES,
    }
    with pytest.raises(ValueError, match=message):
        _kernels.recover_missing_tumor(**(arguments | changes))


def test_labels_of_another_dtype_are_refused():
    with pytest.raises(TypeError, match="labels must be of dtype uint16, got uint8"):
        _kernels.recover_missing_tumor(np.zeros((1, 1, 2), np.uint8), [TUMOR], 1, (0, 0, 0), 1, ONES)
