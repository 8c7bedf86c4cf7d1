"""The page ``/review``: listen to unknown voices one after the other, and say who they are."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import JSONResponse, Response

from pgvoice.cli.serve.reviewing import cards
from pgvoice.cli.serve.reviewing.acts import Acts
from pgvoice.cli.serve.reviewing.completion import Completion
from pgvoice.cli.serve.reviewing.enabling import Enabling
from pgvoice.cli.serve.reviewing.sittings import Sitting, Sittings, Told
from pgvoice.cli.serve.site import Site, is_ahead, session_of
from pgvoice.store.errors import UnknownVoiceNumber
from pgvoice.store.voice_store import VoiceStore

#: No number is above the largest ``bigint`` of Postgres.
Number = Annotated[int, Path(ge=1, lt=1 << 63)]
Text = Annotated[str, Form()]
#: The voice whose card a form says comes next.
Then = Annotated[int | None, Form(ge=1, lt=1 << 63)]


def make(site: Site) -> APIRouter:
    router = APIRouter()
    sittings, enabling = Sittings(), Enabling(site.store)
    people = Completion(lambda: (each.speaker for each in site.store.people.speakers()))

    def sitting_of(request: Request) -> Sitting:
        return sittings.of(session_of(request))

    @router.get("/review")
    def start(request: Request) -> Response:
        sitting = sitting_of(request)
        if (number := cards.first(site.store, sitting)) is not None:
            return site.go(f"/review/{number}")
        return _nothing_left(site, request, sitting, enabling)

    @router.post("/review/enable")
    def enable(request: Request) -> Response:
        enabling.start()
        return site.go("/review")

    @router.get("/review/names")
    def names(start: str = "") -> Response:
        return JSONResponse(people.names(start))

    @router.post("/review/undo")
    def undo(request: Request) -> Response:
        return Acts(site, sitting_of(request)).undo()

    @router.get("/review/{number}")
    def show(request: Request, number: Number) -> Response:
        return _card(site, request, sitting_of(request), number)

    @router.post("/review/{number}/name")
    def name(
        request: Request,
        number: Number,
        name: Text = "",
        consent: Text = "",
        force: Annotated[bool, Form()] = False,
        then: Then = None,
    ) -> Response:
        people.forget()
        acts = Acts(site, sitting_of(request))
        return acts.name(number, name, consent=consent, force=force, then=then)

    @router.post("/review/{number}/accept")
    def accept(request: Request, number: Number, speaker: Text = "", then: Then = None) -> Response:
        return Acts(site, sitting_of(request)).accept(number, speaker, then)

    @router.post("/review/{number}/reject")
    def reject(request: Request, number: Number, speaker: Text = "") -> Response:
        return Acts(site, sitting_of(request)).reject(number, speaker)

    @router.post("/review/{number}/dismiss")
    def dismiss(
        request: Request, number: Number, why: Text = "", words: Text = "", then: Then = None
    ) -> Response:
        return Acts(site, sitting_of(request)).dismiss(number, words.strip() or why, then)

    @router.post("/review/{number}/same")
    def same(request: Request, number: Number, other: Text = "", then: Then = None) -> Response:
        return Acts(site, sitting_of(request)).same(number, other, then)

    @router.post("/review/{number}/different")
    def different(request: Request, number: Number, video: Text) -> Response:
        return Acts(site, sitting_of(request)).different(number, video)

    @router.post("/review/{number}/skip")
    def skip(request: Request, number: Number, then: Then = None) -> Response:
        sitting = sitting_of(request)
        cards.skip(site.store, sitting, number)
        return site.go("/review" if then is None else f"/review/{then}")

    return router


def _card(site: Site, request: Request, sitting: Sitting, number: Number) -> Response:
    ahead = is_ahead(request)
    try:
        shown = cards.shown_card(site.store, sitting, number, ahead=ahead)
    except UnknownVoiceNumber as error:
        # Somebody else has answered meanwhile, or the voice has ended in another way.
        if not error.ended:
            raise
        sitting.leave(number)
        if not ahead:
            sitting.told = Told(f"{str(error)[:1].upper()}{str(error)[1:]}.")
        return site.go("/review")
    return site.page(request, "review.html", shown=shown, sitting=sitting)


def _nothing_left(site: Site, request: Request, sitting: Sitting, enabling: Enabling) -> Response:
    settings = site.store.voices.settings()
    is_linked = settings.enabled and not enabling.is_running
    people = _talk_time(site.store) if is_linked else []
    return site.page(
        request,
        "review_nothing.html" if is_linked else "review_linking.html",
        sitting=sitting,
        enabling=enabling,
        people=people,
        days=settings.days,
    )


def _talk_time(store: VoiceStore) -> list[tuple[str, float]]:
    """How long everybody with a name speaks in the library, those who speak most first."""
    spoken = defaultdict[str, float](float)
    for each in store.labels.speaker_time():
        if each.speaker is not None:
            spoken[each.speaker] += each.seconds
    return sorted(spoken.items(), key=lambda each: -each[1])
