"""What happens in the library, told when it happens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

from pgvoice.cli.serve.api.happenings import Happenings, TooManyListeners
from pgvoice.cli.serve.api.shapes.jobs import Happening
from pgvoice.cli.serve.api.signals import woken
from pgvoice.cli.serve.errors import RETRY_SECONDS
from pgvoice.cli.serve.site import Site

_TOO_MANY = "too many programs and pages follow the events already: try again later"
#: Sent to who comes back too late: look at everything again.
_MISSED = ServerSentEvent(event="reconnected", data={"kind": "reconnected"})


def make(site: Site, happenings: Happenings) -> APIRouter:
    router = APIRouter(tags=["events"])

    def place() -> Iterator[None]:
        try:
            with happenings.followed():
                yield
        except TooManyListeners:
            headers = {"Retry-After": str(RETRY_SECONDS)}
            raise HTTPException(503, _TOO_MANY, headers) from None

    @router.get("/events", response_class=EventSourceResponse, dependencies=[Depends(place)])
    async def follow_events(
        last_event_id: Annotated[str | None, Header(max_length=100)] = None,
    ) -> AsyncIterator[ServerSentEvent]:
        """Follow what happens: a recording is filled, a person named, a known voice heard again.

        Events are named after their kinds; `reconnected` says that some may have been missed. Ends
        only with the server.
        """
        known = None if last_event_id is None else happenings.number_of(last_event_id)
        with happenings.changed.awaited() as wake:
            seen = happenings.newest() if known is None else known
            yield ServerSentEvent(comment="listening", id=happenings.id_of(seen))
            if last_event_id is not None and known is None:
                yield _MISSED
            while not site.closing.is_set():
                wake.clear()
                for number, event in happenings.since(seen):
                    seen = number
                    told = Happening.model_validate(event)
                    yield ServerSentEvent(event=event.kind, id=happenings.id_of(number), data=told)
                await woken(wake)

    return router
