"""The same rules by volume, and changes that measuring alone explains."""

import pytest

from lite_ensam.response import (
    RECIST_1_1,
    VOLUME,
    VOLUME_RELIABILITY,
    Criteria,
    Response,
    Study,
    Target,
    TargetValue,
    TimePoint,
    respond,
)

LIVER, NODE = Target("liver 1", "liver"), Target("node 1", "node", is_node=True)


def course(*volumes_ml: float | None, sd_ml: float = 0.0, target: Target = LIVER, mm: float = 20.0) -> Study:
    visits = [
        TimePoint(28 * n, {target.name: TargetValue(mm, ml, volume_sd_ml=sd_ml)})
        for n, ml in enumerate(volumes_ml)
    ]
    return Study((target,), tuple(visits))


@pytest.mark.parametrize(
    ("volumes_ml", "by_sphere", "by_reliability"),
    [
        ((10, 3.43), "PR", "PR"),  # -65.7 %, the sphere's limit itself
        ((10, 3.44), "SD", "PR"),
        ((10, 6.5), "SD", "PR"),  # -35 %
        ((10, 6.6), "SD", "SD"),
        ((10, 15.4), "SD", "SD"),
        ((10, 15.5), "SD", "PD"),  # +55 %
        ((10, 17.2), "SD", "PD"),
        ((10, 17.28), "PD", "PD"),  # +72.8 %
        ((10, 0), "CR", "CR"),
        ((10, 0, 0.1), "CR PD", "CR PD"),
        ((10, 4, 6.92), "SD PD", "PR PD"),  # +73 % over the nadir
        ((10, None), "NE", "NE"),
    ],
)
def test_volume_goes_by_its_own_limits(
    volumes_ml: tuple[float | None, ...], by_sphere: str, by_reliability: str
) -> None:
    study = course(*volumes_ml)
    assert " ".join(one.overall for one in respond(study, VOLUME)) == by_sphere
    assert " ".join(one.overall for one in respond(study, VOLUME_RELIABILITY)) == by_reliability


def test_the_spheres_limits_are_recists_limits_cubed() -> None:
    assert 1 + VOLUME.response == pytest.approx((1 + RECIST_1_1.response) ** 3)
    assert 1 + VOLUME.progression == pytest.approx((1 + RECIST_1_1.progression) ** 3)


def test_a_node_of_normal_short_axis_is_gone_by_volume_too() -> None:
    study = Study(
        (NODE,),
        (
            TimePoint(0, {"node 1": TargetValue(18.0, 4.0)}),
            TimePoint(56, {"node 1": TargetValue(9.0, 0.6)}),
            TimePoint(112, {"node 1": TargetValue(10.0, 0.7)}),
        ),
    )
    assert [one.overall for one in respond(study, VOLUME)] == [Response.CR, Response.PR]


def test_a_change_below_the_noise_is_called_so() -> None:
    grown = respond(course(1.0, 1.8, sd_ml=0.4), VOLUME)[0]  # noise 1.96 * hypot(0.4, 0.4) = 1.109
    assert grown.overall is Response.PD
    assert grown.noise_to_nadir == pytest.approx(1.1087, abs=1e-4)
    assert grown.within_noise_of_nadir
    assert grown.is_uncertain
    sure = respond(course(1.0, 1.8, sd_ml=0.1), VOLUME)[0]
    assert sure.overall is Response.PD
    assert not sure.is_uncertain


def test_noise_of_several_targets_adds_in_squares() -> None:
    targets = (LIVER, Target("lung 1", "lung"))
    visits = tuple(
        TimePoint(day, {one.name: TargetValue(mm, diameter_sd_mm=1.5) for one in targets})
        for day, mm in ((0, 20.0), (56, 13.5))
    )
    judged = respond(Study(targets, visits))[0]
    assert judged.overall is Response.PR
    assert judged.noise_to_baseline == pytest.approx(1.96 * 3.0)
    assert not judged.is_uncertain  # 13 mm less, noise 5.9 mm
    assert judged.change_from_baseline == pytest.approx(-0.325)


def test_without_uncertainty_nothing_is_called_noise() -> None:
    judged = respond(course(1.0, 1.0))[0]
    assert (judged.noise_to_baseline, judged.within_noise_of_baseline, judged.is_uncertain) == (
        0,
        False,
        False,
    )


def test_after_a_nadir_of_zero_there_is_no_share_to_tell() -> None:
    back = respond(course(1.0, 0.0, 0.5), VOLUME)[1]
    assert back.change_from_nadir is None
    assert back.change_from_baseline == pytest.approx(-0.5)


@pytest.mark.parametrize(("response", "progression"), [(0.3, 0.2), (-0.3, -0.2), (-1.0, 0.2)])
def test_criteria_that_make_no_sense_are_refused(response: float, progression: float) -> None:
    with pytest.raises(ValueError, match="criteria need"):
        Criteria("mine", "diameter", response, progression)
