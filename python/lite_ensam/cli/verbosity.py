"""Options that every command takes, anywhere on the line: -q, -v and --debug."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout

import typer

EVERYWHERE = {"-q": "-q", "--quiet": "-q", "-v": "-v", "--verbose": "-v", "--debug": "--debug"}

_IS_VERBOSE = False
_IS_QUIET = False


def split(arguments: Sequence[str]) -> tuple[list[str], set[str]]:
    """Arguments of the command itself, and the options that hold everywhere, in their short form.

    Examples
    --------
    >>> split(["segment", "ct.nii.gz", "--quiet"])
    (['segment', 'ct.nii.gz'], {'-q'})
    """
    own = [argument for argument in arguments if argument not in EVERYWHERE]
    return own, {EVERYWHERE[argument] for argument in arguments if argument in EVERYWHERE}


@contextmanager
def applied(said: set[str], own: Sequence[str] = ()) -> Iterator[None]:
    """Run a command verbosely, or quietly: it prints errors only, and the JSON that its `own` arguments ask for."""
    global _IS_VERBOSE, _IS_QUIET
    _IS_VERBOSE, _IS_QUIET = "-v" in said, "-q" in said
    if "-q" not in said or "--json" in own:
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


def is_quiet() -> bool:
    """Whether the user asked for errors only: a bar on stderr is not one."""
    return _IS_QUIET


def say_aside(text: str, nl: bool = True) -> None:
    """Print a note or progress to stderr, unless the user asked for errors only."""
    if not _IS_QUIET:
        typer.echo(text, nl=nl, err=True)


def is_verbose() -> bool:
    """Whether the user asked for more than results: commands then print the seconds of each step."""
    return _IS_VERBOSE
