"""``make_app``: the pages, the API and the clips as one web application."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from pgvoice.cli.serve import errors, mounted
from pgvoice.cli.serve.access import middleware
from pgvoice.cli.serve.late import LateRoutes
from pgvoice.cli.serve.pages import builtin
from pgvoice.cli.serve.settings import Settings
from pgvoice.cli.serve.site import FOLDER, Site
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.plugins.pages import registered_pages
from pgvoice.store.voice_store import VoiceStore


def make_app(store: VoiceStore, settings: Settings) -> FastAPI:
    """The application for a store; whoever calls it closes the store."""
    installed.add_builtin("builtin-pages", builtin)
    site = Site(
        store,
        registered_pages(),
        read_only=settings.read_only,
        has_passwords=bool(settings.passwords),
    )
    app = FastAPI(title="pgvoice", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=FOLDER / "static"))
    mounted.install(app, site)

    @app.get("/", include_in_schema=False)
    def start() -> Response:
        return RedirectResponse("/review")

    @app.api_route("/clips", methods=["GET", "HEAD"], include_in_schema=False)
    async def clip(
        request: Request, video: str, start: float, end: float, context: float = 0.0
    ) -> Response:
        return await site.clips.answer(request, video, start, end, context)

    app.router.routes.append(LateRoutes("/api/", partial(_install_api, app, site)))
    errors.install(app, site)
    middleware.install(app, site, settings)
    return app


def _install_api(app: FastAPI, site: Site) -> None:
    from pgvoice.cli.serve.api import api  # takes long to import

    api.install(app, site)
