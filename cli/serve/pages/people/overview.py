"""The list of people: how well each is enrolled, where they are heard, whom they resemble."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from pgvoice.cli.serve.site import Site
from pgvoice.store.people.overview import PeopleOrder

#: People on a page.
SHOWN = 50
#: The orders, as the page calls them.
ORDERS: dict[PeopleOrder, str] = {
    "name": "Name",
    "speech": "Most speech",
    "heard": "Heard last",
    "exemplars": "Most exemplars",
    "cohesion": "Lowest cohesion",
    "resemblance": "Most like somebody else",
    "consent": "Consent ends first",
}


def make(site: Site) -> APIRouter:
    """``/people``."""
    router = APIRouter()

    @router.get("/people")
    def show(
        request: Request,
        q: Annotated[str, Query(max_length=1000)] = "",
        order: PeopleOrder = "name",
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    ) -> Response:
        skip = SHOWN * (page - 1)
        found = site.store.people.overview(q.strip(), order=order, limit=SHOWN, skip=skip)
        return site.page(
            request,
            "people.html",
            found=found,
            q=q,
            order=order,
            orders=ORDERS,
            page=page,
            has_more=skip + len(found.people) < found.total,
        )

    return router
