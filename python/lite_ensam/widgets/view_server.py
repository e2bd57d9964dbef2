"""The viewer without a notebook: a server on this machine for one tab of a browser, and the channel between the two.

Python's half and the browser's half are those of the notebook; what Jupyter's kernel and its page do between them is
done here. Messages are Jupyter's (`view_page/host.js` lists them), and what the browser sends goes through the same
checks. Whoever asks needs the token in the address, and both `Host` and `Origin` must be the server's own, so that
neither another user's programs nor a page of the internet that this browser shows can reach the scan.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import anywidget
from aiohttp import WSMsgType, web
from comm.base_comm import BaseComm

from lite_ensam.core.errors import LiteEnsamError, brief
from lite_ensam.widgets.explorer import Explorer
from lite_ensam.widgets.frontend import CSS, ESM
from lite_ensam.widgets.recist_viewer import RecistViewer
from lite_ensam.widgets.series_choice import SeriesChoice

__all__ = ["GRACE_S", "ViewServer"]

GRACE_S = 3.0
"""From the tab's end to the server's: a page that is loaded again comes back within it."""

MAX_MESSAGE_BYTES = 10 * 1024**2
"""As Jupyter's server takes from a browser."""

_HANDOVER_S = 1.0
"""A page that is loaded again may come before its old socket is known to be closed."""

_ANOTHER_TAB = "This scan is open in another tab: go on there, or close that tab and load this page again."
_NO_TOKEN = "This address lacks the viewer's token: open the address that lite-ensam view has printed."
_FOREIGN = "Only the viewer's own page may ask this server."
_STOPPED = "lite-ensam was ended in its terminal: start it again to go on."

_PAGE = Path(__file__).resolve().parent / "view_page"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self' ws://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
Outbox: TypeAlias = "asyncio.Queue[tuple[str, Sequence[bytes]]]"


class TabComm(BaseComm):  # type: ignore[misc]
    """Forward a widget's messages to the tab. Without a tab they are dropped, because a new tab gets the whole state.

    Attributes
    ----------
    outbox : Outbox or None
        Messages that still have to be sent to the tab; None without a tab.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.outbox: Outbox | None = None
        super().__init__(target_name="jupyter.widget")

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **_: Any
    ) -> None:
        """Called by ipywidgets, from any thread."""
        if msg_type == "comm_msg":
            self.tell(data, [bytes(buffer) for buffer in buffers or ()])

    def tell(self, message: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        """Send a message and its buffers."""
        if (outbox := self.outbox) is not None:
            text = json.dumps(message | {"buffers": len(buffers)}, allow_nan=False)
            self._loop.call_soon_threadsafe(outbox.put_nowait, (text, buffers))


class ViewServer:
    """Shows a scan in one tab at a time and ends with it.

    Parameters
    ----------
    shown : Explorer or SeriesChoice
        The scan in a viewer, or the series of a folder, one of which is chosen in the tab.
    grace_s : float, default GRACE_S
        Seconds between the end of the tab and the end of the server.
    """

    def __init__(self, shown: Explorer | SeriesChoice, grace_s: float = GRACE_S) -> None:
        self.shown, self._grace_s = shown, grace_s
        self.token = secrets.token_urlsafe(24)
        self.host = ""
        self._closing: asyncio.TimerHandle | None = None
        self._files = {
            "": ((_PAGE / "index.html").read_text(encoding="utf-8"), "text/html"),
            "view_page/host.js": ((_PAGE / "host.js").read_text(encoding="utf-8"), "text/javascript"),
            "view_page/series_list.js": (
                (_PAGE / "series_list.js").read_text(encoding="utf-8"),
                "text/javascript",
            ),
            "view_page/page.css": ((_PAGE / "page.css").read_text(encoding="utf-8"), "text/css"),
            "static/widget.js": (ESM, "text/javascript"),
            "static/viewer.css": (CSS, "text/css"),
        }

    @property
    def explorer(self) -> Explorer:
        """The scan; LiteEnsamError as long as no series has been chosen."""
        if isinstance(self.shown, SeriesChoice):
            raise LiteEnsamError("no series has been chosen yet: open one in the list first")
        return self.shown

    @property
    def viewer(self) -> RecistViewer:
        """Of `explorer`."""
        return self.explorer.viewer

    def run(self, on_ready: Callable[[str], None]) -> None:
        """Serve until the tab is closed, or Ctrl+C.

        Parameters
        ----------
        on_ready : Callable[[str], None]
            Called with the address once it can be opened.
        """
        with suppress(KeyboardInterrupt):  # where the loop takes no signals
            asyncio.run(self._serve(on_ready))

    async def _serve(self, on_ready: Callable[[str], None]) -> None:
        loop = asyncio.get_running_loop()
        self._ended, self._seat = asyncio.Event(), asyncio.Lock()
        self._socket: web.WebSocketResponse | None = None
        self._comm = TabComm(loop)
        if isinstance(self.shown, Explorer):
            self.viewer.comm = self._comm
        app = web.Application(middlewares=[self._guard])
        app.router.add_get(f"/{self.token}/socket", self._talk)
        app.router.add_get(f"/{self.token}/{{name:.*}}", self._file)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        # one thread, as in a kernel: messages are answered in their order, a save after the line before it
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lite-ensam-view")
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.host = f"127.0.0.1:{runner.addresses[0][1]}"
            with suppress(NotImplementedError, RuntimeError, ValueError):  # Windows; not the main thread
                loop.add_signal_handler(signal.SIGINT, self._ended.set)
            on_ready(f"http://{self.host}/{self.token}/")
            await self._ended.wait()
        finally:
            if self._socket is not None:
                await self._socket.close(message=_STOPPED.encode())
            await runner.cleanup()
            self._thread.shutdown()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what does not come from the viewer's own page."""
        origin = request.headers.get("Origin")
        token = request.path.removeprefix("/").partition("/")[0]
        if request.headers.get("Host") != self.host or origin not in (None, f"http://{self.host}"):
            return web.Response(status=403, text=_FOREIGN)
        if not secrets.compare_digest(token.encode(), self.token.encode()):
            return web.Response(status=403, text=_NO_TOKEN)
        return await handler(request)

    async def _file(self, request: web.Request) -> web.Response:
        if (found := self._files.get(request.match_info["name"])) is None:
            return web.Response(status=404, text="The viewer has no such page.")
        text, kind = found
        headers = {name: value.format(host=self.host) for name, value in _HEADERS.items()}
        return web.Response(text=text, content_type=kind, charset="utf-8", headers=headers)

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        """The tab's socket: what it sends is handled one by one, what the viewer sends goes out meanwhile."""
        if "Origin" not in request.headers:  # every browser names it
            return web.Response(status=403, text=_FOREIGN)
        socket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES)
        await socket.prepare(request)
        try:
            await asyncio.wait_for(self._seat.acquire(), _HANDOVER_S)
        except TimeoutError:
            await socket.close(code=4001, message=_ANOTHER_TAB.encode())
            return socket
        if self._closing is not None:
            self._closing.cancel()
        loop, self._socket = asyncio.get_running_loop(), socket
        outbox: Outbox = asyncio.Queue()
        writer = asyncio.create_task(_write(socket, outbox))
        try:
            await loop.run_in_executor(self._thread, self._greet, outbox)
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await loop.run_in_executor(self._thread, self._handle, message.data)
        finally:
            writer.cancel()
            self._comm.outbox = self._socket = None
            self._closing = loop.call_later(self._grace_s, self._ended.set)
            self._seat.release()
        return socket

    def _greet(self, outbox: Outbox) -> None:
        """A new tab is told all that the viewer shows now."""
        self._comm.outbox = outbox
        self._tell_all()

    def _tell_all(self, words: str = "") -> None:
        if isinstance(self.shown, SeriesChoice):
            self._comm.tell({"method": "choose", "series": self.shown.to_json(), "words": words})
            return
        shown = self.explorer
        hello = {"name": shown.name, "folder": str(shown.folder), "offers": shown.offers()}
        self._comm.tell({"method": "hello"} | hello)
        names = (
            set(self.viewer.keys) - set(anywidget.AnyWidget.class_trait_names(sync=True)) - {"_esm", "_css"}
        )
        self._comm.tell({"method": "update", "state": self.viewer.get_state(names)})

    def _handle(self, text: str) -> None:
        """Handle the browser's messages; errors are shown in the viewer, or above the list of series."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            data = None
        if isinstance(self.shown, SeriesChoice):
            self._open(self.shown, data)
            return
        if data is None:
            self.viewer.error = f"the browser sent a message that is not known: {brief(text)}"
            return
        try:
            if isinstance(data, dict) and data.get("method") == "save":
                self._save(data.get("kind"), data.get("replace") is True)
            else:
                self._comm.handle_msg({"content": {"data": data}, "buffers": []})
        except Exception as error:
            self.viewer.error = f"Something unforeseen went wrong: {type(error).__name__}: {error}"

    def _open(self, choice: SeriesChoice, data: Any) -> None:
        """Show the series that the browser asks for."""
        words = ""
        try:
            if isinstance(data, dict) and data.get("method") == "open":
                explorer = choice.open(data.get("series"))
                explorer.viewer.comm, self.shown = self._comm, explorer
        except LiteEnsamError as error:
            words = str(error)
        except Exception as error:
            words = f"Something unforeseen went wrong: {type(error).__name__}: {error}"
        self._tell_all(words)

    def _save(self, kind: Any, replace: bool) -> None:
        known = kind if isinstance(kind, str) else brief(kind)
        try:
            words, bad = self.explorer.save_and_tell(known, replace), False
        except LiteEnsamError as error:
            words, bad = str(error), True
        self._comm.tell({"method": "saved", "words": words, "bad": bad})


async def _write(socket: web.WebSocketResponse, outbox: Outbox) -> None:
    """Send what the outbox gets, each text before its buffers."""
    with suppress(ConnectionError):  # the tab was closed: its reader ends, too
        while True:
            text, buffers = await outbox.get()
            await socket.send_str(text)
            for buffer in buffers:
                await socket.send_bytes(buffer)
