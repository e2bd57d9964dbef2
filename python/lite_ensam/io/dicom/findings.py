"""Findings of a file, each with the lines drawn for it, and the RECIST lines that they make together."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lite_ensam.core.coded_concept import CodedConcept
from lite_ensam.core.errors import MarkError
from lite_ensam.core.recist import RecistMark, check_marks
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import Float64Array, endpoint_pair
from lite_ensam.io.dicom.drawings import crosses, length_mm

__all__ = ["Finding", "is_reader_name", "joined", "marks_of"]

_LONGEST_NAME = 64
"""Longer texts are remarks, not names; DICOM's own names end here, too."""

_TOOL_NAME = re.compile(
    r"\S*@\S*:\S*|.*((?-i:Tools?)|\btools?)\b.*|web annotation|[0-9.]{8,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|(length|bidirectional|line|distance|diameter|(long|short) axis|polyline|measurements?|annotation|region"
    r"|circle|ellipse|((ellipse|elliptical|circle|circular|planar|volumetric|(planar ?)?freehand) ?)?roi"
    r"|(planar|volumetric) roi measurements?)[ _#-]*[0-9]*",
    re.IGNORECASE,
)
"""Names that a viewer gives to everything that is drawn with one tool, numbered or not, and identifiers of machines."""


@with_short_repr
@dataclass(frozen=True, eq=False)
class Finding:
    """A lesion as one measurement group or annotation describes it.

    Parameters
    ----------
    where : str
        Name of the file, for messages.
    long_zyx, short_zyx : Float64Array or None
        Ends (2, 3) of the long and the short axis, in voxel indices, or None.
    names : tuple[str, ...], default ()
        Texts that could name the lesion, the best first.
    identifier : str, default ""
        The tracking identifier, if a reader chose it; else an empty text.
    uid : str, default ""
        The tracking UID.
    site : CodedConcept or None, default None
        Where in the body it lies, or None.
    """

    where: str
    long_zyx: Float64Array | None
    short_zyx: Float64Array | None = None
    names: tuple[str, ...] = ()
    identifier: str = ""
    uid: str = ""
    site: CodedConcept | None = None


def is_reader_name(text: str) -> bool:
    """Whether a text may name a lesion: neither a tool's name, nor an identifier of machines, nor a remark.

    Examples
    --------
    >>> is_reader_name("liver 1"), is_reader_name("Cornerstone3DTools@^0.1.0:Length")
    (True, False)
    """
    return 0 < len(text) <= _LONGEST_NAME and not _TOOL_NAME.fullmatch(text)


def joined(findings: Sequence[Finding], spacing_mm: Float64Array) -> tuple[list[Finding], list[str]]:
    """One finding a lesion, and notes on lines that were skipped.

    Long and short axis may be two findings, under one tracking UID or one identifier that a reader chose. Of several
    lines under one UID the longest is taken; one that crosses it is its short axis.

    Parameters
    ----------
    findings : Sequence[Finding]
        Findings of a file, in its order.
    spacing_mm : Float64Array
        Spacing in mm, (z, y, x).
    """
    by_uid: dict[str, list[Finding]] = {}
    for n, one in enumerate(findings):
        if one.long_zyx is not None:
            by_uid.setdefault(one.uid or f"finding {n}", []).append(one)
    lesions: list[Finding] = []
    notes = []
    for same in by_uid.values():
        longest = lesion = max(same, key=lambda one: length_mm(_ends(one), spacing_mm))
        for other in same:
            if other is longest:
                continue
            if lesion.short_zyx is None and crosses(_ends(longest), _ends(other)):
                lesion = _with_short_axis(lesion, replace(other, short_zyx=other.long_zyx))
            else:
                notes.append(
                    f"passed over: {other.where} has the tracking UID of {longest.where}, which is longer"
                )
        lesions.append(lesion)
    for one in findings:
        if one.long_zyx is None and one.short_zyx is not None:
            owners = _owners(one, lesions)
            if len(owners) == 1:
                lesions[owners[0]] = _with_short_axis(lesions[owners[0]], one)
            else:
                notes.append(f"passed over: {one.where} is a short axis, without a long axis of its lesion")
    return lesions, notes


def _owners(short_axis: Finding, lesions: Sequence[Finding]) -> list[int]:
    """Lesions without a short axis that have the tracking UID of one, or else its identifier."""
    free = [n for n, lesion in enumerate(lesions) if lesion.short_zyx is None]
    by_uid = [n for n in free if short_axis.uid and lesions[n].uid == short_axis.uid]
    return by_uid or [
        n for n in free if short_axis.identifier and lesions[n].identifier == short_axis.identifier
    ]


def _with_short_axis(lesion: Finding, other: Finding) -> Finding:
    names = tuple(dict.fromkeys((*lesion.names, *other.names)))
    return replace(lesion, short_zyx=other.short_zyx, names=names, site=lesion.site or other.site)


def marks_of(lesions: Sequence[Finding], ct: ScanSource) -> tuple[list[RecistMark], list[str]]:
    """Marks labelled 1, 2, ..., and notes on what could not be one or was given twice.

    A lesion has the first of its names that no other one has.
    """
    marks: list[RecistMark] = []
    kept: list[Finding] = []
    notes = []
    for one in lesions:
        try:
            mark = RecistMark(
                len(marks) + 1, endpoint_pair(_ends(one)), tracking_uid=one.uid, finding_site=one.site
            )
            check_marks([mark], ct.grid.shape_zyx)
        except MarkError as error:
            notes.append(f"passed over: {one.where}: {error}")
            continue
        try:
            check_marks([*marks, mark], ct.grid.shape_zyx)
        except MarkError:
            notes.append(f"passed over: {one.where} is a line that was already given")
            continue
        if one.short_zyx is not None:
            try:
                mark = replace(mark, short_axis_zyx=endpoint_pair(one.short_zyx))
                check_marks([mark], ct.grid.shape_zyx)
            except MarkError as error:
                mark = replace(mark, short_axis_zyx=None)
                notes.append(f"passed over: {one.where}: {error}")
        marks.append(mark)
        kept.append(one)
    counts = Counter(name for one in kept for name in set(one.names))
    named = []
    for mark, one in zip(marks, kept, strict=True):
        name = next((text for text in one.names if counts[text] == 1), "")
        named.append(replace(mark, name=name))
    shared = _quoted(
        {one.names[0] for one, mark in zip(kept, named, strict=True) if one.names and not mark.name}
    )
    if shared:
        notes.append(
            f"lesions that share the name {shared} were left without one: it does not tell them apart"
        )
    return named, notes


def _quoted(names: Iterable[str]) -> str:
    return " or ".join(repr(name) for name in sorted(names))


def _ends(one: Finding) -> Float64Array:
    if one.long_zyx is None:
        raise MarkError("has no long axis")
    return one.long_zyx
