"""What people did, newest first, and taking it back."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from pgvoice.cli.acts import rows_told, subject_of, told
from pgvoice.cli.output import author
from pgvoice.cli.serve.pages.people.asking import Refusal, RowNumber, if_allowed, rehearse
from pgvoice.cli.serve.site import Site
from pgvoice.store.errors import DatabaseError, PgvoiceError

#: Acts on a page.
SHOWN = 50


def make(site: Site) -> APIRouter:
    """``/acts`` and ``/acts/undo``."""
    router = APIRouter()
    acts = site.store.acts

    @router.get("/acts")
    def show(request: Request, before: RowNumber | None = None) -> Response:
        found = if_allowed(lambda: acts.list(limit=SHOWN + 1, before=before))
        return site.page(
            request,
            "acts.html",
            acts=None if found is None else found[:SHOWN],
            older=found[SHOWN - 1].number if found and len(found) > SHOWN else None,
            before=before,
            told=told,
            subject_of=subject_of,
            author=author,
        )

    @router.get("/acts/undo")
    def ask(request: Request, act: int, back: str = "/acts") -> Response:
        would, refused = rehearse(lambda: acts.undo(act, dry_run=True))
        return site.page(
            request,
            "undo.html",
            status=409 if refused else 200,
            act=act,
            would=would,
            refused=refused and refused.text,
            first=_first(refused),
            back=back,
            restored=rows_told(would.restored) if would else [],
            left_out=rows_told(would.left_out) if would else [],
        )

    @router.post("/acts/undo")
    def undo(
        request: Request,
        back: Annotated[str, Form()] = "/acts",
        act: Annotated[int | None, Form()] = None,
    ) -> Response:
        try:
            done = acts.undo(act)
        except (PgvoiceError, ValueError) as error:
            if isinstance(error, DatabaseError):
                raise
            site.tell(request, str(error), is_error=True)
            return site.go_back(back)
        left = told(done.left_out)
        kept = f"; erased or changed since, and left as it is: {left}" if left else ""
        site.tell(request, f"Undone: {done.kind} {done.subject} (act {done.number}){kept}")
        return site.go_back(back)

    return router


def _first(refused: Refusal | None) -> int | None:
    """The later act that has to be undone before, as a refusal names it."""
    found = re.search(r" before act (\d+) ", refused.text if refused else "")
    return int(found[1]) if found else None
