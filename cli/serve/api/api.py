"""``make``: all routes of the API, below ``/api/v1``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI

from pgvoice.cli.serve.api import openapi
from pgvoice.cli.serve.api.happenings import Happenings
from pgvoice.cli.serve.api.routes import (
    acts,
    answers,
    enrolling,
    events,
    jobs,
    labels,
    library,
    people,
    recordings,
    voices,
)
from pgvoice.cli.serve.api.signals import Signal
from pgvoice.cli.serve.site import Site
from pgvoice.hooks.fill.jobs import FillJobs

PREFIX = "/api/v1"
#: Each makes the routes of a topic.
TOPICS: tuple[Callable[[Site], APIRouter], ...] = (
    recordings.make,
    answers.make,
    labels.make,
    voices.make,
    people.make,
    enrolling.make,
    acts.make,
    library.make,
)


def install(app: FastAPI, site: Site) -> None:
    """Add the API and its description to the app; `site.ending` ends its threads."""
    changed, happenings = Signal(), Happenings(site.store)
    fills = FillJobs(site.store, changed=changed.give)
    site.ending.callback(fills.close)
    site.ending.callback(happenings.close)
    router = APIRouter(prefix=PREFIX, generate_unique_id_function=lambda route: route.name)
    for make in TOPICS:
        router.include_router(make(site))
    router.include_router(jobs.make(site, fills, changed))
    router.include_router(events.make(site, happenings))

    @router.get("/openapi.json", include_in_schema=False)
    def describe() -> dict[str, Any]:
        return app.openapi()

    app.include_router(router)
    openapi.install(app)
    app.state.allowed = lambda path: openapi.allowed(app, path)
