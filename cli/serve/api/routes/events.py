"""What happens in the library, told when it happens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException

from pgvoice.cli.serve.api import streams
from pgvoice.cli.serve.api.happenings import Happenings, TooManyListeners
from pgvoice.cli.serve.api.shapes.jobs import Happening
from pgvoice.cli.serve.api.streams import EventStream
from pgvoice.cli.serve.errors import RETRY_SECONDS
from pgvoice.cli.serve.site import Site

_TOO_MANY = "too many programs and pages follow the events already: try again later"


def make(site: Site, happenings: Happenings) -> APIRouter:
    router = APIRouter(tags=["events"])

    def place() -> Iterator[None]:
        try:
            with happenings.followed():
                yield
        except TooManyListeners:
            headers = {"Retry-After": str(RETRY_SECONDS)}
            raise HTTPException(503, _TOO_MANY, headers) from None

    async def told(last: str | None) -> AsyncIterator[bytes]:
        known = None if last is None else happenings.number_of(last)
        seen = happenings.newest() if known is None else known
        yield streams.comment("listening", happenings.id_of(seen))
        if last is not None and known is None:
            yield streams.event("reconnected", _missed(), happenings.id_of(seen))
        async with aclosing(happenings.changed.awaited(site.closing)) as changes:
            async for woken in changes:
                if not woken:
                    yield streams.QUIET
                for number, event in happenings.since(seen):
                    seen, shown = number, Happening.model_validate(event)
                    yield streams.event(event.kind, shown, happenings.id_of(number))

    @router.get(
        "/events",
        response_class=EventStream,
        status_code=200,
        responses=streams.described(Happening),
        dependencies=[Depends(place)],
    )
    async def follow_events(
        last_event_id: Annotated[str | None, Header(max_length=100)] = None,
    ) -> EventStream:
        """Follow what happens: a recording is filled, a person named, a known voice heard again.

        Events are named after their kinds; `reconnected` says that some may have been missed. Ends
        only with the server.
        """
        return EventStream(told(last_event_id))

    return router


def _missed() -> Happening:
    """What is told to who comes back too late: look at everything again."""
    return Happening(kind="reconnected", video=None, speaker=None, voice=None, at=datetime.now(UTC))
