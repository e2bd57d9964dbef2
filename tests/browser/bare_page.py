"""The viewer in a bare page of a real Chromium, its Python half in the test's own process: no Jupyter to wait for.

The page hands on what the browser's half sets and asks for, and takes back what Python then has and sends. What is
tested so runs from the mouse to the network and back to the picture.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lite_ensam.widgets import RecistViewer
from tests.browser.jupyter_page import JupyterPage
from tests.browser.jupyter_server import CHROMIUM_ARGUMENTS, Requests, chromium, is_complaint

_PAGE = """<!doctype html>
<style>
  body { margin: 0; background: var(--jp-layout-color0, #fff); }
  body.dark {
    --jp-layout-color0: #111; --jp-layout-color1: #212121; --jp-layout-color2: #424242;
    --jp-ui-font-color1: #ffffffde; --jp-ui-font-color2: #ffffffb3;
    --jp-border-color1: #616161; --jp-border-color2: #424242;
    --jp-brand-color1: #1976d2; --jp-brand-color2: #42a5f5;
    --jp-rendermime-table-row-hover-background: #1565c066; color-scheme: dark;
  }
</style>
<div id="place"></div>
"""
_HOST = """
async ({ state, esm, css }) => {
    const listeners = {};
    const changed = {};
    const tell = (name, ...what) => (listeners[name] ?? []).forEach((listener) => listener(...what));
    const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
    const put = (name, value) => { state[name] = value; tell(`change:${name}`); };
    const ask = async (question) => {
        const { traits, messages } = await window.python(question);
        messages.forEach(([message, buffers]) => tell("msg:custom", message, buffers.map(bytes)));
        Object.entries(traits).forEach(([name, value]) => put(name, value));
    };
    const model = {
        get: (name) => state[name],
        set: (name, value) => { changed[name] = value; put(name, value); },
        save_changes: () => {
            const traits = { ...changed };
            Object.keys(changed).forEach((name) => delete changed[name]);
            ask({ traits });
        },
        on: (name, listener) => { (listeners[name] ??= []).push(listener); },
        off: (name, listener) => { listeners[name] = (listeners[name] ?? []).filter((l) => l !== listener); },
        send: (message) => ask({ message }),
    };
    const module = await import(URL.createObjectURL(new Blob([esm], { type: "text/javascript" })));
    const style = document.createElement("style");
    style.textContent = css;
    const el = document.createElement("div");
    document.getElementById("place").append(style, el);
    module.default.render({ model, el });
}
"""


class BarePage(JupyterPage):
    """The open page; `viewer` is its Python half."""

    viewer: RecistViewer

    def until_seen(self, selector: str) -> Any:
        """Wait for an element."""
        return self.page.wait_for_selector(selector, timeout=30_000)

    def says(self, words: str) -> None:
        """Wait for words over the picture."""
        self.until_seen(f".le-message >> text={words}")


@contextmanager
def bare_page(viewer: RecistViewer, width: int = 1600, height: int = 1000) -> Iterator[BarePage]:
    """Open a page with the viewer; errors in the page and requests to anywhere fail the test."""
    complaints: list[str] = []
    messages: list[tuple[dict[str, Any], list[str]]] = []
    resent: set[str] = set()

    def send(content: dict[str, Any], buffers: Any = None) -> None:
        messages.append((content, [base64.b64encode(b).decode() for b in buffers or []]))

    def python(question: dict[str, Any]) -> dict[str, Any]:
        resent.clear()
        before = viewer.get_state() | question.get("traits", {})  # what the page has
        if "traits" in question:
            viewer.set_state(question["traits"])
        else:
            viewer._handle_custom_msg(question["message"], [])
        traits = {
            name: value
            for name, value in viewer.get_state().items()
            if value != before[name] or (viewer.error and name in resent)
        }
        answer = {"traits": traits, "messages": list(messages)}
        messages.clear()
        return answer

    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with pytest.MonkeyPatch.context() as patch, playwright.sync_playwright() as session:
        patch.setattr(viewer, "send", send)
        patch.setattr(
            viewer, "send_state", lambda key=None: resent.update([key] if isinstance(key, str) else key or ())
        )
        browser = session.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        page = browser.new_context(viewport={"width": width, "height": height}).new_page()
        page.on("console", lambda told: is_complaint(told) and complaints.append(told.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.expose_function("python", python)
        desk = BarePage(page, Requests(page.context), viewer.grid)
        desk.viewer = viewer
        state = viewer.get_state()
        parts = {"esm": state.pop("_esm"), "css": state.pop("_css")}
        kept = {name: value for name, value in state.items() if not str(value).startswith("IPY_MODEL")}
        page.set_content(_PAGE)
        page.evaluate(_HOST, parts | {"state": kept})
        desk.canvas("[data-index]")
        yield desk
        browser.close()
    assert complaints == [], complaints
    assert desk.requests.hosts == set()
