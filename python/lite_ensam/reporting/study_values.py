"""Cells of a study file: dates, sizes, words. Ambiguous values are refused, not guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from lite_ensam.core.errors import StudyError, brief
from lite_ensam.response import (
    OF_NON_TARGETS,
    TOO_SMALL_MM,
    LesionState,
    NewLesion,
    Reading,
    Response,
    TargetValue,
    name_key,
)

__all__ = [
    "DETAILS",
    "GONE_OR_UNSEEN",
    "ILL_BUILT",
    "NO_LINES",
    "SIZES",
    "Day",
    "counted_diameter",
    "days_since_first",
    "parse_day",
    "parse_diameter",
    "parse_new_lesion",
    "parse_non_targets",
    "parse_optional_text",
    "parse_reading",
    "parse_size",
    "parse_sizes",
    "parse_state",
    "parse_text",
    "parse_yes_no",
]

ILL_BUILT = "does not have the structure of a patient: see the section Study files of docs/guide/response.md"

SIZES = ("diameter_mm", "volume_ml", "diameter_sd_mm", "volume_sd_ml", "viable_mm")

DETAILS = ("reader", "reason", "longest_diameter_mm", "short_axis_mm", "mean_hu", "modality")
"""Optional details of a lesion at a visit; see `Reading`."""

LONGEST_COURSE_DAYS = 50 * 365
"""Between two visits of one patient; beyond, a date is a placeholder such as 9999-12-31 or 1900-01-01."""

NO_LINES = (
    "no line was found. Put the lines in a file next to the scan, among its DICOM files, or in a study file"
)
"""Instead of what `segment` says of its options."""

GONE_OR_UNSEEN = (
    "; if this is a later visit whose lesions are gone or were not measured, give it in a study file without its scan, "
    "and each target a diameter_mm of 0 (gone) or null (not evaluable)"
)
"""Added to an error of a visit whose lines cannot be read."""

_LONGEST_MM = 1000
"""A CT's field of view is about 500 mm, and a lesion may lie along the body. The value was not tuned."""

_ROUNDED_MM = 1.0
"""By as much two entries of one axis may differ: one may be rounded, or cut, to whole millimetres."""

_YEARS = range(1900, 2101)

_DATE = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ]\d{1,2}:[\d:.,+Z-]*)?", re.ASCII)
_EIGHT_DIGITS = re.compile(r"(\d{4})()(\d\d)(\d\d)(?:\.0*)?", re.ASCII)
_DAY_NUMBER = re.compile(r"([+-]?\d{1,5})(?:\.0*)?", re.ASCII)
"""A whole number; tables that pass through pandas get a point and zeros behind it."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)

_YES, _NO = {"yes", "y", "true", "1", "1.0", "ja", "oui"}, {"no", "n", "false", "0", "0.0", "nein", "non"}
_NOT_MEASURED = {"ne", "not evaluable", "not measured"}
_GONE = {"gone", "absent", "disappeared"}
_TOO_SMALL = {"too small", "too small to measure"}
_STATES = {
    "present": LesionState.PRESENT,
    "stable": LesionState.PRESENT,
    **dict.fromkeys(_GONE, LesionState.ABSENT),
    "unequivocal progression": LesionState.PROGRESSION,
    "progression": LesionState.PROGRESSION,
    "pd": LesionState.PROGRESSION,
    **dict.fromkeys(_NOT_MEASURED - {"not measured"}, LesionState.NOT_EVALUABLE),
}


class Day(NamedTuple):
    """A day that counts from anywhere.

    Attributes
    ----------
    number : int
        Number of days.
    is_date : bool
        Whether it was given as a date; a day number and a date count from different days.
    """

    number: int
    is_date: bool

    @property
    def iso(self) -> str:
        """The date as ISO 8601 has it; empty for a day number."""
        return date.fromordinal(self.number).isoformat() if self.is_date else ""


def parse_day(value: Any) -> Day:
    """Date (YYYY-MM-DD, also with / or . or a time of day; YYYYMMDD as in DICOM) or whole number of days.

    Examples
    --------
    >>> parse_day("20250131") == parse_day("2025-01-31"), parse_day(56)
    (True, Day(number=56, is_date=False))
    """
    if isinstance(value, Day):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if found := _DATE.fullmatch(text) or _EIGHT_DIGITS.fullmatch(text):
        year, _, month, day = found.groups()
        try:
            return Day(date(int(year), int(month), int(day)).toordinal(), True)
        except ValueError:
            raise StudyError("a date does not exist in the calendar: write it as YYYY-MM-DD") from None
    if found := _DAY_NUMBER.fullmatch(text):
        return Day(int(found[1]), False)
    # the date itself is not repeated: it may tell who the patient is
    raise StudyError("a date must be YYYY-MM-DD, YYYYMMDD or a whole number of days of at most five digits")


def days_since_first(days: Sequence[Day]) -> list[int]:
    """Days since the earliest of them, which is baseline.

    Raises
    ------
    StudyError
        If dates and day numbers are mixed, years were given, the days lie further apart than people live on, or
        several day numbers are before treatment.
    """
    if len({one.is_date for one in days}) > 1:
        raise StudyError("visits have both dates and day numbers: give dates alone or day numbers alone")
    numbers = [one.number for one in days]
    if not days[0].is_date and all(number in _YEARS for number in numbers):
        raise StudyError(
            "day numbers between 1900 and 2100 look like years: write dates as YYYY-MM-DD, or days since baseline"
        )
    if max(numbers) - min(numbers) > LONGEST_COURSE_DAYS:
        raise StudyError("visits lie more than 50 years apart: is one of the dates a placeholder?")
    # baseline is as close as possible to the start of treatment (RECIST 1.1, 3.2.1)
    before = sorted(number for number in numbers if number <= 0)
    if not days[0].is_date and len(before) > 1 and before[0] < before[1]:
        raise StudyError(
            f"days {before[0]} and {before[1]} are both before treatment or on its first day: baseline is the last "
            "scan before treatment, so leave out the earlier one"
        )
    return [number - min(numbers) for number in numbers]


def parse_text(value: Any, what: str) -> str:
    """Name without outer spaces; numbers become text; anything else, and blank text, is refused."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text:
        raise StudyError(f"{what} must be a text, got {brief(value)}")
    return text


def parse_optional_text(value: Any, what: str) -> str:
    """As `parse_text`; empty where nothing was said."""
    return "" if value in (None, "") else parse_text(value, what)


def parse_yes_no(value: Any, what: str) -> bool | None:
    """True or False, None where nothing was said; `what` itself means yes in a column of its name.

    Examples
    --------
    >>> parse_yes_no("No ", "node"), parse_yes_no("node", "node"), parse_yes_no("", "node")
    (False, True, None)
    """
    word = _word(value)
    if word == "":
        return None
    if word in _YES or word == what:
        return True
    if word in _NO:
        return False
    raise StudyError(f"{what} must be yes or no (or true, false, 1, 0), got {brief(value)}")


def parse_new_lesion(value: Any) -> NewLesion | None:
    """No, equivocal or yes; None where nothing was said."""
    if _word(value) == NewLesion.EQUIVOCAL:
        return NewLesion.EQUIVOCAL
    try:
        answer = parse_yes_no(value, "new_lesion")
    except StudyError:
        raise StudyError(f"new_lesion must be one of {', '.join(NewLesion)}, got {brief(value)}") from None
    return None if answer is None else NewLesion.YES if answer else NewLesion.NO


def parse_non_targets(value: Any) -> Response | None:
    """Response of the non-targets, whatever its case, spaces and dashes; None where nothing was said."""
    word = _word(value)
    if word == "":
        return None
    for response in OF_NON_TARGETS:
        if _letters(word) == _letters(response):
            return response
    raise StudyError(f"non_targets must be one of CR, non-CR/non-PD, PD, NE, got {brief(value)}")


def parse_size(value: Any, what: str) -> float | None:
    """Number of 0 or more, also as text; None where nothing was measured. One called `..._mm` is at most 1000."""
    if _word(value) in {"", *_NOT_MEASURED}:
        return None
    if isinstance(value, str) and re.fullmatch(r"\s*[\d.]*,[\d,.]*\s*", value):
        raise StudyError(f"{what} has a comma: write decimals with a point, as in 12.5; got {brief(value)}")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_text = isinstance(value, str) and _NUMBER.fullmatch(value.strip()) is not None
    try:
        number = float(value) if is_number or is_text else -1.0
    except OverflowError:  # an integer of hundreds of digits
        number = -1.0
    if not 0 <= number < float("inf"):
        raise StudyError(f"{what}: sizes must be numbers of 0 or more, got {brief(value)}")
    if what.endswith("_mm") and number > _LONGEST_MM:
        raise StudyError(
            f"{what}: {number:g} mm is longer than any lesion (at most {_LONGEST_MM} mm): is the unit mm?"
        )
    return number


def parse_diameter(value: Any, what: str) -> float | None:
    """Number of 0 or more, "too small to measure" (5 mm) or "gone" (0 mm); None where nothing was measured.

    Examples
    --------
    >>> parse_diameter("Too small", "diameter_mm"), parse_diameter("gone", "diameter_mm")
    (5.0, 0.0)
    """
    if _word(value) in _TOO_SMALL:
        return TOO_SMALL_MM
    return 0.0 if _word(value) in _GONE else parse_size(value, what)


def parse_state(value: Any) -> LesionState | None:
    """State of a lesion that is not measured; None where nothing was said.

    Examples
    --------
    >>> str(parse_state("Gone")), str(parse_state("PD"))
    ('absent', 'unequivocal progression')
    """
    word = _word(value)
    if word == "":
        return None
    if word not in _STATES:
        raise StudyError(f"state must be one of {', '.join(LesionState)}, got {brief(value)}")
    return _STATES[word]


def parse_reading(given: Mapping[str, Any], where: str, flags: tuple[str, ...] = ()) -> Reading:
    """The details of a lesion besides its size: some of `DETAILS`."""
    return Reading(
        reader=parse_optional_text(given.get("reader"), f"{where}, reader"),
        reason=parse_optional_text(given.get("reason"), f"{where}, reason"),
        longest_diameter_mm=parse_size(given.get("longest_diameter_mm"), f"{where}, longest_diameter_mm"),
        short_axis_mm=parse_size(given.get("short_axis_mm"), f"{where}, short_axis_mm"),
        mean_hu=_parse_hu(given.get("mean_hu"), f"{where}, mean_hu"),
        flags=flags,
        modality=parse_optional_text(given.get("modality"), f"{where}, modality"),
    )


def says_too_small(given: Mapping[str, Any]) -> bool:
    """Whether the diameter is said to be too small to measure."""
    return _word(given.get("diameter_mm")) in _TOO_SMALL


def counted_diameter(given: Mapping[str, Any], reading: Reading, is_node: bool, where: str) -> float | None:
    """The diameter that counts: the one given, else the axis that it is, of a node the short one.

    Raises
    ------
    StudyError
        If the diameter is not that axis, or the short axis is longer than the longest diameter. Of a lesion that is
        too small to measure the axes may be anything.
    """
    diameter_mm = parse_diameter(given.get("diameter_mm"), f"{where}, diameter_mm")
    if says_too_small(given):
        return diameter_mm
    name = "short_axis_mm" if is_node else "longest_diameter_mm"
    axes = {"longest_diameter_mm": reading.longest_diameter_mm, "short_axis_mm": reading.short_axis_mm}
    own_mm = axes[name]
    if diameter_mm is None:
        diameter_mm = own_mm
    if diameter_mm is not None and own_mm is not None and abs(diameter_mm - own_mm) > _ROUNDED_MM:
        raise StudyError(
            f"{where}: diameter_mm {diameter_mm:g} and {name} {own_mm:g} contradict each other: the diameter of a "
            f"{'lymph node is its short axis' if is_node else 'lesion is its longest'}; correct one"
        )
    axes[name] = diameter_mm
    longest_mm, short_mm = axes.values()
    if longest_mm is not None and short_mm is not None and short_mm > longest_mm + _ROUNDED_MM:
        raise StudyError(
            f"{where}: the short axis of {short_mm:g} mm is longer than the longest diameter of {longest_mm:g} mm: "
            "correct one"
        )
    return diameter_mm


def _parse_hu(value: Any, what: str) -> float | None:
    """A finite number, which may be negative; None where nothing was measured."""
    sign = -1.0 if _word(value).startswith("-") else 1.0
    size = -value if isinstance(value, int | float) and value < 0 else value
    if isinstance(size, str):
        size = size.strip().removeprefix("-")
    number = parse_size(size, what)
    return None if number is None else sign * number


def parse_sizes(given: Any, where: str, is_node: bool) -> TargetValue:
    """Sizes of a lesion, or of a fragment of one, at one visit.

    Parameters
    ----------
    given : Any
        Mapping of some of `SIZES` and `DETAILS`.
    where : str
        Day and lesion, for messages.
    is_node : bool
        Whether the diameter is the short axis of a lymph node.
    """
    if not isinstance(given, Mapping):
        raise StudyError(f'{where}: sizes must be numbers, as in {{"diameter_mm": 31}}, got {brief(given)}')
    if unknown := sorted(given.keys() - {*SIZES, *DETAILS}):
        raise StudyError(f"{where}: {brief(unknown[0])} is not a size; sizes are {', '.join(SIZES)}")
    reading = parse_reading(given, where, flags=("too_small",) if says_too_small(given) else ())
    diameter_mm = counted_diameter(given, reading, is_node, where)
    volume_ml, sd_mm, sd_ml, viable_mm = (
        parse_size(given.get(name), f"{where}, {name}") for name in SIZES[1:]
    )
    if diameter_mm == 0 and volume_ml is None:
        volume_ml = 0.0  # what is gone has no volume
    if None not in (diameter_mm, volume_ml) and (diameter_mm == 0) != (volume_ml == 0):
        raise StudyError(
            f"{where}: {diameter_mm:g} mm and {volume_ml:g} ml contradict each other: 0 says that the lesion is gone; "
            'one that is still seen is "too small to measure", and an unknown volume stays empty'
        )
    if None not in (diameter_mm, viable_mm) and viable_mm > diameter_mm:  # type: ignore[operator]
        raise StudyError(
            f"{where}: viable_mm {viable_mm:g} is more than diameter_mm {diameter_mm:g}: it is a part of the lesion"
        )
    return TargetValue(
        diameter_mm, volume_ml, sd_mm or 0.0, sd_ml or 0.0, viable_mm=viable_mm, reading=reading
    )


def _word(value: Any) -> str:
    """A cell as it is compared with words; numbers and booleans as JSON writes them."""
    if value is None:
        return ""
    if isinstance(value, str):
        return name_key(value)
    return repr(value).lower() if isinstance(value, bool | int | float) else "?"


def _letters(text: str) -> str:
    return "".join(one for one in text.casefold() if one.isalpha())
