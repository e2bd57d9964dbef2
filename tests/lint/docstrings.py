"""`python -m tests.lint.docstrings`: docstrings are numpydoc, with a type and a description for every parameter.

numpydoc checks each public function, class and method that has sections; names that a room exports must document
every parameter. griffe, which makes the API reference, must find the same. `docstrings.toml` has numpydoc's codes.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
import tomllib
import warnings
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import griffe
from numpydoc.validate import validate

CONFIG = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
FORM = set(CONFIG["form"])
COMPLETE = set(CONFIG["complete"])


def rooms() -> list[str]:
    """Names of all rooms of the package."""
    found = pkgutil.walk_packages(importlib.import_module("lite_ensam").__path__, "lite_ensam.")
    return [one.name.removeprefix("lite_ensam.") for one in found if one.ispkg]


def modules(room: str) -> Iterator[ModuleType]:
    """A room of the package and the modules in it, but not its rooms."""
    package = importlib.import_module(f"lite_ensam.{room}")
    yield package
    for one in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if not one.ispkg:
            yield importlib.import_module(one.name)


def documented(room: str) -> Iterator[tuple[str, Any]]:
    """Path and object of each public function, class and method that a room defines."""
    for module in modules(room):
        for name, value in vars(module).items():
            if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
                continue
            if inspect.isfunction(value) or inspect.isclass(value):
                yield f"{module.__name__}.{name}", value
            for member, method in vars(value).items() if inspect.isclass(value) else ():
                if not member.startswith("_") and inspect.isfunction(method):
                    yield f"{module.__name__}.{name}.{member}", method


def exported(room: str) -> set[int]:
    """Identities of what a room exports; `reference.py` sees the methods of its classes."""
    package = importlib.import_module(f"lite_ensam.{room}")
    values = [getattr(package, name) for name in getattr(package, "__all__", ())]
    for module in modules(room) if not values else ():  # core has no exports of its own: its modules have
        values += [getattr(module, name) for name in getattr(module, "__all__", ())]
    return {id(value) for value in values}


def is_inherited(value: Any) -> bool:
    """Whether a class is made as its parents are: an exception, a tuple, an enum, or a protocol, which nobody makes."""
    return inspect.isclass(value) and (
        issubclass(value, Exception | tuple | Enum) or getattr(value, "_is_protocol", False)
    )


def faults(room: str) -> Iterator[str]:
    """What numpydoc has to say about a room."""
    public = exported(room)
    for path, value in documented(room):
        checks = FORM | COMPLETE if id(value) in public else FORM
        for code, message in validate(path)["errors"]:
            if code in checks and not (code == "PR01" and is_inherited(value)):
                yield f"{path}: {code} {message}"


def untyped(room: str) -> Iterator[str]:
    """Parameters for which griffe finds no type or no description."""
    package = griffe.load(f"lite_ensam.{room}", search_paths=["python"], docstring_parser="numpy")
    for path, _ in documented(room):
        try:
            found = package[path.removeprefix(f"lite_ensam.{room}.")]
        except KeyError:
            continue
        for section in found.docstring.parsed if found.docstring else ():
            if section.kind is griffe.DocstringSectionKind.parameters:
                for one in section.value:
                    if not one.annotation or not one.description:
                        yield f"{path}: griffe finds no {'description' if one.annotation else 'type'} of {one.name}"


def main() -> None:
    """Print all faults; the exit code is 1 if there are any."""
    warnings.simplefilter("ignore")
    found = [fault for room in rooms() for fault in (*faults(room), *untyped(room))]
    for fault in found:
        print(fault)
    print(f"{len(found)} faults in docstrings")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
