"""`lite-ensam view` in a process of its own, an empty tab for it, and a study with several series."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import numpy as np
from pydicom.uid import generate_uid

from lite_ensam.core.grid import Grid
from lite_ensam.widgets import Explorer
from tests.browser.jupyter_page import JupyterPage
from tests.browser.jupyter_server import CHROMIUM_ARGUMENTS, Requests, chromium, is_complaint
from tests.unit.io.dicom.files import write_slice


@contextmanager
def viewing(*arguments: object) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Address and process of the running command; what is left of it is ended."""
    command = [sys.executable, "-m", "lite_ensam", "view", *map(str, arguments), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), process.communicate()
        yield address, process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def served(explorer: Explorer) -> Iterator[str]:
    """The address of the viewer's own server, in a thread of this process."""
    from lite_ensam.widgets.view_server import ViewServer

    server, ready = ViewServer(explorer), SimpleQueue[str]()
    loop = asyncio.new_event_loop()
    serving = loop.create_task(server._serve(ready.put))
    thread = threading.Thread(target=loop.run_until_complete, args=(serving,))
    thread.start()
    try:
        yield ready.get(timeout=60)
    finally:
        loop.call_soon_threadsafe(server._ended.set)
        thread.join(60)
        loop.close()


@contextmanager
def tab(grid: Grid) -> Iterator[tuple[JupyterPage, list[str]]]:
    """An empty tab, and what its console complains of."""
    complaints: list[str] = []
    from playwright.sync_api import sync_playwright

    with sync_playwright() as session:
        browser = session.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        page = browser.new_context(viewport={"width": 1600, "height": 1000}).new_page()
        page.on("console", lambda told: is_complaint(told) and complaints.append(told.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield JupyterPage(page, Requests(page.context), grid), complaints
        browser.close()


def write_study(folder: Path, *series: tuple[str, int, float]) -> None:
    """CT series of one study, each with its description, number of slices, and mm between them."""
    folder.mkdir()
    for number, (text, n, step) in enumerate(series, start=1):
        uid = generate_uid()
        for k in range(n):
            stored = np.full((64, 64), 900 + 50 * k, np.uint16)
            where = folder / f"{number}-{k}.dcm"
            write_slice(
                where, stored, (0, 0, k * step), series=uid, SeriesNumber=number, SeriesDescription=text
            )
