"""``ServedClips``: answers requests for clips, a few at a time."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pgvoice.hooks.errors import ExtraMissing
from pgvoice.store.voice_store import VoiceStore

if TYPE_CHECKING:
    from pgvoice.hooks.listening.cutting import ClipCutter, WavClip

#: Clips that are cut at a time.
PARALLEL = 4

#: Requests for clips at a time: waiting, being cut and being sent. At 6 MB each, they take 400 MB
#: at worst; further ones are told to come again.
MOST = 64
#: Seconds after which they may.
RETRY_SECONDS = 1
#: A slow browser has so many bytes of its clip waiting, not all of it.
_CHUNK = 64 * 2**10
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)


class ServedClips:
    """Clips of one store; used by one event loop.

    They wait for each other, not for the threads and connections that pages use.
    """

    def __init__(self, store: VoiceStore) -> None:
        self._store = store
        self._limiter = CapacityLimiter(PARALLEL)
        self._taken = 0

    @cached_property
    def cutter(self) -> ClipCutter:
        """What cuts the clips; threads may share it."""
        from pgvoice.hooks.listening.cutting import ClipCutter  # takes long to import

        return ClipCutter(self._store)

    def prepare(self) -> None:
        """Import what the first clip needs, which takes long."""
        from pgvoice.hooks.listening import cutting

        with suppress(ExtraMissing):
            cutting.prepare()

    async def answer(
        self, request: Request, video: str, start: float, end: float, context: float = 0.0
    ) -> Response:
        """A clip as a WAV file, or the part of it that the request asks for.

        Raises what `ClipCutter.cut` raises, and an `HTTPException` if there are too many requests.
        """
        if self._taken >= MOST:
            raise HTTPException(
                503,
                "Too many clips are asked for at once: ask again",
                {"Retry-After": str(RETRY_SECONDS)},
            )
        self._taken += 1
        try:
            cut = partial(self._cut, video, start, end, context)
            clip = await to_thread.run_sync(cut, limiter=self._limiter)
            return _ClipResponse(self, request, clip)
        except BaseException:
            self.leave()
            raise

    def _cut(self, video: str, start: float, end: float, context: float) -> WavClip:
        return self.cutter.cut(video, start, end, context=context)

    def leave(self) -> None:
        """Make place for the next request."""
        self._taken -= 1


class _ClipResponse(Response):
    """Sends a clip in pieces, as fast as the browser takes them."""

    def __init__(self, desk: ServedClips, request: Request, clip: WavClip) -> None:
        status, first, stop, headers = _part(request, clip)
        super().__init__(None, status, headers, "audio/wav")
        self.headers["Content-Length"] = str(stop - first)
        if status == 304:
            del self.headers["Content-Length"]
        self._desk = desk
        self._sent = b"" if request.method == "HEAD" else clip.wav[first:stop]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            head = {"status": self.status_code, "headers": self.raw_headers}
            await send({"type": "http.response.start", **head})
            for place in range(0, len(self._sent), _CHUNK):
                piece = self._sent[place : place + _CHUNK]
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._desk.leave()


def _part(request: Request, clip: WavClip) -> tuple[int, int, int, dict[str, str]]:
    """Status, first byte, the byte after the last, and headers (RFC 9110, sections 13 and 14)."""
    etag, length = f'"{clip.digest}"', len(clip.wav)
    headers = {"Accept-Ranges": "bytes", "ETag": etag, "Cache-Control": "private, no-cache"}
    known = _header(request, "if-none-match").split(",")
    if {etag, f"W/{etag}", "*"}.intersection(map(str.strip, known)):
        return 304, 0, 0, headers
    asked = _RANGE.fullmatch(_header(request, "range").strip())
    is_same = _header(request, "if-range") in ("", etag)
    if asked is None or not any(asked.groups()) or not is_same or request.method != "GET":
        return 200, 0, length, headers
    first, stop = _bytes(asked[1], asked[2], length)
    if not first < stop:
        if asked[1] and asked[2] and int(asked[1]) > int(asked[2]):
            return 200, 0, length, headers  # not a range
        return 416, 0, 0, headers | {"Content-Range": f"bytes */{length}"}
    return 206, first, stop, headers | {"Content-Range": f"bytes {first}-{stop - 1}/{length}"}


def _bytes(first: str, last: str, length: int) -> tuple[int, int]:
    if not first:
        return max(0, length - int(last)), length
    return int(first), min(int(last) + 1 if last else length, length)


def _header(request: Request, name: str) -> str:
    return request.headers.get(name, "")
