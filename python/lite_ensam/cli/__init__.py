"""The command line: parse, call, print. Exit codes: 0 done, 1 this input is bad, 2 wrong usage."""

from __future__ import annotations

import atexit
import gc
import signal
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from io import TextIOWrapper
from keyword import iskeyword
from typing import Annotated

import typer

from lite_ensam.cli.options import as_options
from lite_ensam.core.errors import LiteEnsamError

COMMANDS = {
    "segment": "segment",
    "measure": "measure",
    "match": "match",
    "respond": "respond",
    "convert": "convert",
    "flare": "flare",
    "cohort": "cohort",
    "demo": "demo",
    "evaluate": "evaluate",
    "info": "info",
    "view": "view",
    "train": "train",
    "export": "weights",
    "import": "weights",
    "pack": "train",
}
"""Each command and the module of this package that has the function of its name, with `_` behind a Python keyword."""

_COLLECT_AFTER = 50_000
"""New objects until Python looks for garbage: by default imports are interrupted for that hundreds of times."""


def build_app(commands: Iterable[str] = COMMANDS) -> typer.Typer:
    """The application with some of its commands; those left out are not imported."""
    app = typer.Typer(
        name="lite-ensam",
        help="One RECIST line on a CT becomes a 3D tumour mask and its measurements. "
        "Research use, not a medical device.",
        epilog="Add --debug anywhere to see where an error was raised.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    app.callback()(_before_any)  # with it a single command is called by its name, too
    for name in commands:
        module = import_module(f"lite_ensam.cli.{COMMANDS[name]}")
        app.command(name)(getattr(module, f"{name}_" if iskeyword(name) else name))
    return app


def _say_version(wanted: bool) -> None:
    if wanted:
        from lite_ensam import _kernels

        typer.echo(f"lite-ensam {_kernels.__version__}")
        raise typer.Exit


def _before_any(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version", is_eager=True, callback=_say_version)
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point of `lite-ensam` and `python -m lite_ensam`."""
    gc.set_threshold(_COLLECT_AFTER)
    atexit.register(_leave_garbage)
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a file name that the terminal cannot show is no error
            stream.reconfigure(errors="backslashreplace")
    # an exit, not a death: files that are half written are taken away
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        build_app(_named(arguments))(arguments)
    except (LiteEnsamError, OSError, MemoryError) as error:
        if debug:
            raise
        sys.stderr.write(f"lite-ensam: {as_options(str(error)) or type(error).__name__}\n")
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        sys.stderr.write(f"lite-ensam: unexpected {what}; --debug shows where\n")
        sys.exit(1)


def _leave_garbage() -> None:
    """Skip the search for garbage at the end of the process; torch's compiler would complain."""
    if "torch" not in sys.modules:
        gc.freeze()


def _named(arguments: Sequence[str]) -> Iterable[str]:
    """The command that is called; all of them where that is not plain."""
    if arguments == ["--version"]:
        return ()
    return arguments[:1] if arguments and arguments[0] in COMMANDS else COMMANDS
