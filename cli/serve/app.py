"""``make_app``: the pages, the API and the clips as one web application."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from pgvoice.cli.serve import errors
from pgvoice.cli.serve.access import middleware
from pgvoice.cli.serve.api import api
from pgvoice.cli.serve.pages import builtin
from pgvoice.cli.serve.registered import RegisteredPage
from pgvoice.cli.serve.settings import Settings
from pgvoice.cli.serve.site import FOLDER, Site
from pgvoice.hooks.plugins import calls, installed
from pgvoice.store.voice_store import VoiceStore


def make_app(store: VoiceStore, settings: Settings) -> FastAPI:
    """The application for a store; whoever calls it closes the store."""
    site = Site(store, registered_pages(), read_only=settings.read_only)
    app = FastAPI(title="pgvoice", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=FOLDER / "static"))
    for page in site.pages.values():
        if page.make is not None:
            app.include_router(page.make(site), include_in_schema=False)

    @app.get("/", include_in_schema=False)
    def start() -> Response:
        return RedirectResponse("/review")

    api.install(app, site)
    errors.install(app, site)
    middleware.install(app, site, settings)
    return app


def registered_pages() -> dict[str, RegisteredPage]:
    """All pages by name, the built-in ones first; raises `PluginError`."""
    installed.add_builtin("builtin-pages", builtin)
    return calls.registered("register_pages", "a page", RegisteredPage)
