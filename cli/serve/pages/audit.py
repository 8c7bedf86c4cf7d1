"""The audit trail: what was done with voiceprints, and by whom."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from pgvoice.cli.output import author
from pgvoice.cli.privacy.audit import details_told
from pgvoice.cli.serve.pages.people.asking import RowNumber, if_allowed
from pgvoice.cli.serve.site import Site

#: Events on a page.
SHOWN = 50


def make(site: Site) -> APIRouter:
    """``/audit``."""
    router = APIRouter()

    @router.get("/audit")
    def show(
        request: Request,
        subject: Annotated[str, Query(max_length=1000)] = "",
        before: RowNumber | None = None,
    ) -> Response:
        about = subject.strip() or None
        found = if_allowed(lambda: site.store.privacy.audit(about, limit=SHOWN + 1, before=before))
        return site.page(
            request,
            "audit.html",
            events=None if found is None else found[:SHOWN],
            older=found[SHOWN - 1].id if found and len(found) > SHOWN else None,
            before=before,
            subject=subject,
            author=author,
            details_told=details_told,
        )

    return router
