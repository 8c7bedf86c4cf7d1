"""What people did, taking it back, and the audit trail."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from pgvoice.cli.serve.api.paging import Asked, Part
from pgvoice.cli.serve.api.shapes.acts import Act, AuditEvent, Undo, Undone
from pgvoice.cli.serve.api.shapes.fields import Page, Phrase
from pgvoice.cli.serve.api.writing import writing
from pgvoice.cli.serve.site import Site
from pgvoice.store.voices import acts


def make(site: Site) -> APIRouter:
    router, store = APIRouter(tags=["acts"]), site.store
    changing = writing(site)

    @router.get("/acts", response_model=Page[Act])
    def list_acts(paging: Asked) -> Part:
        """What people did, the newest first, also what was undone; for admins."""
        return paging.before(
            lambda limit, before: store.acts.list(limit=limit, before=before),
            lambda act: act.number,
        )

    @router.get("/audit", response_model=Page[AuditEvent])
    def list_audit(
        paging: Asked,
        subject: Annotated[Phrase | None, Query(description="A person or a recording.")] = None,
    ) -> Part:
        """What was done with voiceprints, and by whom, the newest first; for admins."""
        return paging.before(
            lambda limit, before: store.privacy.audit(subject, limit=limit, before=before),
            lambda event: event.id,
        )

    @changing.post("/acts/undo", response_model=Undone)
    def undo(asked: Undo) -> acts.Undone:
        """Take an act back: what it changed becomes what it was."""
        return store.acts.undo(asked.act, dry_run=asked.dry_run)

    router.include_router(changing)
    return router
