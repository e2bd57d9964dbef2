"""JupyterLab and Notebook 7 on this machine, and a real Chromium in front of them; where requests went."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import nbformat

ARTEFACTS = Path(__file__).resolve().parents[2] / "artefacts"
START_SECONDS = 300

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",  # WebGL in software,
    "--disable-gpu-watchdog",  # which is not to be given up when the machine is busy
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str | None:
    """Path of the browser: the distribution's, never one that is fetched."""
    return next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)


def is_complaint(told: Any) -> bool:
    """WebGL in software says how slow it is to put its picture on the page; that is no fault of the page."""
    return told.type in ("error", "warning") and "GPU stall due to ReadPixels" not in told.text


def write_notebook(path: Path, *cells: str) -> None:
    """A Python notebook of these cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


BASE = "/user/reader"
"""JupyterHub puts each server under such a path; what asks for an address of its own misses it."""


@contextmanager
def running(folder: Path, app: str = "lab") -> Iterator[str]:
    """Jupyter as under JupyterHub, with private settings, its files in `folder`; gives its address.

    The server of JupyterLab shows notebooks in Notebook 7, too, where that is installed (`open_and_run`).
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    private = {
        name: str(folder / ".jupyter" / name)
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    _ask_for_no_news(Path(private["JUPYTER_CONFIG_DIR"]))
    command = [
        *(sys.executable, "-m", "jupyter", app, "--allow-root", "--no-browser", "--ip=127.0.0.1"),
        *(f"--port={port}", f"--ServerApp.base_url={BASE}/", "--expose-app-in-browser"),
        "--JupyterNotebookApp.expose_app_in_browser=True",
        *("--IdentityProvider.token=", "--ServerApp.password="),
    ]
    with open(folder / "jupyter.log", "wb") as log:
        environment = os.environ | private
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}{BASE}"
            _wait_for(f"{address}/api/status", server)
            yield address
        finally:
            server.terminate()
            server.wait(timeout=30)


def _ask_for_no_news(config: Path) -> None:
    """JupyterLab would put a question over the page, and its answer would want the internet."""
    settings = config / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(START_SECONDS * 5):
        assert server.poll() is None, "JupyterLab ended before it was ready: see jupyter.log"
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"JupyterLab was not ready after {START_SECONDS} s")


class Requests:
    """Where a page's requests and sockets went: hosts, and paths that are not the server's."""

    def __init__(self, context: Any) -> None:
        self.hosts: set[str] = set()
        self.astray: set[str] = set()
        context.on("request", lambda request: self._note(request.url))
        context.on("page", lambda page: page.on("websocket", lambda socket: self._note(socket.url)))

    def _note(self, url: str) -> None:
        parsed = urlparse(url)
        if parsed.scheme not in ("data", "blob", "about"):
            self.hosts.add(parsed.hostname or url)
            if not parsed.path.startswith(f"{BASE}/"):
                self.astray.add(url)


PLACES = {"JupyterLab": "lab/workspaces/w/tree/{}?reset", "Notebook 7": "notebooks/{}"}
"""Where each application shows a notebook."""


def open_and_run(
    page: Any, address: str, notebook: str, command: str = "notebook:run-all-cells", host: str = "JupyterLab"
) -> None:
    """Open a notebook in one of `PLACES` and run all of its cells, or as the command says."""
    page.goto(f"{address}/{PLACES[host].format(notebook)}", timeout=START_SECONDS * 1000)
    page.wait_for_function(
        "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.isReady "
        "&& window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'",
        timeout=START_SECONDS * 1000,
    )
    if host == "JupyterLab":
        page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    page.evaluate("(command) => window.jupyterapp.commands.execute(command)", command)


def run_in_kernel(page: Any, code: str) -> str:
    """What `code` prints, run in the open notebook's kernel."""
    return page.evaluate(
        """async (code) => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const future = kernel.requestExecute({ code, store_history: false });
            let text = "";
            future.onIOPub = ({ header, content }) => {
                if (header.msg_type === "stream") text += content.text;
                if (header.msg_type === "error") text += content.ename + ": " + content.evalue;
            };
            await future.done;
            return text;
        }""",
        code,
    )
