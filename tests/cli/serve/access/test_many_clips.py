"""Thousands of requests for clips at once."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.serving import path_of

from pgvoice.cli.serve import clips, running
from pgvoice.cli.serve.app import make_app
from pgvoice.cli.serve.settings import Settings
from pgvoice.hooks import fill
from pgvoice.hooks.listening.cutting import ClipCutter
from pgvoice.store import VoiceStore


@pytest.mark.parametrize("size", [200, pytest.param(3000, marks=pytest.mark.slow)])
def test_thousands_of_requests_for_clips_leave_room_for_pages(
    store: VoiceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = write(tmp_path / "talk.wav", voice(110, 6))
    fill(store, CountingEncoder(), video="talk", audio=path, segments=[(0, 6)])
    listening = running.listen("127.0.0.1", 0)
    settings = Settings(port=listening.getsockname()[1])
    app = make_app(store, settings)
    flood = _Flood(size, settings.port, path_of(app.state.entrance.link))
    monkeypatch.setattr(ClipCutter, "_cut", flood.held(ClipCutter._cut))
    server = running.prepare(app, settings)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        asyncio.run(asyncio.wait_for(flood.pour(), 120))
    finally:
        flood.may_go_on.set()
        server.should_exit = True
        thread.join(60)
    assert flood.statuses == {200: clips.MOST, 503: flood.size - clips.MOST}
    assert flood.told_to_retry == flood.size - clips.MOST
    assert flood.page == 200
    assert flood.most_at_once == clips.PARALLEL


class _Flood:
    """So many requests for different clips, none of which is cut before all others are answered."""

    def __init__(self, size: int, port: int, link: str) -> None:
        self.size = size
        self.may_go_on = threading.Event()
        self.statuses = Counter[int]()
        self.told_to_retry = self.page = self.most_at_once = self._at_once = 0
        self._port, self._link = port, link
        self._lock = threading.Lock()

    def held(self, cut: Callable[..., bytes]) -> Callable[..., bytes]:
        """Cuts clips, each once it may go on; counts how many are cut at a time."""

        def holding(*arguments: object) -> bytes:
            with self._lock:
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
            self.may_go_on.wait(120)
            try:
                return cut(*arguments)
            finally:
                with self._lock:
                    self._at_once -= 1

        return holding

    async def pour(self) -> None:
        entered = await self._get(self._link)
        cookie = re.search(rb"set-cookie: ([^;]+)", entered)
        assert cookie is not None
        asked = [
            asyncio.create_task(self._clip(place, cookie[1].decode())) for place in range(self.size)
        ]
        while self.statuses.total() < self.size - clips.MOST:
            await asyncio.sleep(0.01)
        self.page = _status(await self._get("/acts", cookie[1].decode()))
        self.may_go_on.set()
        await asyncio.gather(*asked)

    async def _clip(self, place: int, cookie: str) -> None:
        start = place / 1000
        answer = await self._get(f"/clips?video=talk&start={start}&end={start + 1}", cookie)
        self.told_to_retry += b"retry-after: 1\r\n" in answer
        self.statuses[_status(answer)] += 1

    async def _get(self, path: str, cookie: str = "") -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        host = f"Host: 127.0.0.1:{self._port}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
        writer.write(f"GET {path} HTTP/1.1\r\n{host}".encode())
        answer = await reader.read()
        writer.close()
        return answer


def _status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])
