"""The page ``/library``: all recordings, how much is filled, and who speaks for how long."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from pgvoice.cli.serve.site import Site, url
from pgvoice.store.recordings.listing import VideoOrder, VideoSummary

#: Recordings of a page.
SHOWN = 50
#: The largest number that Postgres takes for the rows to skip.
LAST_PAGE = (2**31 - 1) // SHOWN
#: People of a recording who are named one by one.
NAMED = 4
ORDERS: dict[VideoOrder, str] = {"key": "name", "newest": "newest", "longest": "longest"}


class Part(NamedTuple):
    """A part of a recording's speech: of a person, of unknown voices, or of nobody named."""

    kind: Literal["person", "voice", "nobody"]
    text: str
    seconds: float
    #: In percent of all speech.
    x: float
    width: float


def make(site: Site) -> APIRouter:
    router = APIRouter()
    store = site.store

    @router.get("/library")
    def show(
        request: Request,
        q: Annotated[str, Query(max_length=1000)] = "",
        order: VideoOrder = "key",
        page: Annotated[int, Query(ge=1, le=LAST_PAGE)] = 1,
    ) -> Response:
        containing = q.strip() or None
        found = store.recordings.summaries(
            limit=SHOWN + 1, skip=(page - 1) * SHOWN, containing=containing, order=order
        )

        def at(page: int = 1, order: VideoOrder = order) -> str:
            return url("/library", q=containing, order=order, page=page if page > 1 else None)

        return site.page(
            request,
            "library.html",
            q=q,
            order=order,
            orders=ORDERS,
            number=page,
            at=at,
            recordings=[(each, parts(each)) for each in found[:SHOWN]],
            has_more=len(found) > SHOWN,
            totals=store.recordings.totals(containing),
            everything=store.recordings.totals() if containing else None,
            ingests=store.ingests.status(),
            encoders=store.encoders.list(),
            linking=store.voices.settings(),
            left=store.voices.left(),
            first=(page - 1) * SHOWN + 1,
        )

    return router


def parts(recording: VideoSummary) -> list[Part]:
    """Who speaks for how much of a recording's speech, one after the other."""
    shown, others = recording.speakers[:NAMED], recording.speakers[NAMED:]
    rest = recording.speech_seconds - recording.named_seconds - recording.voice_seconds
    listed: list[tuple[Literal["person", "voice", "nobody"], str, float]] = [
        *(("person", name, seconds) for name, seconds in shown),
        ("person", f"{len(others)} others", sum(seconds for _, seconds in others)),
        ("voice", "unknown voices", recording.voice_seconds),
        ("nobody", "nobody named", rest),
    ]
    whole = recording.speech_seconds or 1.0
    found, x = list[Part](), 0.0
    for kind, text, seconds in listed:
        width = 100 * seconds / whole
        if seconds > 1e-6:
            found.append(Part(kind, text, seconds, round(x, 3), round(width, 3)))
            x += width
    return found
