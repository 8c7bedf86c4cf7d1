"""Searches of the library, by name, by sound and by text, as one kind of result."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from pgvoice.cli.serve import encoders
from pgvoice.store.answers.similar import SimilarFilter
from pgvoice.store.errors import AmbiguousSpan, NoEmbedding, PrivilegeMissing, UnknownSpeaker
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.voice_store import VoiceStore

Kind = Literal["name", "text", "sound"]
#: Names that are proposed at most.
PROPOSED = 20
_VOICE = re.compile(r"(?:voice\s+)?(\d{1,18})", re.IGNORECASE)
NOT_KEPT = (
    "This store does not keep what was said: `pgvoice db upgrade --keep-text` makes the next fills"
    " keep it."
)
NOT_ALLOWED = (
    "Comparing segments is for those who have the role pgvoice_searcher, and this page was opened"
    " as a reader."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is searched for."""

    kind: Kind
    #: A name, or a text.
    q: str = ""
    #: A segment to compare with, in seconds.
    video: str | None = None
    start: float | None = None
    end: float | None = None
    #: An unknown voice to compare with.
    voice: int | None = None
    #: Only other recordings.
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A stretch of a recording that was found, in seconds."""

    video: str
    start: float
    end: float
    speaker: str | None = None
    voice: int | None = None
    similarity: float | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found."""

    hits: list[Hit] = field(default_factory=list)
    #: Why there are no hits, or what to know about them.
    told: str = ""
    #: People whose names are like what was searched for.
    names: list[str] = field(default_factory=list)
    #: The person that was found.
    speaker: str | None = None
    #: What the hits are compared with.
    like: Hit | None = None


def find(store: VoiceStore, asked: Asked, *, limit: int, skip: int) -> Found:
    """A page of results. Raises the errors of the store's questions."""
    if asked.kind == "sound":
        return _by_sound(store, asked, limit, skip)
    if not asked.q:
        return Found()
    if asked.kind == "text":
        return _by_text(store, asked.q, limit, skip)
    return _by_name(store, asked.q, limit, skip)


def _by_name(store: VoiceStore, name: str, limit: int, skip: int) -> Found:
    encoder = encoders.identity(store)
    try:
        found = store.answers.appearances(name, encoder=encoder, limit=limit, skip=skip)
    except UnknownSpeaker:
        return _of_voice(store, name, limit, skip) or _similar_names(store, name)
    hits = [Hit(e.video, e.start, e.end, name, None, e.similarity) for e in found]
    return Found(hits, "" if hits or skip else f"No segment is like {name}.", speaker=name)


def _of_voice(store: VoiceStore, name: str, limit: int, skip: int) -> Found | None:
    """Where an unknown voice is heard: its best clip in each recording."""
    number = _VOICE.fullmatch(name)
    if number is None or not int(number[1]):
        return None
    voice = int(number[1])
    hits = [
        Hit(each.video, *each.clip, None, voice, each.similarity)
        for each in store.voices.show(voice)
        if each.clip is not None
    ]
    return Found(hits[skip : skip + limit])


def _similar_names(store: VoiceStore, name: str) -> Found:
    names = dict.fromkeys(each.speaker for each in store.people.speakers())
    wanted = name.casefold()
    like = [each for each in names if wanted in each.casefold()][:PROPOSED]
    return Found(told=f"Nobody is called {name}." if not like else "", names=like)


def _by_text(store: VoiceStore, query: str, limit: int, skip: int) -> Found:
    found = store.answers.search_text(query, limit=limit, skip=skip)
    hits = [Hit(e.video, e.start, e.end, e.speaker, e.voice, None, e.text) for e in found]
    if hits or skip:
        return Found(hits)
    is_kept = store.recordings.totals().keeps_text
    return Found(told="Nobody said that." if is_kept else NOT_KEPT)


def _by_sound(store: VoiceStore, asked: Asked, limit: int, skip: int) -> Found:
    places = _places(store, asked)
    encoder = encoders.identity(store)
    failed: Exception | None = None
    for like in places:
        try:
            return _like(store, like, encoder, asked.elsewhere, limit, skip)
        except PrivilegeMissing:
            return Found(told=NOT_ALLOWED, like=like)
        except (NoEmbedding, AmbiguousSpan) as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return Found()


def _places(store: VoiceStore, asked: Asked) -> list[Hit]:
    """What to compare with: the segment asked for, or the clips of a voice, the best first."""
    if asked.voice is not None:
        clips = store.voices.clips(asked.voice)
        return [Hit(each.video, each.start, each.end, None, asked.voice) for each in clips]
    if asked.video is None or asked.start is None or asked.end is None:
        return []
    return [Hit(asked.video, asked.start, asked.end)]


def _like(
    store: VoiceStore,
    like: Hit,
    encoder: EncoderIdentity | None,
    elsewhere: bool,
    limit: int,
    skip: int,
) -> Found:
    among = SimilarFilter(same_video=not elsewhere)
    found = store.answers.similar(
        like.video, (like.start, like.end), limit=skip + limit, among=among, encoder=encoder
    )[skip:]
    named = store.labels.of_segments((each.video, each.key) for each in found)
    hits = [
        Hit(one.video, one.start, one.end, who.speaker, who.voice, one.similarity)
        for one, who in zip(found, named, strict=True)
    ]
    return Found(hits, "" if hits or skip else "Nothing else is stored to compare with.", like=like)


def marked(text: str, query: str) -> Sequence[tuple[str, bool]]:
    """A text in pieces, and whether each is what was searched for."""
    pieces = re.split(f"({re.escape(query)})", text, flags=re.IGNORECASE)
    return [(piece, place % 2 == 1) for place, piece in enumerate(pieces) if piece]
