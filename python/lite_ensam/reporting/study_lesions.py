"""Lesions besides the targets in a study file, one by one, and how each lesion was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lite_ensam.core.errors import StudyError, brief
from lite_ensam.reporting.study_values import (
    DETAILS,
    counted_diameter,
    parse_optional_text,
    parse_reading,
    parse_state,
    parse_text,
    parse_yes_no,
)
from lite_ensam.response import (
    LesionState,
    NewLesion,
    NewLesionFinding,
    NonTargetFinding,
    Reading,
    Target,
    name_key,
    repeated_names,
)
from lite_ensam.response.lesions import SEEN
from lite_ensam.response.targets import is_normal_node

__all__ = ["NEW_LESION_KEYS", "NON_TARGET_KEYS", "parse_new_lesions", "parse_non_target_states"]

NON_TARGET_KEYS = ("state", "larger", "diameter_mm", *DETAILS)
NEW_LESION_KEYS = ("name", "organ", "site", "node", "equivocal", *NON_TARGET_KEYS)


def parse_non_target_states(given: Any, lesions: Sequence[Target], day: int) -> dict[str, NonTargetFinding]:
    """Findings of a visit by the non-targets' own names.

    Parameters
    ----------
    given : Any
        Mapping of names to a state, or to a mapping of some of `NON_TARGET_KEYS`; None if the visit says
        nothing of them.
    lesions : Sequence[Target]
        The non-targets of the study.
    day : int
        Days since baseline; at baseline a non-target is present unless stated otherwise.

    Raises
    ------
    StudyError
        If a name is unknown or comes twice, or a state is not understood.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise StudyError(
            f'day {day}: non_target_lesions must be states by name, as in {{"effusion": "present"}}, got {brief(given)}'
        )
    if repeated := repeated_names(given):
        raise StudyError(f"day {day}: the non-target {repeated[0]!r} comes twice")
    own = {name_key(one.name): one for one in lesions}
    found = {}
    for name, said in given.items():
        lesion = own.get(name_key(name))
        if lesion is None:
            known = ", ".join(one.name for one in lesions) or "not any"
            raise StudyError(f"day {day}: {name!r} is not a non-target of this study, which has {known}")
        entry = said if isinstance(said, Mapping) else {"state": said}
        found[lesion.name] = _non_target(entry, lesion, f"day {day}, {lesion.name}", is_baseline=day == 0)
    return found


def _non_target(entry: Mapping[str, Any], lesion: Target, where: str, is_baseline: bool) -> NonTargetFinding:
    _refuse_unknown(entry, NON_TARGET_KEYS, where)
    diameter_mm, reading = _parse_size(entry, lesion.is_node, where)
    if diameter_mm is not None:
        reading = (
            replace(reading, short_axis_mm=diameter_mm)
            if lesion.is_node
            else replace(reading, longest_diameter_mm=diameter_mm)
        )
    state = _state(entry, diameter_mm, lesion.is_node, where)
    if state is None:
        if not is_baseline and not reading.reason:
            raise StudyError(f"{where}: state is missing: it must be one of {', '.join(LesionState)}")
        state = LesionState.NOT_EVALUABLE if reading.reason else LesionState.PRESENT
    try:
        return NonTargetFinding(state, bool(parse_yes_no(entry.get("larger"), "larger")), reading)
    except StudyError as error:
        raise StudyError(f"{where}: {error}") from None


def parse_new_lesions(given: Any, said: NewLesion | None, day: int) -> dict[str, NewLesionFinding]:
    """New lesions of a visit by name.

    Parameters
    ----------
    given : Any
        List of mappings of `NEW_LESION_KEYS`, of which `name` and `organ` are needed.
    said : NewLesion or None
        Entry of the visit on new lesions as a whole; it must not contradict the list.
    day : int
        Days since baseline.

    Raises
    ------
    StudyError
        If the list is ill-built, has a name twice or contradicts the word.
    """
    if given is None:
        return {}
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise StudyError(
            f'day {day}: new_lesions must be a list such as [{{"name": "new 1", "organ": "liver"}}], got {brief(given)}'
        )
    found = []
    for entry in given:
        name = parse_text(entry.get("name"), f"day {day}: the name of a new lesion")
        found.append((name, _new_lesion(entry, name, f"day {day}, {name}")))
    if repeated := repeated_names(name for name, _ in found):
        raise StudyError(f"day {day}: the new lesion {repeated[0]!r} comes twice")
    if said is NewLesion.NO and any(one.is_there for _, one in found):
        raise StudyError(f"day {day}: new_lesion is no, but new_lesions has {found[0][0]!r}: correct one")
    return dict(found)


def _new_lesion(entry: Mapping[str, Any], name: str, where: str) -> NewLesionFinding:
    _refuse_unknown(entry, NEW_LESION_KEYS, where)
    is_node = bool(parse_yes_no(entry.get("node"), "node"))
    diameter_mm, reading = _parse_size(entry, is_node, where)
    state = _state(entry, diameter_mm, is_node, where)
    if state is None:
        state = LesionState.NOT_EVALUABLE if reading.reason else LesionState.PRESENT
    try:
        return NewLesionFinding(
            organ=parse_text(entry.get("organ"), f"the organ of {name!r}"),
            site=parse_optional_text(entry.get("site"), "site"),
            is_node=is_node,
            is_certain=not parse_yes_no(entry.get("equivocal"), "equivocal"),
            state=state,
            diameter_mm=diameter_mm,
            larger=bool(parse_yes_no(entry.get("larger"), "larger")),
            reading=reading,
        )
    except StudyError as error:
        raise StudyError(f"{where}: {error}") from None


def _parse_size(entry: Mapping[str, Any], is_node: bool, where: str) -> tuple[float | None, Reading]:
    """The diameter that counts, and how the lesion was read."""
    reading = parse_reading(entry, where)
    return counted_diameter(entry, reading, is_node, where), reading


def _state(
    entry: Mapping[str, Any], diameter_mm: float | None, is_node: bool, where: str
) -> LesionState | None:
    """The state as given, or as it follows from the size; both must agree. A node below 10 mm is absent (4.3.3)."""
    try:
        state = parse_state(entry.get("state"))
    except StudyError as error:
        raise StudyError(f"{where}: {error}") from None
    if diameter_mm is None:
        return state
    is_normal = is_normal_node(is_node, diameter_mm)
    fitting = (LesionState.ABSENT,) if is_normal or diameter_mm == 0 else SEEN
    if state is not None and state not in fitting:
        why = ", or leave the state out: a lymph node below 10 mm is normal" if is_normal else ""
        raise StudyError(f"{where}: {state} and {diameter_mm:g} mm contradict each other: correct one{why}")
    return state or fitting[0]


def _refuse_unknown(entry: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    if unknown := sorted(entry.keys() - set(known)):
        raise StudyError(f"{where}: {brief(unknown[0])} is not understood; there are {', '.join(known)}")
