"""The command line: parse, call, print. Exit codes: 0 done, 1 invalid input, 2 incorrect usage, 130 interrupted."""

from __future__ import annotations

import atexit
import gc
import signal
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from keyword import iskeyword
from typing import Annotated, NamedTuple

import typer

from lite_ensam.cli import streams, verbosity
from lite_ensam.cli.options import as_options
from lite_ensam.core.errors import LiteEnsamError


class Command(NamedTuple):
    """Where a command is defined, and how the help shows it.

    Attributes
    ----------
    module : str
        Module of this package with the function of the command's name (with `_` appended to a Python
        keyword).
    group : str
        Heading above the command in `lite-ensam --help`.
    example : str
        A call that works, without `lite-ensam` itself.
    """

    module: str
    group: str
    example: str


_SEGMENT, _RESPONSE, _WEIGHTS = "Segment and measure", "Response and conversion", "Evaluate and train"
_ARCHIVE = "Archives (PACS)"

COMMANDS = {
    "segment": Command("segment", _SEGMENT, "segment ct.nii.gz --marks marks.json -o mask.nii.gz"),
    "view": Command("view", _SEGMENT, "view ct.nii.gz --marks marks.json"),
    "measure": Command("measure", _SEGMENT, "measure ct.nii.gz mask.nii.gz --csv sizes.csv"),
    "cohort": Command("cohort", _SEGMENT, "cohort manifest.csv -o results"),
    "flare": Command("flare", _SEGMENT, "flare inputs outputs"),
    "respond": Command("respond", _RESPONSE, "respond study.json --html response.html"),
    "match": Command("match", _RESPONSE, "match ct_1 lines_1.json ct_2 lines_2.json -o named_2.json"),
    "adjudicate": Command(
        "adjudicate", _RESPONSE, "adjudicate reader1.json reader2.json --html readers.html"
    ),
    "convert": Command("convert", _RESPONSE, "convert dicom_folder -o ct.nii.gz"),
    "send": Command("send", _ARCHIVE, "send seg.dcm sr.dcm --to ae://PACS@10.0.0.5:104"),
    "listen": Command("listen", _ARCHIVE, "listen inbox --to ae://PACS@10.0.0.5:104"),
    "evaluate": Command("evaluate", _WEIGHTS, "evaluate DATA/val --html page.html"),
    "train": Command("train", _WEIGHTS, "train DATA --run runs/mine --preset cpu"),
    "pack": Command("train", _WEIGHTS, "pack DATA bank.tar.xz"),
    "export": Command("weights", _WEIGHTS, "export runs/mine/best.safetensors my_weights"),
    "import": Command("weights", _WEIGHTS, "import lite_ensam_flare25.pth -o theirs"),
    "demo": Command("demo", "Try it", "demo --overwrite"),
    "info": Command("info", "Try it", "info --json"),
}
"""All commands, in the order of the help."""

_COLLECT_AFTER = 50_000
"""New objects until Python looks for garbage: by default imports are interrupted for that hundreds of times."""


def build_app(commands: Iterable[str] = COMMANDS) -> typer.Typer:
    """The application with some of its commands; those left out are not imported."""
    app = typer.Typer(
        name="lite-ensam",
        help="One RECIST line on a CT becomes a 3D tumour mask and its measurements. "
        "Research use, not a medical device.",
        epilog="All commands take -q (print errors only), -v (print more) and --debug (show where an error arose). "
        "`lite-ensam COMMAND -h` explains a command.",
        context_settings={"help_option_names": ["-h", "--help"]},
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    app.callback()(_before_any)  # with it a single command is called by its name, too
    for name in commands:
        command = COMMANDS[name]
        module = import_module(f"lite_ensam.cli.{command.module}")
        show = app.command(
            name, rich_help_panel=command.group, epilog=f"Example: lite-ensam {command.example}"
        )
        show(getattr(module, f"{name}_" if iskeyword(name) else name))
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
    arguments, said = verbosity.split(sys.argv[1:])
    debug = "--debug" in said
    streams.harden()
    # an exit, not a death: files that are half written are taken away
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with verbosity.applied(said, arguments):
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
