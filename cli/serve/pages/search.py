"""The page ``/search``: where somebody speaks, what sounds like it, and who said something."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from pgvoice.cli.serve.searching import finding
from pgvoice.cli.serve.searching.finding import Asked, Found, Kind
from pgvoice.cli.serve.site import Site, url
from pgvoice.store.errors import PgvoiceError

#: Results of a page, and pages at most.
SHOWN, LAST_PAGE = 50, 200
KINDS: dict[Kind, str] = {"name": "by name", "text": "what was said", "sound": "sounds like"}


def make(site: Site) -> APIRouter:
    router = APIRouter()

    @router.get("/search")
    def show(
        request: Request,
        q: Annotated[str, Query(max_length=1000)] = "",
        kind: Kind = "name",
        video: str | None = None,
        start: Annotated[float | None, Query(ge=0, le=1e9, allow_inf_nan=False)] = None,
        end: Annotated[float | None, Query(ge=0, le=1e9, allow_inf_nan=False)] = None,
        voice: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
        elsewhere: bool = False,
        page: Annotated[int, Query(ge=1, le=LAST_PAGE)] = 1,
    ) -> Response:
        asked = Asked(kind, q.strip(), video, start, end, voice, elsewhere)
        status = 200
        try:
            found = finding.find(site.store, asked, limit=SHOWN + 1, skip=(page - 1) * SHOWN)
        except PgvoiceError as error:
            found, status = Found(told=str(error)), 404

        def at(page: int) -> str:
            there = {"video": video, "start": start, "end": end, "voice": voice}
            only = "true" if elsewhere else None
            return url("/search", q=q or None, kind=kind, **there, elsewhere=only, page=page)

        return site.page(
            request,
            "search.html",
            status=status,
            asked=asked,
            q=q,
            kinds=KINDS,
            found=found,
            hits=found.hits[:SHOWN],
            has_more=len(found.hits) > SHOWN and page < LAST_PAGE,
            number=page,
            at=at,
            marked=finding.marked,
        )

    return router
