"""What people did, newest first, and taking it back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from pgvoice.cli.serve.site import Site

SHOWN = 100


def make(site: Site) -> APIRouter:
    router = APIRouter()

    @router.get("/acts")
    def show(request: Request) -> Response:
        return site.page(request, "acts.html", acts=site.store.acts.list(limit=SHOWN))

    @router.post("/acts/undo")
    def undo(
        request: Request,
        back: Annotated[str, Form()] = "/acts",
        act: Annotated[int | None, Form()] = None,
    ) -> Response:
        undone = site.store.acts.undo(act)
        site.tell(request, f"Undone: {undone.kind} {undone.subject} (act {undone.number})")
        return site.go_back(back)

    return router
