"""The command line: parse, call, print. Exit codes: 0 done, 1 this input is bad, 2 wrong usage."""

from __future__ import annotations

import signal
import sys
from io import TextIOWrapper

import typer

from lite_ensam.cli.cohort import cohort
from lite_ensam.cli.convert import convert
from lite_ensam.cli.demo import demo
from lite_ensam.cli.evaluate import evaluate
from lite_ensam.cli.info import info
from lite_ensam.cli.measure import measure
from lite_ensam.cli.respond import respond
from lite_ensam.cli.segment import segment
from lite_ensam.cli.train import export, train
from lite_ensam.errors import LiteEnsamError

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
app.command()(segment)
app.command()(measure)
app.command()(respond)
app.command()(convert)
app.command()(cohort)
app.command()(demo)
app.command()(evaluate)
app.command()(info)
app.command()(train)
app.command()(export)


def main() -> None:
    """Entry point of `lite-ensam` and `python -m lite_ensam`."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a file name that the terminal cannot show is no error
            stream.reconfigure(errors="backslashreplace")
    # an exit, not a death: files that are half written are taken away
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app(arguments)
    except (LiteEnsamError, OSError, MemoryError) as error:
        if debug:
            raise
        sys.stderr.write(f"lite-ensam: {str(error) or type(error).__name__}\n")
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        sys.stderr.write(f"lite-ensam: unexpected {what}; --debug shows where\n")
        sys.exit(1)
