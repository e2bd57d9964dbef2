"""`lite-ensam view`: the viewer in a tab of the browser, without a notebook."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from lite_ensam.cli.archives import Cache, PickDate, PickDescription, PickMaker, fetch, parse_choice
from lite_ensam.cli.options import Engine, EngineName, Hu, MarkFrameName, MarksIn, Series, Threads, as_options
from lite_ensam.cli.segment import Ct, Marks


def view(
    ct: Ct,
    marks: Marks = None,
    marks_in: MarksIn = MarkFrameName.voxel,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder that the buttons write into [default: where the scan lies; of an archive, here]"
        ),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser, or print the address only")
    ] = True,
    cache: Cache = None,
    pick_description: PickDescription = None,
    pick_date: PickDate = None,
    pick_maker: PickMaker = None,
    engine: Engine = EngineName.openvino,
    hu: Hu = None,
    series: Series = None,
    threads: Threads = None,
    prior: Annotated[
        Path | None,
        typer.Option(
            help="An earlier CT of the patient: registered and shown beside the scan (extra register)"
        ),
    ] = None,
    prior_marks: Annotated[
        Path | None, typer.Option(help="Lines on the prior scan: their masks are shown on it")
    ] = None,
) -> None:
    """Draw lines on a scan and correct masks in the browser, offline; ends with its tab, or by Ctrl+C.

    A DICOM folder with several CT series opens with a list of them, unless --series or --marks says which one.
    """
    from lite_ensam.core.errors import ArgumentError, CaseError, MissingExtraError, OutputError, printable
    from lite_ensam.io.outputs import refuse_inputs
    from lite_ensam.io.places import is_address, marks_at_hand

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
    refuse_inputs([folder / "mask"], [scan for scan in (ct, prior) if scan is not None])
    try:
        from lite_ensam.widgets.explorer import Explorer, explore
        from lite_ensam.widgets.series_choice import SeriesChoice, series_to_choose_from
        from lite_ensam.widgets.view_server import ViewServer
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("lite_ensam"):
            raise
        raise MissingExtraError(f"view needs {error.name}: pip install 'lite-ensam[view]'") from error

    choice = parse_choice(pick_description, pick_date, pick_maker)
    given = marks_at_hand(marks, cache=cache) if choice is None else choice

    def show(series_uid: str | None) -> Explorer:
        explorer = explore(
            fetch(ct, series_uid, given, cache),
            given,
            marks_in=marks_in.value,
            series_uid=series_uid,
            hu=hu,
            engine=engine.value,
            threads=threads,
            folder=folder,
            prior=prior,
            prior_marks=prior_marks,
        )
        for note in explorer.viewer.source.notes:
            typer.echo(f"note: {as_options(note)}", err=True)
        return explorer

    choose = series is None and given is None and not is_address(ct)
    choices = series_to_choose_from(ct) if choose else ()
    shown = SeriesChoice(choices, show) if choices else show(series)
    ViewServer(shown).run(show_in_browser if browser else typer.echo)


def show_in_browser(address: str) -> None:
    """Say the address, and open it; a browser of the terminal would hold up the server, hence in a thread."""
    import threading
    import webbrowser

    typer.echo(f"{address}\nThe viewer ends when you close its tab, or by Ctrl+C here.")
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
