"""Sizes of a patient's targets at each visit, given or out of reports and scans, and notes on what is doubtful."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from lite_ensam.core.errors import CaseError, StudyError, brief, printable
from lite_ensam.io import read_report
from lite_ensam.reporting.study_scans import StudyScans
from lite_ensam.reporting.study_values import DETAILS, ILL_BUILT, parse_reading, parse_size, parse_sizes
from lite_ensam.reporting.study_visits import without_folder
from lite_ensam.response import TOO_SMALL_MM, Reading, Target, TargetValue, name_key, repeated_names

__all__ = ["StudySizes"]

Tumors: TypeAlias = dict[str, Mapping[str, Any]]
"""Tumours of a report by `name_key` of their name, or of their label where they have none."""

_UNSAID = object()
"""Of a target that a visit does not name; null says that it was not measured."""

_SETTINGS = {
    "weights_sha256": "other weights",
    "border": "another border",
    "threshold": "another threshold",
    "crop": "another crop",
}
"""Settings in a report that decide how large a mask is, and how a change of each is told."""

_SAY_GONE = "if the lesion is gone, give it a diameter_mm of 0"


class StudySizes:
    """Sizes of one patient's targets, asked for visit by visit, baseline first.

    Parameters
    ----------
    targets : Sequence[Target]
        Targets of the study.
    scans : StudyScans
        Scans that visits may name; notes on sizes are added to its notes.
    non_targets : Sequence[Target], default ()
        Non-targets of the study, if they are listed.
    """

    def __init__(
        self, targets: Sequence[Target], scans: StudyScans, non_targets: Sequence[Target] = ()
    ) -> None:
        self._targets, self._scans = targets, scans
        self._listed = {name_key(one.name) for one in non_targets}
        self._names = {name_key(target.name): target.name for target in targets}
        self._others: dict[str, str] = {}
        self._first_report: tuple[int, Mapping[str, Any]] | None = None

    def at(self, visit: Mapping[str, Any], day: int) -> dict[str, TargetValue]:
        """Targets that the visit, its report or its scan says something of.

        Parameters
        ----------
        visit : Mapping[str, Any]
            As in a study file: `targets`, and `report` or `ct`.
        day : int
            Days since baseline.

        Raises
        ------
        StudyError
            If sizes are not understood, names repeat or are unknown, or a report cannot be read.
        """
        given = self._given(visit.get("targets"), day)
        source, tumors = self._read(visit, day)
        values: dict[str, TargetValue] = {}
        lost, owners = [], dict[str, str]()
        for target in self._targets:
            where = f"day {day}, {target.name}"
            own = {"tumors": [target.name]} if name_key(target.name) in tumors else _UNSAID
            said = given.get(target.name, own)
            if said is _UNSAID:
                lost.append(target.name)
            elif isinstance(said, dict) and "tumors" in said:
                keys = _keys(said, tumors, source, where)
                if taken := [key for key in keys if key in owners]:
                    raise StudyError(
                        f"{where}: the tumour {taken[0]!r} is already counted as {owners[taken[0]]}"
                    )
                owners |= dict.fromkeys(keys, target.name)
                found = [self._measured(tumors[key], target, where) for key in keys]
                values[target.name] = self._added_up(found, target, where, is_baseline=day == 0)
            else:
                values[target.name] = self._said(said, target, where, is_baseline=day == 0)
        for name in given:
            if (key := name_key(name)) in tumors and key not in owners:
                self._note(f"day {day}, {name}: the size in the study file is used, not that in {source}")
                owners[key] = name
        self._tell_lost(lost, source, tumors, day)
        listed = visit.get("new_lesions")
        for one in listed if isinstance(listed, list) else ():
            if isinstance(one, Mapping):
                self._listed.add(name_key(str(one.get("name"))))
        if source:
            self._tell_others(tumors, owners, source, day)
        return values

    def _given(self, sizes: Any, day: int) -> dict[str, Any]:
        """Sizes given at the visit itself, by the targets' names."""
        if sizes is None:
            return {}
        if not isinstance(sizes, dict):
            raise StudyError(ILL_BUILT)
        if repeated := repeated_names(sizes):
            raise StudyError(
                f"day {day}: {repeated[0]!r} has sizes twice: case and spaces do not make another lesion"
            )
        if unknown := [name for name in sizes if name_key(name) not in self._names]:
            raise StudyError(
                f"day {day}: {unknown[0]!r} is not a target of this study; the fragments of one that has split are a "
                'list under its name: [{"diameter_mm": 20}, {"diameter_mm": 15}]'
            )
        return {self._names[name_key(name)]: one for name, one in sizes.items()}

    def _read(self, visit: Mapping[str, Any], day: int) -> tuple[str, Tumors]:
        """Tumours of the visit's report or scan, and what they come from; none where it has neither."""
        report, ct = visit.get("report"), visit.get("ct")
        if report is not None and ct is not None:
            raise StudyError(f"day {day}: a visit has a report or a ct, not both")
        if report is not None:
            path = self._scans.folder / str(report)
            is_of_a_folder = isinstance(report, os.PathLike)
            try:
                made = read_report(path)
            except CaseError as error:
                raise StudyError(without_folder(error, path) if is_of_a_folder else str(error)) from None
            source = printable(report.name if is_of_a_folder else str(report))
        elif ct is not None:
            made, source = self._scans.report(visit, day), "the scan"
        else:
            return "", {}
        tumors = made.get("tumors")
        if not isinstance(tumors, list) or not all(
            isinstance(one, dict) and isinstance(one.get("flag_sentences", []), list) for one in tumors
        ):
            raise StudyError(f"{source}: is not a report of a segmented scan: it has no list of tumours")
        if report is not None and day and not all(one.get("name") for one in tumors):
            self._note(
                f"day {day}: lesions without names in {source} are matched by their label numbers, because a report "
                "does not contain its scan; name the lesions, or give the scans instead of the reports"
            )
        self._tell_settings(made, source, day)
        names = [str(one.get("name") or one.get("label", "?")) for one in tumors]
        if repeated := repeated_names(names):
            raise StudyError(
                f"day {day}: {source} has several tumours of the name {repeated[0]!r}: give each its own, and list the "
                'fragments of a split lesion as {"tumors": ["a", "b"]}'
            )
        return source, {
            name_key(name): {**one, "name": name} for name, one in zip(names, tumors, strict=True)
        }

    def _tell_settings(self, made: Mapping[str, Any], source: str, day: int) -> None:
        """A note on masks that were not made as those of the first report: they differ on an unchanged lesion, too."""
        if self._first_report is None:
            self._first_report = day, made
        first_day, first = self._first_report
        others = [
            name for key, name in _SETTINGS.items() if key in made and first.get(key, made[key]) != made[key]
        ]
        if others:
            self._note(
                f"day {day}: {source} was segmented with {' and '.join(others)} than day "
                f"{first_day}: part of the change may come from that"
            )

    def _said(self, said: Any, target: Target, where: str, is_baseline: bool) -> TargetValue:
        """Sizes, a list of fragments' sizes, or what it has merged into; null was not measured."""
        if said is None:
            return TargetValue()
        if isinstance(said, list):
            fragments = [parse_sizes(one, where, target.is_node) for one in said]
            return self._added_up(fragments, target, where, is_baseline)
        if not isinstance(said, dict) or "merged_into" not in said:
            return parse_sizes(said, where, target.is_node)
        if said.keys() - {"merged_into", *DETAILS}:
            raise StudyError(
                f"{where}: a target that has merged into another has no size of its own: leave it out"
            )
        into = self._names.get(name_key(str(said["merged_into"])))
        if into is None:
            raise StudyError(
                f"{where}: merged_into must be another target ({', '.join(self._names.values())}), "
                f"got {brief(said['merged_into'])}"
            )
        self._note(f"{where}: has merged into {into}, which is measured for both (RECIST 1.1, 4.3.2)")
        return TargetValue(merged_into=into, reading=parse_reading(said, where))

    def _added_up(
        self, fragments: Sequence[TargetValue], target: Target, where: str, is_baseline: bool
    ) -> TargetValue:
        """One lesion of its fragments (RECIST 1.1, 4.3.2 and appendix II)."""
        if not fragments:
            raise StudyError(f"{where}: a list of fragments must hold one at least")
        if len(fragments) == 1:
            return fragments[0]
        if is_baseline or target.is_node:
            why = "at baseline" if is_baseline else "of a lymph node"
            raise StudyError(f"{where}: the sizes {why} are not added up from fragments: give one size")
        whole = TargetValue.added_up(fragments)
        if whole.diameter_mm is None:
            self._note(
                f"{where}: a fragment was not measured, so the lesion is at least {whole.least('diameter'):g} mm: not "
                "evaluable, unless that alone already makes it PD (RECIST 1.1, 4.4.2)"
            )
        else:
            sizes = " + ".join(f"{one.diameter_mm:g}" for one in fragments)
            self._note(
                f"{where}: {len(fragments)} fragments are added up, {sizes} = {whole.diameter_mm:g} mm (RECIST 1.1, "
                "appendix II); if they are repeated measurements, keep one"
            )
        return whole

    def _measured(self, tumor: Mapping[str, Any], target: Target, where: str) -> TargetValue:
        """Size of a tumour; standard deviations where the scan was segmented again and again."""
        diameter, sd = (
            ("short_axis_mm", "short_axis_sd_mm")
            if target.is_node
            else ("longest_diameter_mm", "diameter_sd_mm")
        )
        if missing := [name for name in (diameter, "volume_ml") if name not in tumor]:
            raise StudyError(
                f"{where}: is not in a report of a segmented scan: the tumour has no {missing[0]!r}"
            )
        mm, ml, sd_mm, sd_ml = (
            parse_size(tumor.get(name), f"{where}, {name}")
            for name in (diameter, "volume_ml", sd, "volume_sd_ml")
        )
        is_empty = tumor["n_voxels"] == 0 if "n_voxels" in tumor else mm == ml == 0
        if is_empty or mm is None:
            what = "its mask is empty" if is_empty else "its size is missing in the report"
            self._note(f"{where}: {what}, so it is not evaluable; {_SAY_GONE}")
            return TargetValue(reading=Reading(reason=what))
        if ml == 0:
            raise StudyError(f"{where}: the report contradicts itself: 0 ml, but its mask is not empty")
        if flags := tumor.get("flag_sentences"):
            self._note(f"{where}: flagged: {'; '.join(printable(str(one)) for one in flags)}")
        value = TargetValue(mm, ml, sd_mm or 0.0, sd_ml or 0.0, reading=_reading(tumor, target, where))
        if mm > 0:
            return value
        self._note(
            f"{where}: its mask is too small to measure and counts {TOO_SMALL_MM:g} mm (RECIST 1.1, 4.3.2); {_SAY_GONE}"
        )
        flags_too = tuple(dict.fromkeys((*value.reading.flags, "too_small")))
        return replace(value, diameter_mm=TOO_SMALL_MM, reading=replace(value.reading, flags=flags_too))

    def _tell_lost(self, lost: Sequence[str], source: str, tumors: Tumors, day: int) -> None:
        """Targets that a visit says nothing of: at baseline an error, later not evaluable and a note."""
        if not lost:
            return
        where = f"{source} has {_listed(tumors)}" if source else "the study file has no size"
        text = f"day {day}: nothing is said of {', '.join(lost)}; {where}"
        if day == 0:
            raise StudyError(
                f"{text}. Every target is measured at baseline; a lesion that comes up later is said in new_lesion"
            )
        self._note(f"{text}. Not evaluable; {_SAY_GONE}")

    def _tell_others(self, tumors: Tumors, owners: Mapping[str, str], source: str, day: int) -> None:
        """Tumours that are not targets: those that baseline did not have may be new."""
        others = {key: one for key, one in tumors.items() if key not in owners}
        for key, one in others.items():
            mm = one.get("longest_diameter_mm")
            size = f" ({mm:.1f} mm)" if isinstance(mm, int | float) else ""
            is_known = day == 0 or key in self._others or key in self._listed
            question = "" if is_known else ": a new lesion?"
            self._note(f"day {day}: {one['name']}{size} in {source} is not a target of this study{question}")
        if day == 0:
            self._others = {key: one["name"] for key, one in others.items()}
        elif gone := [name for key, name in self._others.items() if key not in tumors]:
            self._note(f"day {day}: {', '.join(gone)} of baseline, not targets, are not in {source}")

    def _note(self, text: str) -> None:
        self._scans.notes.append(text)


def _reading(tumor: Mapping[str, Any], target: Target, where: str) -> Reading:
    """The details of a tumour in a report besides its size."""
    flags = tumor.get("flags")
    known = {
        "longest_diameter_mm": tumor.get("longest_diameter_mm"),
        "short_axis_mm": tumor.get("short_axis_mm"),
        "mean_hu": tumor.get("grey_mean") if tumor.get("grey_unit") == "HU" else None,
    }
    reading = parse_reading(known, where, flags=tuple(map(str, flags)) if isinstance(flags, list) else ())
    axis = "short_axis" if target.is_node else "longest_diameter"
    return replace(
        reading,
        volume_interval_ml=_interval(tumor, "volume", "ml", where),
        diameter_interval_mm=_interval(tumor, axis, "mm", where),
    )


def _interval(tumor: Mapping[str, Any], of: str, unit: str, where: str) -> tuple[float, float] | None:
    """95 % limits of a number; None where the report has none."""
    names = (f"{of}_low_{unit}", f"{of}_high_{unit}")
    low, high = (parse_size(tumor.get(name), f"{where}, {name}") for name in names)
    return None if low is None or high is None else (low, high)


def _keys(said: Mapping[str, Any], tumors: Tumors, source: str, where: str) -> list[str]:
    """Keys of the tumours that a target says are its own."""
    names = said["tumors"]
    if not isinstance(names, list) or not names or len(said) > 1:
        raise StudyError(
            f"{where}: tumors must be a list of names, without other sizes, got {brief(dict(said))}"
        )
    if not source:
        raise StudyError(f"{where}: tumors are those of a report or scan, but the visit has neither")
    if repeated := repeated_names(map(str, names)):
        raise StudyError(f"{where}: tumors has {repeated[0]!r} twice")
    if unknown := [name for name in names if name_key(str(name)) not in tumors]:
        raise StudyError(f"{where}: {source} has no tumour {brief(unknown[0])}, it has {_listed(tumors)}")
    return [name_key(str(name)) for name in names]


def _listed(tumors: Tumors) -> str:
    return ", ".join(str(one["name"]) for one in tumors.values()) or "no tumour"
