"""The page ``/people``."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from pgvoice.cli.serve.site import Site


def make(site: Site) -> APIRouter:
    router = APIRouter()

    @router.get("/people")
    def show(request: Request) -> Response:
        return site.page(request, "people.html")

    return router
