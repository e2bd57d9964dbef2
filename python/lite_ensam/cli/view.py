"""`lite-ensam view`: the viewer in a tab of the browser, without a notebook."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from lite_ensam.cli.archives import Cache, PickDate, PickDescription, PickMaker, fetch, parse_choice
from lite_ensam.cli.options import (
    Acquisition,
    BorderName,
    Crop,
    Engine,
    EngineName,
    Hu,
    MarkFrameName,
    MarksIn,
    Only,
    Repeats,
    Series,
    Threads,
    Weights,
    Window,
    as_options,
)
from lite_ensam.cli.prompts import FirstSlice, Inside, LastSlice, Outside, ShortAxis, parse_prompts
from lite_ensam.cli.segment import Ct, Line, Marks, check_marks_options, parse_line, parse_window
from lite_ensam.cli.verbosity import say_aside

OutputDir = Annotated[
    Path | None,
    typer.Option(
        help="Folder for the files of the viewer's buttons",
        show_default="the scan's folder; for an archive, this one",
    ),
]
ViewMirror = Annotated[
    bool | None,
    typer.Option(
        "--mirror/--no-mirror",
        help="Average each result with that of the mirror image; doubles the network's time",
        show_default="as in the report, if --marks is one; else no mirror",
    ),
]
ViewBorder = Annotated[
    BorderName | None,
    typer.Option(
        help="Put the border where readers draw it (readers) or where grey values change (edge)",
        show_default="as in the report, if --marks is one; else readers",
    ),
]
Browser = Annotated[
    bool, typer.Option("--browser/--no-browser", help="Open the browser, or only print the address")
]
Prior = Annotated[
    str | None,
    typer.Option(
        help="Register an earlier CT of the patient and show it next to the scan (extra `register`)"
    ),
]
PriorMarks = Annotated[
    str | None, typer.Option(help="Segment these lines on the earlier CT and show their masks")
]


def view(
    ct: Ct,
    marks: Marks = None,
    line: Line = None,
    marks_in: MarksIn = MarkFrameName.voxel,
    first_slice: FirstSlice = None,
    last_slice: LastSlice = None,
    inside: Inside = None,
    outside: Outside = None,
    short_axis: ShortAxis = None,
    output_dir: OutputDir = None,
    browser: Browser = True,
    cache: Cache = None,
    pick_description: PickDescription = None,
    pick_date: PickDate = None,
    pick_maker: PickMaker = None,
    engine: Engine = EngineName.openvino,
    crop: Crop = None,
    window: Window = None,
    hu: Hu = None,
    series: Series = None,
    acquisition: Acquisition = None,
    only: Only = None,
    threads: Threads = None,
    mirror: ViewMirror = None,
    border: ViewBorder = None,
    repeats: Repeats = 0,
    weights: Weights = None,
    prior: Prior = None,
    prior_marks: PriorMarks = None,
) -> None:
    """Draw lines on a scan and correct masks in the browser, offline.

    The command ends when you close the tab, or by Ctrl+C.

    A DICOM folder with several CT series opens with a list of them, unless --series or --marks says which one.
    """
    from lite_ensam.core.errors import MissingExtraError
    from lite_ensam.io.outputs import refuse_inputs
    from lite_ensam.io.places import is_address, marks_at_hand

    lines = [parse_line(text, marks_in) for text in line or ()]
    choice = parse_choice(pick_description, pick_date, pick_maker)
    check_marks_options(lines, marks, only, choice)
    folder = _folder(ct, prior, prior_marks, output_dir)
    refuse_inputs([folder / "mask"], [place for place in (ct, prior, weights) if place is not None])
    try:
        from lite_ensam.widgets.explorer import Explorer, explore
        from lite_ensam.widgets.series_choice import SeriesChoice, series_to_choose_from
        from lite_ensam.widgets.view_server import ViewServer
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("lite_ensam"):
            raise
        raise MissingExtraError(f"view needs {error.name}: pip install 'lite-ensam[view]'") from error

    given = lines or (marks_at_hand(marks, cache=cache) if choice is None else choice)

    def show(series_uid: str | None) -> Explorer:
        explorer = explore(
            fetch(ct, series_uid, given, cache),
            given,
            marks_in=marks_in.value,
            prompts=parse_prompts(first_slice, last_slice, inside, outside, short_axis),
            series_uid=series_uid,
            acquisition=acquisition,
            only=only or (),
            hu=hu,
            engine=engine.value,
            crop=crop.value if crop else None,
            window=parse_window(window) if window else None,
            threads=threads,
            mirror=mirror,
            border=border.value if border else None,
            n_repeats=repeats,
            weights=weights,
            folder=folder,
            prior=None if prior is None else fetch(prior, None, prior_marks, cache),
            prior_marks=marks_at_hand(prior_marks, cache=cache),
        )
        _tell(explorer.viewer.source.notes)
        return explorer

    chosen = series is not None or given is not None or is_address(ct)
    choices = () if chosen else series_to_choose_from(ct)
    shown = SeriesChoice(choices, show) if choices else show(series)
    ViewServer(shown).run(show_in_browser if browser else typer.echo)


def _tell(notes: Iterable[str]) -> None:
    """Print the notes on the scan, in the words of the command line."""
    for note in notes:
        say_aside(f"note: {as_options(note)}")


def _folder(ct: str, prior: str | None, prior_marks: str | None, output_dir: Path | None) -> Path:
    """Where the buttons write; errors for a scan or a folder that is not there."""
    from lite_ensam.core.errors import ArgumentError, CaseError, OutputError, printable
    from lite_ensam.io.places import is_address

    for scan in (ct, prior):
        if scan is not None and not is_address(scan) and not os.path.exists(scan):
            raise CaseError(f"{printable(scan)}: no such file or folder")
    if prior_marks is not None and prior is None:
        raise ArgumentError("--prior-marks are lines on a prior scan: say which one by --prior")
    folder = output_dir or (Path() if is_address(ct) else Path(os.path.abspath(ct)).parent)
    if not folder.is_dir():
        raise OutputError(
            f"--output-dir must be a folder that exists, got {printable(folder)}: make it first"
        )
    return folder


def show_in_browser(address: str) -> None:
    """Say the address, and open it; a browser of the terminal would hold up the server, hence in a thread."""
    import threading
    import webbrowser

    typer.echo(f"{address}\nThe viewer ends when you close its tab, or by Ctrl+C here.")
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
