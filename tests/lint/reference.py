"""`python -m tests.lint.reference`: docs/reference lists every public name, and says type and meaning of all it takes.

griffe reads the package as mkdocstrings does, from its sources. Public names are those of the package and of the
rooms' `__all__`. Each parameter, returned value and attribute of what the pages list has a type and a description.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import griffe

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "reference"
PACKAGE = "lite_ensam"
SECTIONS = griffe.DocstringSectionKind


def load() -> griffe.Module:
    """The package, from its sources."""
    package = griffe.load(
        PACKAGE, search_paths=[ROOT / "python"], docstring_parser="numpy", resolve_aliases=True
    )
    assert isinstance(package, griffe.Module)
    return package


def listed(package: griffe.Module) -> dict[str, griffe.Object]:
    """What the pages show, by the path of its definition."""
    pages = "".join(page.read_text(encoding="utf-8") for page in sorted(PAGES.glob("*.md")))
    found = {}
    for name in re.findall(rf"^::: {PACKAGE}\.(\S+)$", pages, re.MULTILINE):
        shown = package[name]
        members = public(shown) if shown.is_module else [shown]
        found |= {one.path: one for one in members if not one.is_module}
    return found


def public(parent: griffe.Object) -> Iterator[griffe.Object]:
    """Public members of a module or class where they are defined."""
    return (definition(member) for member in parent.members.values() if member.is_public)


def definition(one: griffe.Object | griffe.Alias) -> griffe.Object:
    """A name where it is defined, wherever it is imported."""
    return one.final_target if isinstance(one, griffe.Alias) else one


def exported(module: griffe.Module) -> Iterator[griffe.Object]:
    """What a package and the packages in it name in `__all__`."""
    for name in map(str, module.exports or ()):
        if name.startswith("__"):
            continue
        member = module[name]
        # griffe sees the file `evaluate.py`, where Python sees the function that it is named after
        yield definition(member[name] if member.is_module else member)
    for inner in module.modules.values():
        if inner.is_subpackage and not inner.is_alias:
            yield from exported(inner)


def unlisted(package: griffe.Module) -> Iterator[str]:
    """Public names that no page shows."""
    shown = listed(package)
    for one in exported(package):
        if one.path not in shown:
            yield f"{one.path} is public, and docs/reference does not list it"


def undocumented(one: griffe.Object) -> Iterator[str]:
    """What a public name takes, returns or holds without a type or a description."""
    if one.docstring is None:
        yield f"{one.path}: no docstring"
    elif isinstance(one, griffe.Function):
        yield from _undocumented_call(one, entries(one, SECTIONS.parameters))
        if str(one.returns) not in ("None", "NoReturn") and "property" not in one.labels:
            yield from _undocumented_return(one)
    elif isinstance(one, griffe.Class):
        yield from _undocumented_class(one)


def entries(one: griffe.Object, *kinds: griffe.DocstringSectionKind) -> dict[str, bool]:
    """Names in some sections of a docstring, and whether each has a type and a description."""
    sections = one.docstring.parsed if one.docstring else ()
    return {
        entry.name.lstrip("*"): bool(entry.annotation and entry.description.strip())
        for section in sections
        if section.kind in kinds
        for entry in section.value
    }


def _undocumented_call(call: griffe.Function, described: dict[str, bool]) -> Iterator[str]:
    for parameter in call.parameters:
        if parameter.name not in ("self", "cls") and not described.get(parameter.name.lstrip("*")):
            yield f"{call.path}: parameter {parameter.name} has no type or no description"


def _undocumented_return(call: griffe.Function) -> Iterator[str]:
    described = entries(call, SECTIONS.returns, SECTIONS.yields)
    if not described or not all(described.values()):
        yield f"{call.path}: the returned value has no type or no description"


def _undocumented_class(one: griffe.Class) -> Iterator[str]:
    described = entries(one, SECTIONS.parameters, SECTIONS.attributes)
    is_enum = any(str(base).endswith("Enum") for base in one.bases)  # members are of the class's own type
    init = one.members.get("__init__")
    if isinstance(init, griffe.Function):
        yield from _undocumented_call(init, described)
    for member in public(one):
        if member.name.startswith("__"):
            continue
        if isinstance(member, griffe.Attribute):
            if "property" in member.labels:
                yield from undocumented(member)
            elif not described.get(member.name) and not (member.docstring and (member.annotation or is_enum)):
                yield f"{member.path}: attribute without a type or a description"
        else:
            yield from undocumented(member)


def findings(package: griffe.Module) -> list[str]:
    """All that is to be mended."""
    described = (fault for one in listed(package).values() for fault in undocumented(one))
    return sorted({*unlisted(package), *described})


def main() -> None:
    """Print all findings; the exit code is 1 if there are any."""
    found = findings(load())
    print(*found, f"{len(found)} findings in what docs/reference lists", sep="\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
