"""What happens is told to those who follow it, with what is needed to come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pgvoice_testkit.serving import client
from pgvoice_testkit.stores import served_library
from starlette.testclient import TestClient

from pgvoice.cli.serve.api import happenings
from pgvoice.store import VoiceStore

PATH = "/api/v1/events"
Block = dict[str, str]


class Follower:
    """Reads an endless stream from the app itself, as a server does; closes it at the end."""

    def __init__(self, browser: TestClient, last: str | None = None) -> None:
        self._app: Any = browser.app
        cookie = "; ".join(f"{each.name}={each.value}" for each in browser.cookies.jar)
        headers = {"host": "127.0.0.1:8642", "cookie": cookie}
        if last is not None:
            headers["last-event-id"] = last
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._gone = asyncio.Event()
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._text = ""

    async def __aenter__(self) -> Follower:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "path": PATH,
            "raw_path": PATH.encode(),
            "query_string": b"",
            "headers": self._headers,
            "scheme": "http",
            "server": ("127.0.0.1", 8642),
            "client": ("127.0.0.1", 1),
        }
        self._task = asyncio.create_task(self._app(scope, self._receive, self._sent.put))
        self.start = await self._sent.get()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.set()
        await self._task

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def next(self) -> Block:
        """The next event or comment."""
        while "\n\n" not in self._text:
            self._text += (await self._sent.get())["body"].decode()
        block, _, self._text = self._text.partition("\n\n")
        return dict(line.split(": ", 1) for line in block.splitlines())

    async def ended(self) -> None:
        await self._task


def _follow(story: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(story(), 60)

    asyncio.run(limited())


@pytest.fixture
def browser(store: VoiceStore) -> Any:
    opened = client(store)
    yield opened
    opened.app.state.entrance.site.ending.close()  # type: ignore[attr-defined]


def test_what_happens_is_told_and_nothing_is_missed(browser: TestClient, store: VoiceStore) -> None:
    async def story() -> None:
        async with Follower(browser) as follower:
            begun = await follower.next()
            assert begun[""] == "listening"
            await asyncio.to_thread(served_library.make, store)
            told = [await follower.next() for _ in range(3)]
            assert all(each["event"] in ("filled", "named", "heard") for each in told)
            filled = json.loads(told[0]["data"])
            assert (filled["kind"], filled["video"]) == ("filled", "monday")
        async with Follower(browser, told[0]["id"]) as returned:
            await returned.next()
            assert [await returned.next() for _ in range(2)] == told[1:]
        async with Follower(browser, "another-7") as late:
            await late.next()
            assert (await late.next())["event"] == "reconnected"

    _follow(story)


def test_only_so_many_may_follow(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(happenings, "MOST_LISTENERS", 1)

    async def story() -> None:
        async with Follower(browser) as follower:
            await follower.next()
            full = await asyncio.to_thread(browser.get, PATH)
            assert full.status_code == 503
            assert int(full.headers["retry-after"]) > 0
        async with Follower(browser) as follower:
            assert follower.start["status"] == 200

    _follow(story)


def test_the_stream_ends_with_the_server(browser: TestClient) -> None:
    async def story() -> None:
        async with Follower(browser) as follower:
            await follower.next()
            browser.app.state.entrance.site.closing.set()  # type: ignore[attr-defined]
            await follower.ended()

    _follow(story)
