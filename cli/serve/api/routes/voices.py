"""Unknown voices: the queue, what helps to decide, and what is decided."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from pgvoice.cli.serve.api.consent import consent_of
from pgvoice.cli.serve.api.paging import Asked, Part
from pgvoice.cli.serve.api.shapes.fields import Encoder, Number, Page
from pgvoice.cli.serve.api.shapes.voices import (
    Accept,
    Change,
    Clip,
    DifferentVoice,
    Dismiss,
    NameVoice,
    Naming,
    Queue,
    Reject,
    SameVoices,
    UnknownVoice,
    VoiceAppearance,
    VoiceCard,
    VoiceSuggestion,
)
from pgvoice.cli.serve.api.writing import writing
from pgvoice.cli.serve.site import Site
from pgvoice.store.voices import naming, reviewing

Voice = Annotated[Number, Path(description="The number of an unknown voice.")]
Encoded = Annotated[Encoder | None, Query()]


def make(site: Site) -> APIRouter:
    router, store = APIRouter(tags=["voices"]), site.store

    @router.get("/voices", response_model=Page[UnknownVoice])
    def list_voices(
        paging: Asked,
        dismissed: Annotated[bool, Query(description="Only those that were dismissed.")] = False,
        encoder: Encoded = None,
    ) -> Part:
        """The unknown voices, those that speak most first."""
        return paging.skipping(
            lambda limit, skip: store.voices.unknown(
                dismissed=dismissed, encoder=encoder, limit=limit, skip=skip
            )
        )

    @router.get("/queue", response_model=Queue)
    def get_queue(
        limit: Annotated[int, Query(ge=1, le=500)] = 20,
        skip: Annotated[
            list[Number] | None, Query(max_length=500, description="Voices to leave out.")
        ] = None,
        encoder: Encoded = None,
    ) -> dict[str, object]:
        """What to decide next: first what an answer would name most of, times its uncertainty."""
        size = store.voices.left(skip=skip or (), encoder=encoder)
        found = store.voices.queue(limit=limit, skip=skip or (), encoder=encoder)
        return {"items": found, "voices": size.voices, "speech_seconds": size.speech_seconds}

    @router.get("/voices/{number:int}", response_model=VoiceCard)
    def get_voice(number: Voice, encoder: Encoded = None) -> reviewing.VoiceCard:
        """What there is to hear, read and compare of an unknown voice."""
        return store.voices.card(number, encoder=encoder)

    @router.get("/voices/{number:int}/appearances", response_model=Page[VoiceAppearance])
    def list_voice_appearances(number: Voice, paging: Asked, encoder: Encoded = None) -> Part:
        """Where an unknown voice is heard, by recording and time."""
        return paging.skipping(
            lambda limit, skip: store.voices.show(number, encoder=encoder, limit=limit, skip=skip)
        )

    @router.get("/voices/{number:int}/clips", response_model=Page[Clip])
    def list_voice_clips(number: Voice, paging: Asked, encoder: Encoded = None) -> Part:
        """Parts to listen to, the most typical first, one of each recording."""
        found = store.voices.clips(number, encoder=encoder)
        return paging.skipping(lambda limit, skip: found[skip : skip + limit])

    @router.get("/suggestions", response_model=Page[VoiceSuggestion])
    def list_suggestions(paging: Asked, encoder: Encoded = None) -> Part:
        """Which unknown voices may be somebody who is enrolled, the most speech first."""
        return paging.skipping(
            lambda limit, skip: store.voices.suggestions(encoder=encoder, limit=limit, skip=skip)
        )

    router.include_router(_changing(site))
    return router


def _changing(site: Site) -> APIRouter:
    router, store = writing(site), site.store

    @router.post("/voices/same", response_model=Change)
    def join_voices(asked: SameVoices) -> naming.Change:
        """Say that unknown voices are one person; the oldest number is left."""
        return store.voices.same(*asked.numbers, dry_run=asked.dry_run)

    @router.post("/voices/{number:int}/name", response_model=Naming)
    def name_voice(number: Voice, asked: NameVoice) -> naming.Naming:
        """Give an unknown voice a name, and label the library again."""
        return store.voices.name(
            number,
            asked.speaker,
            consent=consent_of(asked.speaker, asked.consent),
            force=asked.force,
            dry_run=asked.dry_run,
        )

    @router.post("/voices/{number:int}/accept", response_model=Naming)
    def accept_suggestion(number: Voice, asked: Accept) -> naming.Naming:
        """Name an unknown voice as suggested."""
        return store.voices.accept(number, asked.speaker, force=asked.force, dry_run=asked.dry_run)

    @router.post("/voices/{number:int}/reject", response_model=Change)
    def reject_suggestion(number: Voice, asked: Reject) -> naming.Change:
        """Say that an unknown voice is not the person suggested."""
        return store.voices.reject(number, asked.speaker, dry_run=asked.dry_run)

    @router.post("/voices/{number:int}/dismiss", response_model=Change)
    def dismiss_voice(number: Voice, asked: Dismiss) -> naming.Change:
        """Take an unknown voice off the list, as it is nobody to name."""
        return store.voices.dismiss(number, asked.why, dry_run=asked.dry_run)

    @router.post("/voices/{number:int}/different", response_model=Change)
    def part_voice(number: Voice, asked: DifferentVoice) -> naming.Change:
        """Say that the voices in a recording are somebody else."""
        return store.voices.different(number, asked.video, dry_run=asked.dry_run)

    return router
