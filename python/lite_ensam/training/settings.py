"""Settings of a frozen config by name, as texts: what `lite-ensam train --set patch.side_voxels=40` changes."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from lite_ensam.core.errors import TrainingError, brief

__all__ = ["Setting", "apply_settings", "list_settings"]

Config = TypeVar("Config")

_DECIDED = {"patch.crop": "crops"}
"""Settings that another one decides: `TrainingConfig` copies `crops` to its patch, which the weights record."""

_SIMPLE = {int: "whole number", float: "number", bool: "true or false", str: "text", NoneType: "none"}


@dataclass(frozen=True)
class Setting:
    """One number, text or list of a config.

    Parameters
    ----------
    name : str
        Name with dots, as in `model.filters`.
    kind : Any
        Type of the value.
    value : Any
        Value in the config.
    text : str
        Description from the docstring of its class.
    """

    name: str
    kind: Any
    value: Any
    text: str

    @property
    def takes(self) -> str:
        """Its allowed values, in words."""
        return _words(self.kind)

    def parse(self, text: str) -> Any:
        """Parse the text of a value; TrainingError if it is of another type.

        Parameters
        ----------
        text : str
            Value in Python or JSON.

        Returns
        -------
        Any
            The value in the setting's type.
        """
        try:
            return _coerced(_literal(text), self.kind)
        except ValueError:
            raise TrainingError(f"{self.name} takes a {self.takes}, got {brief(text)}") from None


def apply_settings(config: Config, settings: Iterable[str]) -> Config:
    """Change some settings of a config.

    Parameters
    ----------
    config : Config
        A frozen dataclass, whose fields may be such dataclasses.
    settings : Iterable[str]
        Texts `name=value`, names with dots. Values are written as in Python or JSON; `none` and lists
        separated by commas need no quotes.

    Returns
    -------
    Config
        A new config.

    Raises
    ------
    TrainingError
        If the setting is unknown, it takes something else, or it is set twice.
    ValueError
        If the config refuses the value.

    Examples
    --------
    >>> from lite_ensam.training.config import TrainingConfig
    >>> apply_settings(TrainingConfig(), ["steps=90", "model.blocks=1,1,2", "patch.window_hu=none"]).model.blocks
    (1, 1, 2)
    """
    known = {setting.name: setting for setting in list_settings(config)}
    changes: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = (part.strip() for part in setting.partition("="))
        if not equals:
            raise TrainingError(f"expected NAME=VALUE such as lr=0.001, got {brief(setting)}")
        if name in _DECIDED:
            raise TrainingError(f"{name} follows {_DECIDED[name]}: set {_DECIDED[name]}={text} instead")
        if name not in known:
            raise TrainingError(f"no setting is called {brief(name)}{_hint(name, list(known))}")
        if name in changes:
            raise TrainingError(f"{name} is set twice")
        changes[name] = known[name].parse(text)
    return _changed(config, changes)


def list_settings(config: object) -> Iterator[Setting]:
    """List every setting of a config, in order, with those of dataclasses in it, but not what another one decides.

    Parameters
    ----------
    config : object
        A frozen dataclass.

    Yields
    ------
    Setting
        Settings with names in dots.
    """
    hints, texts = get_type_hints(type(config)), _texts(type(config))
    for field in fields(config):  # type: ignore[arg-type]
        value = getattr(config, field.name)
        if is_dataclass(value):
            for inner in list_settings(value):
                if (name := f"{field.name}.{inner.name}") not in _DECIDED:
                    yield replace(inner, name=name)
        else:
            yield Setting(field.name, hints[field.name], value, texts.get(field.name, ""))


def _changed(config: Any, changes: dict[str, Any]) -> Any:
    """All at once: a config checks that its parts fit each other."""
    own = {name: value for name, value in changes.items() if "." not in name}
    parts = {name.partition(".")[0] for name in changes if "." in name}
    for part in parts:
        inner = {n.removeprefix(f"{part}."): v for n, v in changes.items() if n.startswith(f"{part}.")}
        own[part] = _changed(getattr(config, part), inner)
    return replace(config, **own)


def _hint(name: str, known: list[str]) -> str:
    if group := [one for one in known if one.startswith(f"{name}.")]:
        return f": it is a group, of {', '.join(group)}"
    last = {one.rpartition(".")[2]: one for one in known}
    near = get_close_matches(name, known, 1) or [
        last[one] for one in get_close_matches(name.replace("-", "_").rpartition(".")[2], last, 1)
    ]
    return f"; did you mean {near[0]}?" if near else "; --list-settings lists them"


def _literal(text: str) -> Any:
    """A text as Python or JSON reads it, or as it is."""
    if text.lower() in ("none", "null"):
        return None
    for read in (ast.literal_eval, json.loads):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return text


def _coerced(value: Any, kind: Any) -> Any:
    """The value as the type wants it; ValueError if it is of another."""
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        for one in args:
            try:
                return _coerced(value, one)
            except ValueError:
                continue
        raise ValueError
    if origin is Literal and value in args:
        return value
    if origin is tuple:
        items = value.split(",") if isinstance(value, str) else value
        items = [_literal(i.strip()) if isinstance(i, str) else i for i in _listed(items)]
        kinds = [args[0]] * len(items) if args[-1] is Ellipsis else args
        return tuple(_coerced(item, one) for item, one in zip(items, kinds, strict=True))
    if origin is dict and isinstance(value, dict):
        return {_coerced(key, args[0]): _coerced(one, args[1]) for key, one in value.items()}
    if kind is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if kind in (int, bool, str, NoneType) and type(value) is kind:
        return value
    raise ValueError


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _words(kind: Any, plural: str = "") -> str:
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return " or ".join(map(_words, args))
    if origin is Literal:
        return f"word{plural} out of {', '.join(args)}"
    if origin is tuple:
        count = "" if args[-1] is Ellipsis else f"{len(args)} "
        return f"list of {count}{_words(args[0], 's')} with commas between"
    if origin is dict:
        return f"dictionary of {_words(args[0], 's')} and {_words(args[1], 's')}"
    return _SIMPLE[kind] + plural


def _texts(config_class: type) -> dict[str, str]:
    """The description of each field, from the docstring's section Parameters."""
    texts: dict[str, str] = {}
    names: list[str] = []
    _, _, section = (config_class.__doc__ or "").partition("----------")
    for line in section.splitlines():
        entry = re.match(r"    (\w+(?:, \w+)*) : ", line)
        if entry:
            names = entry[1].split(", ")
            texts |= dict.fromkeys(names, "")
        elif line.startswith("        ") and names:
            texts |= {name: f"{texts[name]} {line.strip()}".strip() for name in names}
        else:
            names = []
    return texts
