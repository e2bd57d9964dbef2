"""`lite-ensam view`: the viewer in a tab of the browser, without a notebook."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from lite_ensam.cli.options import (
    Acquisition,
    Border,
    BorderName,
    Crop,
    Engine,
    EngineName,
    Hu,
    MarkFrameName,
    MarksIn,
    Mirror,
    Only,
    Repeats,
    Series,
    Threads,
    Weights,
    Window,
    as_options,
)
from lite_ensam.cli.prompts import FirstSlice, Inside, LastSlice, Outside, parse_prompts
from lite_ensam.cli.segment import Ct, Line, Marks, parse_lines, parse_window


def view(
    ct: Ct,
    marks: Marks = None,
    line: Line = None,
    marks_in: MarksIn = MarkFrameName.voxel,
    first_slice: FirstSlice = None,
    last_slice: LastSlice = None,
    inside: Inside = None,
    outside: Outside = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(help="Folder that the buttons write into [default: the one the scan lies in]"),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser, or print the address only")
    ] = True,
    engine: Engine = EngineName.openvino,
    crop: Crop = None,
    window: Window = None,
    hu: Hu = None,
    series: Series = None,
    acquisition: Acquisition = None,
    only: Only = None,
    threads: Threads = None,
    mirror: Mirror = False,
    border: Border = BorderName.readers,
    repeats: Repeats = 0,
    weights: Weights = None,
) -> None:
    """Draw lines on a scan and correct masks in the browser, offline; ends with its tab, or by Ctrl+C."""
    from lite_ensam.core.errors import CaseError, MissingExtraError, OutputError, printable
    from lite_ensam.io.outputs import refuse_inputs

    window_hu = None if window is None else parse_window(window)
    lines = parse_lines(line, marks, marks_in, only)
    prompts = parse_prompts(first_slice, last_slice, inside, outside)
    if not os.path.exists(ct):
        raise CaseError(f"{printable(ct)}: no such file or folder")
    folder = output_dir or Path(os.path.abspath(ct)).parent
    if not folder.is_dir():
        raise OutputError(
            f"--output-dir must be a folder that exists, got {printable(folder)}: make it first"
        )
    refuse_inputs([folder / "mask"], [ct, weights])
    try:
        from lite_ensam.engines import WEIGHTS
        from lite_ensam.widgets.explorer import explore
        from lite_ensam.widgets.view_server import ViewServer
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("lite_ensam"):
            raise
        raise MissingExtraError(f"view needs {error.name}: pip install 'lite-ensam[view]'") from error

    explorer = explore(
        ct,
        lines or marks,
        marks_in=marks_in.value,
        prompts=prompts,
        series_uid=series,
        acquisition=acquisition,
        only=only or (),
        hu=hu,
        engine=engine.value,
        crop=crop.value if crop else None,
        window=window_hu,
        threads=threads,
        mirror=mirror,
        border=border.value,
        n_repeats=repeats,
        weights=weights or WEIGHTS,
        folder=folder,
    )
    for note in explorer.viewer.source.notes:
        typer.echo(f"note: {as_options(note)}", err=True)
    ViewServer(explorer).run(show_in_browser if browser else typer.echo)


def show_in_browser(address: str) -> None:
    """Say the address, and open it; a browser of the terminal would hold up the server, hence in a thread."""
    import threading
    import webbrowser

    typer.echo(f"{address}\nThe viewer ends when you close its tab, or by Ctrl+C here.")
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
