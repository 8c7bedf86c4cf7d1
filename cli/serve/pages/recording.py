"""The page ``/recording``: who speaks when, to hear, correct and export."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from pgvoice.cli.serve import encoders
from pgvoice.cli.serve.pages import correcting, exporting
from pgvoice.cli.serve.site import Site, clip_url
from pgvoice.cli.serve.timeline import lanes, reasons, rows, voices, window
from pgvoice.cli.serve.timeline.rows import Answers
from pgvoice.cli.serve.timeline.window import Window
from pgvoice.store.labels.words import Word

#: A place in a recording, in seconds; `Window` keeps to the recording.
Seconds = Annotated[float | None, Query(ge=0, le=1e9, allow_inf_nan=False)]
#: Names that a form completes, at most.
COMPLETED = 1000
#: What people said, the newest, at most.
SAID = 50


def make(site: Site) -> APIRouter:
    router = APIRouter()
    router.include_router(correcting.make(site))
    router.include_router(exporting.make(site))

    @router.get("/recording")
    def show(
        request: Request,
        video: str,
        start: Annotated[Seconds, Query(alias="from")] = None,
        end: Annotated[Seconds, Query(alias="to")] = None,
        answers: Answers | None = None,
        encoder: str | None = None,
    ) -> Response:
        found = encoders.chosen(site.store, encoder)
        recording = rows.read(site.store, video, found.identity if found else None, answers)
        audio = site.store.recordings.audio(video)
        length = audio.duration_ms / 1000 if audio else 0.0
        shown = window.window(recording.rows, length, start, end)

        def at(there: Window | None = None, answers: Answers = recording.answers) -> str:
            return lanes.place(video, there or shown, answers, encoder)

        return site.page(
            request,
            "recording.html",
            video=video,
            found=found,
            source=audio and PurePath(audio.source).name,
            turn_source=site.store.recordings.turn_source(video),
            recording=recording,
            window=shown,
            at=at,
            **_drawn(recording, shown, video, at),
            **_said(site.store.labels.words(video), video),
            **_choices(site),
        )

    return router


def _drawn(recording: rows.Recording, shown: Window, video: str, at: lanes.Place) -> dict[str, Any]:
    """The timeline, and the tables of turns and labels."""
    within = window.inside(recording.rows, shown)
    listed = within[: window.SHOWN]
    overview = None if shown.is_whole else Window(0.0, shown.total, shown.total)
    return {
        "timeline": lanes.draw(within, shown, video, at),
        "overview": overview and lanes.draw(recording.rows, overview, video, at),
        "within": within,
        "listed": listed,
        "following": None if within == listed else shown.from_row(within[len(listed)]),
        "labels": voices.labels(recording.rows)[: voices.SHOWN],
        "clip_of": lanes.clip_of,
        "similarity": reasons.similarity,
        "has_text": any(row.text for row in listed),
        "percent": lambda seconds: round(100 * seconds / shown.total, 3),
    }


def _said(words: list[Word], video: str) -> dict[str, Any]:
    """What people said of the recording, and of a turn."""

    def heard(word: Word) -> str:
        first = word.spans[0]
        return clip_url(video, first.start_s, first.end_s)

    return {
        "words": [word for word in words if word.spans][: -SAID - 1 : -1],
        "said": lambda row: rows.said(words, row.key),
        "heard": heard,
    }


def _choices(site: Site) -> dict[str, Any]:
    """What forms offer."""
    store = site.store
    people = [] if site.read_only else store.people.speakers()
    names = dict.fromkeys(each.speaker for each in people)
    return {
        "people": list(names)[:COMPLETED],
        "needs_consent": not site.read_only and store.privacy.consent_required,
        "formats": exporting.formats(),
        "encoders": store.encoders.list(),
    }
