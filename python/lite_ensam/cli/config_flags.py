"""A flag for each number of a frozen config, made when the command is run: no number is written twice.

The config's module may need packages that the command line does not (torch), so flags are made only for the
command that is asked for. What is given ends up in `given_of(context)`, by name and not yet merged with anything.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Annotated, Any, TypeVar, get_type_hints

import typer
from typer.core import TyperCommand

from lite_ensam.core.errors import MissingExtraError

__all__ = ["config_command", "given_of", "merge_given"]

Config = TypeVar("Config")

_GIVEN = "lite_ensam.config"
_PANEL = "Numbers of the training config (what is left out is as the preset has it)"


def config_command(
    config_class: Callable[[], type], skip: frozenset[str], require: Callable[[], None]
) -> type[TyperCommand]:
    """A command class for Typer with a flag for each field of a dataclass.

    Fields that are dataclasses themselves give a flag for each of theirs: `--patch-side-voxels`.

    Parameters
    ----------
    config_class : gives the dataclass when it is needed; ImportError makes no flags
    skip : fields without a flag
    require : raises `MissingExtraError` if packages are missing that the command needs; its help says so, too
    """

    @cache
    def options() -> tuple[Any, ...]:
        try:
            found = config_class()
        except ImportError:
            return ()

        def holder() -> None:
            pass

        parameters = list(_parameters(found, "", skip))
        holder.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        holder.__annotations__ = {each.name: each.annotation for each in parameters}
        app = typer.Typer(add_completion=False)
        app.command()(holder)
        return tuple(typer.main.get_command(app).params)

    class ConfigCommand(TyperCommand):
        def get_params(self, ctx: Any) -> list[Any]:
            return [*super().get_params(ctx), *options()]

        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            if "--help" not in args:
                require()  # before a flag that could not be made is called unknown
            return super().parse_args(ctx, args)

        def format_help(self, ctx: Any, formatter: Any) -> None:
            from rich.markup import escape

            try:
                require()
            except MissingExtraError as error:
                self.epilog = escape(f"The flags of the config cannot be listed: {error}")
            super().format_help(ctx, formatter)

    return ConfigCommand


def given_of(context: typer.Context) -> dict[str, Any]:
    """What was given on the command line, by dotted field name."""
    return dict(context.meta.get(_GIVEN, {}))


def merge_given(config: Config, given: dict[str, Any]) -> Config:
    """The config with what was given in place of what it had."""
    inner: dict[str, dict[str, Any]] = {}
    own: dict[str, Any] = {}
    for name, value in given.items():
        outer, _, rest = name.partition(".")
        if rest:
            inner.setdefault(outer, {})[rest] = value
        else:
            own[name] = value
    parts = {name: merge_given(getattr(config, name), values) for name, values in inner.items()}
    return replace(config, **own, **parts)  # type: ignore[type-var]


def _parameters(config_class: type, prefix: str, skip: frozenset[str]) -> Iterator[inspect.Parameter]:
    """What a function with these flags would have for parameters."""
    hints, texts = get_type_hints(config_class), _texts(config_class)
    for field in fields(config_class):
        hint, name = hints[field.name], f"{prefix}{field.name}"
        if field.name in skip:
            continue
        if is_dataclass(hint):
            yield from _parameters(hint, f"{name}.", skip)  # type: ignore[arg-type]
            continue
        kind: Any = (hint if hint in (int, float, bool) else str) | None
        annotation: Any = Annotated[kind, _option(name, hint, texts.get(field.name, ""))]
        parameter = f"config_{name.replace('.', '_')}"
        yield inspect.Parameter(
            parameter, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
        )


def _option(name: str, hint: Any, text: str) -> Any:
    flag = "--" + re.sub(r"[._]", "-", name)

    def keep(context: typer.Context, value: Any) -> None:
        if value is not None:
            context.meta.setdefault(_GIVEN, {})[name] = _parsed(flag, hint, value)

    declared = f"{flag}/--no-{flag[2:]}" if hint is bool else flag
    return typer.Option(
        declared, help=text, callback=keep, expose_value=False, rich_help_panel=_PANEL, show_default=False
    )


def _parsed(flag: str, hint: Any, value: Any) -> Any:
    """A tuple from comma-separated parts; `none` where None is allowed."""
    if hint in (int, float, bool):
        return value
    named = str(hint)
    if "None" in named and value.lower() == "none":
        return None
    if "tuple" not in named:
        return value
    part = next(kind for kind in (int, float, str) if kind.__name__ in named)
    try:
        return tuple(part(piece) for piece in value.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{flag}: expected {part.__name__} values with commas between, got {value!r}"
        ) from None


def _texts(config_class: type) -> dict[str, str]:
    """What the docstring's Parameters section says of each field."""
    texts: dict[str, str] = {}
    names: list[str] = []
    _, _, section = (config_class.__doc__ or "").partition("----------")
    for line in section.splitlines():
        entry = re.match(r"    (\w+(?:, \w+)*) : (.*)", line)
        if entry:
            names = entry[1].split(", ")
            texts |= dict.fromkeys(names, entry[2])
        elif line.startswith("        ") and names:
            texts |= {name: f"{texts[name]} {line.strip()}" for name in names}
        else:
            names = []
    return texts
