"""People: how well they are enrolled, and whether they agreed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from pgvoice.cli.serve.api.paging import Asked, Part
from pgvoice.cli.serve.api.shapes.fields import Encoder, Name, Page, Phrase
from pgvoice.cli.serve.api.shapes.people import (
    Exemplar,
    HeardPage,
    People,
    PersonDetail,
    Profile,
    StoredConsent,
)
from pgvoice.cli.serve.site import Site
from pgvoice.store.people.overview import PeopleOrder


def make(site: Site) -> APIRouter:
    router, store = APIRouter(tags=["people"]), site.store

    @router.get("/people", response_model=People)
    def list_people(
        paging: Asked,
        part: Annotated[Phrase | None, Query(description="Part of the name.")] = None,
        order: PeopleOrder = "name",
        encoder: Annotated[Encoder | None, Query()] = None,
    ) -> dict[str, object]:
        """Everybody with a name: speech, exemplars, consent, and whom each resembles."""

        def read(limit: int, skip: int) -> tuple[Sequence[object], int]:
            found = store.people.overview(
                part, order=order, limit=limit, skip=skip, encoder=encoder
            )
            return found.people, found.total

        return paging.counted(read)

    @router.get("/person", response_model=PersonDetail)
    def get_person(
        name: Annotated[Name, Query()], encoder: Annotated[Encoder | None, Query()] = None
    ) -> dict[str, object]:
        """A person: speech, consent, how well they are enrolled, and whom they resemble."""
        (person,) = store.people.overview(names=[name], encoder=encoder).people
        return asdict(person) | {
            "profiles": store.people.quality(name, encoder=encoder),
            "similar": store.people.similar(name, encoder=encoder),
        }

    @router.get("/person/recordings", response_model=HeardPage)
    def list_recordings_of_person(
        paging: Asked,
        name: Annotated[Name, Query()],
        encoder: Annotated[Encoder | None, Query()] = None,
    ) -> dict[str, object]:
        """The recordings in which a person is heard by the current labels, the newest first."""

        def read(limit: int, skip: int) -> tuple[Sequence[object], int]:
            found = store.people.heard(name, limit=limit, skip=skip, encoder=encoder)
            return found.recordings, found.total

        return paging.counted(read)

    @router.get("/profiles", response_model=Page[Profile])
    def list_profiles(paging: Asked, encoder: Annotated[Encoder | None, Query()] = None) -> Part:
        """How well everybody is enrolled: cohesion, exemplars that do not fit, nearest others."""
        found = store.people.quality(encoder=encoder)
        return paging.skipping(lambda limit, skip: found[skip : skip + limit])

    @router.get("/exemplars", response_model=Page[Exemplar])
    def list_exemplars(
        paging: Asked,
        name: Annotated[Name, Query()],
        encoder: Annotated[Encoder | None, Query()] = None,
    ) -> Part:
        """A person's exemplars, the least similar to the others first."""
        return paging.skipping(
            lambda limit, skip: store.people.exemplars(
                name, limit=limit, skip=skip, encoder=encoder
            )
        )

    @router.get("/consents", response_model=Page[StoredConsent])
    def list_consents(paging: Asked, name: Annotated[Name | None, Query()] = None) -> Part:
        """A person's consents, or everybody's; for admins."""
        return paging.skipping(
            lambda limit, skip: store.privacy.consents(name, limit=limit, skip=skip)
        )

    return router
