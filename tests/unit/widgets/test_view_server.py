"""The server of `lite-ensam view`: who may ask, what travels, when it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

aiohttp = pytest.importorskip("aiohttp", reason="aiohttp is not installed: no lite-ensam view to test")

from lite_ensam.core.case import Case  # noqa: E402
from lite_ensam.core.errors import CaseError  # noqa: E402
from lite_ensam.io.dicom import SeriesSummary  # noqa: E402
from lite_ensam.widgets import Explorer, RecistViewer  # noqa: E402
from lite_ensam.widgets.frontend import ESM  # noqa: E402
from lite_ensam.widgets.marks_trait import marks_to_json  # noqa: E402
from lite_ensam.widgets.series_choice import SeriesChoice  # noqa: E402
from lite_ensam.widgets.view_server import ViewServer  # noqa: E402
from tests.unit.widgets.conftest import SphereEngine  # noqa: E402

GRACE_S = 0.3


class Client:
    """A browser's requests to a running server."""

    def __init__(self, session: Any, address: str, server: ViewServer, ended: asyncio.Future[None]) -> None:
        self.session, self.address, self.server, self.ended = session, address, server, ended
        self.origin = address.rsplit("/", 2)[0]

    async def get(self, path: str = "", **headers: str) -> tuple[int, str]:
        address = path if path.startswith("http") else self.address + path
        async with self.session.get(address, headers=headers) as answer:
            return answer.status, await answer.text()

    async def connect(self) -> Any:
        return await self.session.ws_connect(self.address + "socket", origin=self.origin)


@asynccontextmanager
async def serving(explorer: Explorer | SeriesChoice) -> AsyncIterator[Client]:
    """A server in a thread of its own; it must end by itself within the grace time."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[str] = loop.create_future()
    server = ViewServer(explorer, GRACE_S)
    ended = loop.run_in_executor(
        None, server.run, lambda address: loop.call_soon_threadsafe(ready.set_result, address)
    )
    async with aiohttp.ClientSession() as session:
        client = Client(session, await ready, server, ended)
        try:
            yield client
        finally:
            if not ended.done():
                await (await client.connect()).close()
            await asyncio.wait_for(ended, 10)


@pytest.fixture
def explorer(case: Case, engine: SphereEngine, tmp_path: Path) -> Explorer:
    return Explorer(RecistViewer(case.ct, grid=case.grid), "scan", tmp_path)


def run(explorer: Explorer | SeriesChoice, test: Callable[[Client], Awaitable[None]]) -> None:
    async def main() -> None:
        async with serving(explorer) as client:
            await test(client)

    asyncio.run(main())


async def until(socket: Any, fits: Callable[[dict[str, Any]], bool]) -> tuple[dict[str, Any], list[bytes]]:
    """The next message that fits, and its buffers."""
    while True:
        message = json.loads(await socket.receive_str(timeout=10))
        buffers = [await socket.receive_bytes(timeout=10) for _ in range(message["buffers"])]
        if fits(message):
            return message, buffers


def sets(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda message: message["method"] == "update" and bool(message["state"].get(name))


def test_the_page_is_the_notebooks_module_and_fetches_nothing_else(explorer: Explorer) -> None:
    async def test(client: Client) -> None:
        status, page = await client.get()
        assert status == 200
        assert "://" not in page
        assert await client.get("static/widget.js") == (200, ESM)
        assert (await client.get("view_page/host.js"))[0] == 200
        assert (await client.get("view_page/../view_server.py"))[0] != 200

    run(explorer, test)


def test_only_its_own_page_may_ask(explorer: Explorer) -> None:
    async def test(client: Client) -> None:
        own = client.address.replace(client.server.token, "x" * len(client.server.token))
        for address in (own, f"{client.origin}/", f"{client.origin}/static/widget.js", own + "socket"):
            status, words = await client.get(address)
            assert (status, words.split(":")[0]) == (403, "This address lacks the viewer's token")
        foreign = (403, "Only the viewer's own page may ask this server.")
        port = client.origin.rsplit(":", 1)[1]
        for host in ("example.org", f"example.org:{port}", f"localhost:{port}", "127.0.0.1:1"):
            assert await client.get("", Host=host) == foreign, "DNS rebinding"
        for origin in (
            "null",
            "https://example.org",
            f"http://localhost:{port}",
            f"https://127.0.0.1:{port}",
        ):
            assert await client.get("", Origin=origin) == foreign
            assert await client.get("socket", Origin=origin) == foreign
        assert await client.get("socket") == foreign, "a browser always names its origin"

    run(explorer, test)


def test_a_line_comes_back_as_masks_and_numbers(explorer: Explorer, case: Case, tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        socket = await client.connect()
        hello, _ = await until(socket, lambda message: True)
        assert (hello["name"], hello["folder"]) == ("scan", str(tmp_path))
        possible = [offer["file"] for offer in hello["offers"] if not offer["fault"]]
        assert possible == ["scan_mask.nii.gz", "scan_report.json", "scan_table.csv", "scan_planes.png"]
        refused = {offer["kind"]: offer["fault"] for offer in hello["offers"] if offer["fault"]}
        assert refused.keys() == {"SEG", "SR", "RTSTRUCT"}
        assert "an RTSTRUCT needs the DICOM slices of its CT" in refused["RTSTRUCT"]
        state, _ = await until(socket, sets("_scan"))
        assert not {"_esm", "_css", "layout"} & state["state"].keys()
        assert state["state"]["_scan"]["shape_zyx"] == list(case.grid.shape_zyx)

        marks = marks_to_json(case.marks[:1])
        await socket.send_json({"method": "update", "state": {"marks": marks}, "buffer_paths": []})
        await socket.send_json({"method": "custom", "content": {"kind": "segment"}})
        message, buffers = await until(socket, lambda message: message["method"] == "custom")
        assert len(buffers) == sum("patch" in one for one in message["content"]["slices"]) == 3
        rows, _ = await until(socket, sets("results"))
        volume = rows["state"]["results"][0]["volume_ml"]
        assert volume == explorer.viewer.measurements[0].to_dict()["volume_ml"] > 0

        await socket.send_json({"method": "save", "kind": "NIfTI", "replace": False})
        saved, _ = await until(socket, lambda message: message["method"] == "saved")
        assert (saved["words"], saved["bad"]) == (f"written: {tmp_path / 'scan_mask.nii.gz'}", False)
        await socket.send_json({"method": "save", "kind": "NIfTI"})
        saved, _ = await until(socket, lambda message: message["method"] == "saved")
        assert saved["bad"]
        assert "tick “replace files”" in saved["words"]
        await socket.close()

    run(explorer, test)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "a message that is not known"),
        ("[" * 100_000, "a message that is not known"),
        ("[1]", "a message that is not known"),
        ('{"method": "update", "state": {"results": []}}', "the browser may set marks,"),
        ('{"method": "update", "state": {"threshold": NaN}}', "threshold must be a finite number"),
        ('{"method": "custom", "content": {"kind": "value", "zyx": [0, 0, 1e9]}}', "zyx must be a voxel"),
    ],
)
def test_a_bad_message_is_answered_by_a_sentence(explorer: Explorer, text: str, words: str) -> None:
    async def test(client: Client) -> None:
        socket = await client.connect()
        await until(socket, sets("_scan"))
        await socket.send_str(text)
        said, _ = await until(socket, sets("error"))
        assert words in said["state"]["error"]
        await socket.close()

    run(explorer, test)


@pytest.mark.parametrize("kind", ["", "../x", 7, None, ["NIfTI"], {"a": 1}])
def test_a_kind_of_file_that_is_not_known_is_refused(explorer: Explorer, tmp_path: Path, kind: Any) -> None:
    async def test(client: Client) -> None:
        socket = await client.connect()
        await socket.send_json({"method": "save", "kind": kind, "replace": True})
        saved, _ = await until(socket, lambda message: message["method"] == "saved")
        assert saved["bad"]
        assert "kind must be one of SEG, SR, RTSTRUCT, NIfTI" in saved["words"]
        await socket.close()

    run(explorer, test)
    assert list(tmp_path.iterdir()) == []


def test_one_tab_at_a_time_and_the_end_comes_after_it(explorer: Explorer, case: Case) -> None:
    async def test(client: Client) -> None:
        first, second = await client.connect(), await client.connect()
        closed = await second.receive(timeout=10)
        assert (second.close_code, closed.extra.split(":")[0]) == (4001, "This scan is open in another tab")
        marks = marks_to_json(case.marks[:1])
        await first.send_json({"method": "update", "state": {"marks": marks}, "buffer_paths": []})
        await until(first, sets("results"))
        await first.close()

        again = await client.connect()  # the page was loaded again
        state, _ = await until(again, sets("_scan"))
        assert len(state["state"]["marks"]) == 1
        await asyncio.sleep(2 * GRACE_S)
        assert not client.ended.done()
        await again.close()
        await asyncio.wait_for(asyncio.shield(client.ended), 10)

    run(explorer, test)


def test_a_series_is_chosen_in_the_page_and_a_bad_one_is_told(explorer: Explorer) -> None:
    asked: list[str] = []

    def show(uid: str) -> Explorer:
        asked.append(uid)
        if uid == "1.2":
            raise CaseError("the folder: 3 slices are missing")
        return explorer

    series = [SeriesSummary(uid, n, "THORAX", 8, (5.0, 1.0, 1.0), 1) for n, uid in enumerate(("1.2", "1.3"))]

    async def test(client: Client) -> None:
        socket = await client.connect()
        listed, _ = await until(socket, lambda message: message["method"] == "choose")
        assert [one["description"] for one in listed["series"]] == ["THORAX"] * 2
        assert "1.2" not in json.dumps(listed), "a series is asked for by its place"
        await socket.send_str(json.dumps({"method": "save", "kind": "NIfTI"}))
        await until(socket, lambda message: message["method"] == "choose")
        for wrong in (2, -1, "0", None, True):
            await socket.send_str(json.dumps({"method": "open", "series": wrong}))
            told, _ = await until(socket, lambda message: message["method"] == "choose")
            assert "series must be a number from 0 to 1" in told["words"]
        await socket.send_str("not JSON")
        await until(socket, lambda message: message["method"] == "choose")
        assert asked == []
        await socket.send_str(json.dumps({"method": "open", "series": 0}))
        told, _ = await until(socket, lambda message: message["method"] == "choose")
        assert told["words"] == "the folder: 3 slices are missing"
        await socket.send_str(json.dumps({"method": "open", "series": 1}))
        shown, _ = await until(socket, sets("_scan"))
        assert shown["state"]["_scan"]["shape_zyx"] == list(explorer.viewer.grid.shape_zyx)
        await socket.close()

    run(SeriesChoice(series, show), test)
