"""Which thresholds apply, what they rest on, and what was measured."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from pgvoice.cli.serve.pages import histogram
from pgvoice.cli.serve.pages.people.asking import RowNumber, attempt, if_allowed
from pgvoice.cli.serve.site import Site, url
from pgvoice.cli.thresholds.rule import length, people, percent
from pgvoice.cli.thresholds.thresholds import GALLERIES

EncoderName = Annotated[str | None, Form()]


def make(site: Site) -> APIRouter:
    """``/trust`` and what it changes."""
    router = APIRouter()
    thresholds = site.store.thresholds

    @router.get("/trust")
    def show(
        request: Request, encoder: Annotated[str | None, Query(max_length=1000)] = None
    ) -> Response:
        encoders = [str(each.identity) for each in site.store.encoders.list()]
        if not encoders:
            return site.page(request, "trust_nothing.html")
        chosen = encoder or encoders[0]
        now = thresholds.required(encoder=chosen)
        sizes = [now.gallery, *(size for size in GALLERIES if size != now.gallery)]
        found = None if site.read_only else if_allowed(lambda: thresholds.scores(encoder=chosen))
        drawn = histogram.histogram(found) if found else None
        calibrations = thresholds.calibrations(encoder=chosen)
        return site.page(
            request,
            "trust.html",
            encoder=chosen,
            encoders=encoders,
            now=now,
            is_nobody_enrolled=not site.store.people.overview(limit=1).total,
            galleries=[thresholds.required(encoder=chosen, gallery=size) for size in sizes],
            library=thresholds.library(encoder=chosen),
            target_far=thresholds.target_far(),
            calibrations=calibrations,
            measured=next((each for each in calibrations if each.active), None)
            or next(iter(calibrations), None),
            linking=site.store.voices.settings(),
            histogram=drawn,
            may_see_scores=found is not None,
            size=histogram,
            percent=percent,
            length_of=length,
            people_of=people,
        )

    @router.post("/trust/target")
    def set_target(
        request: Request,
        percent_of: Annotated[float, Form(alias="percent")],
        encoder: EncoderName = None,
    ) -> Response:
        def act() -> Response:
            thresholds.set_target_far(percent_of / 100)
            site.tell(request, f"The target FAR is {percent_of:g} % now. This is no act to undo.")
            return site.go("/trust", encoder=encoder)

        return attempt(site, request, url("/trust", encoder=encoder), act)

    @router.post("/trust/activate")
    def activate(
        request: Request, calibration: Annotated[RowNumber, Form()], encoder: EncoderName = None
    ) -> Response:
        def act() -> Response:
            thresholds.activate(calibration)
            site.tell(request, f"Calibration {calibration} is in use")
            return site.go("/trust", encoder=encoder)

        return attempt(site, request, url("/trust", encoder=encoder), act)

    @router.post("/trust/reset")
    def reset(request: Request, encoder: EncoderName = None) -> Response:
        def act() -> Response:
            was = thresholds.reset(encoder=encoder)
            told = f"Calibration {was} is not in use any more" if was else "None was in use"
            site.tell(request, f"{told}; the list has a button to use it again")
            return site.go("/trust", encoder=encoder)

        return attempt(site, request, url("/trust", encoder=encoder), act)

    return router
