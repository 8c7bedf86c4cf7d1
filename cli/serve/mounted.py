"""Registered pages as routes: each answers below its own name only, and a failing one is named."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from pgvoice.cli.errors import explain
from pgvoice.cli.serve.site import Site
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.plugins.pages import RegisteredPage, failure
from pgvoice.hooks.plugins.specs import MakePage


def install(app: FastAPI, site: Site) -> None:
    """Add all pages; raises `PluginError` for a page that cannot be made or leaves its place."""
    for page in site.pages.values():
        if page.make is not None:
            app.router.routes.append(PageRoute(page, _made(page, page.make, site)))


def _made(page: RegisteredPage, make: MakePage, site: Site) -> APIRouter:
    try:
        router: APIRouter = make(site)
    except Exception as error:
        raise page.refused(f"{type(error).__name__}: {error}") from error
    for route in router.routes:
        path = str(getattr(route, "path", f"/{page.name}"))
        if not _is_below(page.name, path):
            raise page.refused(f"its path {path} is not below /{page.name}")
    return router


def _is_below(name: str, path: str) -> bool:
    return path == f"/{name}" or path.startswith(f"/{name}/")


class PageRoute(BaseRoute):
    """Everything below ``/NAME``: no other path reaches a page, whatever its router says."""

    def __init__(self, page: RegisteredPage, router: APIRouter) -> None:
        self._page, self._router = page, router

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = str(scope["path"]).removeprefix(scope.get("root_path", ""))
        is_ours = scope["type"] == "http" and _is_below(self._page.name, path)
        return (Match.FULL if is_ours else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._router(scope, receive, send)
        except HTTPException:
            raise
        except Exception as error:
            if explain(error) is not None or installed.is_builtin(self._page.plugin):
                raise
            raise HTTPException(500, failure(self._page, f"/{self._page.name}", error)) from error
