"""A person: exemplars, likeness to others, where they are heard, consent; and a new name."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from pgvoice.cli.serve.pages.people import (
    chart,
    consent,
    erasing,
    exemplars,
    merging,
    splitting,
)
from pgvoice.cli.serve.pages.people.asking import attempt, brief, if_allowed, person_url
from pgvoice.cli.serve.site import Site
from pgvoice.store.people.overview import Person

#: Recordings on a page, other people, and exemplars.
HEARD, OTHERS, EXEMPLARS = 20, 5, 200


def make(site: Site) -> APIRouter:
    """``/person`` and all below it."""
    router = APIRouter()
    for part in (exemplars, merging, splitting, consent, erasing):
        part.add(router, site)

    @router.get("/person")
    def show(
        request: Request, name: str, page: Annotated[int, Query(ge=1, le=1_000_000)] = 1
    ) -> Response:
        people = site.store.people
        heard = people.heard(name, limit=HEARD, skip=HEARD * (page - 1))
        return site.page(
            request,
            "person.html",
            person=one(site, name),
            exemplars=people.exemplars(name, limit=EXEMPLARS),
            quality=people.quality(name),
            others=people.similar(name, limit=OTHERS),
            heard=heard,
            bars=chart.bars(heard.recordings),
            lane=chart.lane,
            page=page,
            has_more=HEARD * (page - 1) + len(heard.recordings) < heard.total,
            consents=None if site.read_only else if_allowed(lambda: consents(site, name)),
            consent_required=site.store.privacy.consent_required,
        )

    @router.post("/person/rename")
    def rename(
        request: Request, name: Annotated[str, Form()], new: Annotated[str, Form()]
    ) -> Response:
        def act() -> Response:
            number = site.store.people.rename(name, new.strip())
            site.tell(
                request,
                f"{brief(name)} is called {brief(new.strip())} now",
                act=number,
                back=person_url(name),
            )
            return site.go("/person", name=new.strip())

        return attempt(site, request, person_url(name), act)

    return router


def one(site: Site, name: str) -> Person:
    """A person as the list has them; raises `UnknownSpeaker`."""
    return site.store.people.overview(names=[name]).people[0]


def consents(site: Site, name: str) -> list[tuple[object, str]]:
    """The consents of a person, the newest first, each with its state."""
    found = site.store.privacy.consents(name)
    return [
        (
            each.consent,
            "withdrawn" if each.consent.withdrawn_at else "valid" if each.valid else "expired",
        )
        for each in reversed(found)
    ]
