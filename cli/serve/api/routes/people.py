"""People: how well they are enrolled, and whether they agreed."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Query

from pgvoice.cli.serve.api.paging import Asked, Part
from pgvoice.cli.serve.api.shapes.fields import Encoder, Name, Page
from pgvoice.cli.serve.api.shapes.people import (
    Exemplar,
    Person,
    PersonDetail,
    Profile,
    StoredConsent,
)
from pgvoice.cli.serve.site import Site
from pgvoice.store.errors import PrivilegeMissing
from pgvoice.store.voice_store import VoiceStore


def make(site: Site) -> APIRouter:
    router, store = APIRouter(tags=["people"]), site.store

    @router.get("/people", response_model=Page[Person])
    def list_people(paging: Asked) -> Part:
        """Everybody who is enrolled, by name; one entry per encoder."""
        return paging.skipping(lambda limit, skip: store.people.speakers(limit=limit, skip=skip))

    @router.get("/person", response_model=PersonDetail)
    def get_person(name: Annotated[Name, Query()]) -> dict[str, object]:
        """How well a person is enrolled, who is nearest, and whether a consent is valid."""
        return {
            "speaker": name,
            "profiles": store.people.quality(name),
            "consent_required": store.privacy.consent_required,
            "consent_valid": _is_valid(store, name),
        }

    @router.get("/profiles", response_model=Page[Profile])
    def list_profiles(paging: Asked, encoder: Annotated[Encoder | None, Query()] = None) -> Part:
        """How well everybody is enrolled: cohesion, exemplars that do not fit, nearest others."""
        found = store.people.quality(encoder=encoder)
        return paging.skipping(lambda limit, skip: found[skip : skip + limit])

    @router.get("/exemplars", response_model=Page[Exemplar])
    def list_exemplars(paging: Asked, name: Annotated[Name, Query()]) -> Part:
        """A person's exemplars, the least similar to the others first."""
        return paging.skipping(
            lambda limit, skip: store.people.exemplars(name, limit=limit, skip=skip)
        )

    @router.get("/consents", response_model=Page[StoredConsent])
    def list_consents(paging: Asked, name: Annotated[Name | None, Query()] = None) -> Part:
        """A person's consents, or everybody's; for admins."""
        return paging.skipping(
            lambda limit, skip: store.privacy.consents(name, limit=limit, skip=skip)
        )

    return router


def _is_valid(store: VoiceStore, name: str) -> bool | None:
    """Whether a consent of a person is valid; None if this user may not read consents."""
    with suppress(PrivilegeMissing):
        return any(each.valid for each in store.privacy.consents(name))
    return None
