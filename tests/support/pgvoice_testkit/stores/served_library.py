"""A library of made-up people that the HTTP API can be asked everything about."""

from __future__ import annotations

from pgvoice.store import FillRun, Turn, VoiceStore
from pgvoice_testkit.stores.unknown_voices import CONSENT, RECORDINGS, enroll_near, record
from pgvoice_testkit.stores.voices import ENCODER, PEOPLE, talk, write

#: Who is enrolled by which name, and from which recording, whose labels are others.
ADA, BOB, ENROLLED_FROM = "Ada", "Bob", "sunday"
SPEAKERS = {ADA: PEOPLE[5], BOB: PEOPLE[6]}
#: Somebody who is like an unknown voice, but not like enough to be named.
ZOE = "Zoë"
#: A recording whose turns have text.
READ_ALOUD = "talk"


def make(store: VoiceStore) -> None:
    """Fill an empty store with recordings, people, labels, unknown voices, acts and words."""
    for seed, (video, people) in enumerate(RECORDINGS.items(), start=1):
        record(store, video, people, seed=seed)
    turns = talk(store, ENROLLED_FROM, SPEAKERS.values(), each=12, seed=20)
    for name, person in SPEAKERS.items():
        spans = [(turn.start, turn.end) for turn in turns if turn.label == person]
        store.people.enroll_segments(name, ENROLLED_FROM, spans[-6:], consent=CONSENT, force=True)
    _read_aloud(store)
    store.voices.enable()
    store.labels.label()
    enroll_near(store, ZOE, PEOPLE[0], 0.42)
    store.labels.pin("monday", (0.0, 1.5), ADA)
    store.ingests.expect("all", {"monday": {}, "nowhere": {}})


def _read_aloud(store: VoiceStore) -> None:
    turns = [
        Turn(turn.start, turn.end, "SPEAKER_00", f"Sentence {number} is said here.")
        for number, turn in enumerate(write(store, READ_ALOUD, PEOPLE[7:], each=4, seed=30))
    ]
    store.recordings.store_turns(READ_ALOUD, turns)
    store.recordings.record_fill(READ_ALOUD, ENCODER, FillRun(len(turns), 0, len(turns)))
