"""Recordings with what was said in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import text

from pgvoice.store import VoiceStore
from pgvoice_testkit.stores import unknown_voices
from pgvoice_testkit.stores.voices import PEOPLE

#: Who speaks in each recording: one person in both.
RECORDINGS: Mapping[str, tuple[str, ...]] = {
    "monday": (PEOPLE[0], PEOPLE[1]),
    "tuesday": (PEOPLE[2], PEOPLE[0]),
}
ADA = "Ada Lovelace"


def keep_text(store: VoiceStore) -> None:
    """Keep what is said in turns that are stored from now on."""
    with store.database.engine.begin() as connection:
        connection.execute(text("UPDATE pgvoice.setting SET keep_text = true"))


def say(store: VoiceStore, video: str, texts: Iterable[str]) -> None:
    """Store a recording's turns again, with these texts for the first ones."""
    turns, said = store.recordings.turns(video) or [], list(texts)
    said += [f"turn {number}" for number in range(len(said), len(turns))]
    store.recordings.store_turns(
        video, [replace(turn, text=each) for turn, each in zip(turns, said, strict=False)]
    )


def library(store: VoiceStore, *, ada: bool = True) -> VoiceStore:
    """Two recordings with text, linked voices and, if asked for, one person who is enrolled."""
    keep_text(store)
    for seed, (video, people) in enumerate(RECORDINGS.items()):
        unknown_voices.record(store, video, people, seed=seed)
        say(store, video, ["Hello there", "hello again & <b>again</b>"])
    if ada:
        turns = store.recordings.turns("monday") or []
        spans = [(each.start, each.end) for each in turns if each.label == "SPEAKER_00"]
        store.people.enroll_segments(
            ADA, "monday", spans[-3:], consent=unknown_voices.CONSENT, force=True
        )
    store.voices.enable()
    return store
