"""Options that say more of a tumour than its line: `--first-slice 1:33`, `--inside 1:44,112,110`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import typer

if TYPE_CHECKING:
    from lite_ensam.core.prompts import FilePrompts

FirstSlice: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[LABEL:]Z", help="Lowest slice (z) of a tumour, e.g. 1:33; repeat it for more tumours"
    ),
]
LastSlice: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[LABEL:]Z", help="Highest slice (z) of a tumour, e.g. 1:52; repeat it for more tumours"
    ),
]
Inside: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[LABEL:]Z,Y,X", help="A voxel that is tumour, e.g. 1:44,112,110; repeat it for more"
    ),
]
Outside: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[LABEL:]Z,Y,X", help="A voxel that is not tumour, e.g. 1:46,130,140; repeat it for more"
    ),
]

ShortAxis: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[LABEL:]Z,Y,X,Z,Y,X",
        help="Two ends of the longest diameter across the line, on its slice, in voxels, e.g. "
        "1:38,66,47,38,77,42; repeat it for more tumours",
    ),
]

Number = TypeVar("Number", int, float)


def parse_prompts(
    first_slice: Sequence[str] | None,
    last_slice: Sequence[str] | None,
    inside: Sequence[str] | None,
    outside: Sequence[str] | None,
    short_axis: Sequence[str] | None,
) -> FilePrompts:
    """The options as `lite_ensam.segment` takes them; without a label they are the only line's."""
    from lite_ensam.core.prompts import FilePrompts

    prompts: dict[int | None, dict[str, Any]] = {}

    def give_once(label: int | None, field: str, value: object, option: str, text: str) -> None:
        if field in prompts.setdefault(label, {}):
            raise typer.BadParameter(f"{option} is given twice for one tumour: {text!r}")
        prompts[label][field] = value

    for name, texts in (("first_slice", first_slice), ("last_slice", last_slice)):
        option = f"--{name.replace('_', '-')}"
        for text in texts or ():
            label, (z,) = _split(text, int, 1, option, "33, or LABEL:33")
            give_once(label, name, z, option, text)
    for text in short_axis or ():
        example = "38,66,47,38,77,42, or LABEL:38,66,47,38,77,42"
        label, ends = _split(text, float, 6, "--short-axis", example)
        give_once(label, "short_axis_zyx", (ends[:3], ends[3:]), "--short-axis", text)
    for name, texts in (("inside", inside), ("outside", outside)):
        for text in texts or ():
            label, point = _split(text, int, 3, f"--{name}", "44,112,110, or LABEL:44,112,110")
            prompts.setdefault(label, {}).setdefault(f"{name}_zyx", []).append(point)
    return FilePrompts(prompts)


def parts_of(text: str) -> list[str]:
    """Numbers of a point or a line, between commas, spaces or brackets: `1,2,3`, `1 2 3`, `[[1, 2, 3], [4, 5, 6]]`."""
    return [part for part in re.split(r"[\s,\[\]()]+", text) if part]


def _split(
    text: str, number: Callable[[str], Number], n_numbers: int, option: str, example: str
) -> tuple[int | None, list[Number]]:
    """Label, if there is one, and numbers: whole ones of voxels and slices, others of ends of a line."""
    label, colon, rest = text.rpartition(":")
    try:
        numbers = [number(part) for part in parts_of(rest)]
        known = int(label) if colon else None
    except ValueError:
        numbers = []
    if len(numbers) != n_numbers:
        raise typer.BadParameter(f"{option}: expected {example}, got {text!r}")
    return known, numbers
