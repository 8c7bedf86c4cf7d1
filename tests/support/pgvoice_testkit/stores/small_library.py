"""A small library with people, labels, and recordings with and without turns, that can be heard."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from pgvoice.hooks import Recording, enroll_recordings, enroll_video, fill
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.store import VoiceStore
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice_testkit.audio.sounds import silence, voice, write

#: Ada until 4 s, then Bob, who speaks at the same time from 3 s on; the last turn is too short.
TURNS = ((0.0, 2.0, "S0"), (2.0, 4.0, "S0"), (3.0, 6.0, "S1"), (6.0, 8.0, "S1"), (9.0, 9.2, "S0"))
ADA, BOB = 110, 310
#: A recording with turns, one with segments alone, and one that is silent.
TALK, PLAIN, SILENT = "talk", "plain", "silent"
#: What belongs to an encoder, without what counts up.
_ROWS = {
    "segments": "SELECT v.key, s.start_ms, s.end_ms, s.status, s.embedding::text"
    " FROM pgvoice.segment_embedding AS s JOIN pgvoice.video AS v ON v.id = s.video_id"
    " WHERE s.encoder_id = :encoder",
    "voices": "SELECT v.key, o.label, o.clean_ms, o.segments, o.embedding::text"
    " FROM pgvoice.voice AS o JOIN pgvoice.video AS v ON v.id = o.video_id"
    " WHERE o.encoder_id = :encoder",
    "exemplars": "SELECT s.name, e.audio_sha256, e.start_ms, e.end_ms, e.excluded,"
    " e.embedding::text FROM pgvoice.enrollment AS e JOIN pgvoice.speaker AS s"
    " ON s.id = e.speaker_id WHERE e.encoder_id = :encoder",
    "profiles": "SELECT s.name, p.exemplars, p.embedding::text FROM pgvoice.profile AS p"
    " JOIN pgvoice.speaker AS s ON s.id = p.speaker_id WHERE p.encoder_id = :encoder",
    "labels": "SELECT video, start_ms, end_ms, speaker, reason, pinned FROM pgvoice.label"
    " WHERE encoder_id = :encoder",
}


def make(store: VoiceStore, encoder: Encoder, folder: Path) -> None:
    """Fill the recordings, enroll Ada and Bob from them and from a file, label, and pin a turn."""
    ada, bob = voice(ADA, 4), voice(BOB, 4, seed=1)
    talk = write(folder / "talk.wav", ada, bob, silence(2))
    fill(store, encoder, video=TALK, audio=talk, segments=TURNS)
    plain = write(folder / "plain.wav", voice(ADA, 3, seed=2), voice(BOB, 3, seed=3))
    spans = [(0, 2), (3, 6)]
    fill(store, encoder, video=PLAIN, audio=plain, segments=spans, on_turns="ignore")
    quiet = write(folder / "silent.wav", silence(2))
    fill(store, encoder, video=SILENT, audio=quiet, segments=[(0, 2, "S0")])
    alone = Recording(write(folder / "bob.wav", voice(BOB, 5, seed=4)))
    enroll_video(store, encoder, "Ada", TALK, [(0, 2)], audio=talk, force=True)
    # No turn, and so no segment that another encoder fills.
    enroll_video(store, encoder, "Ada", TALK, [(0.5, 2.5)], audio=talk, force=True)
    enroll_recordings(store, encoder, "Bob", [alone], force=True)
    store.labels.label()
    store.labels.pin(TALK, (6, 8), "Bob")


def rows_of(store: VoiceStore, encoder: EncoderIdentity) -> dict[str, list[str]]:
    """What the store has of an encoder, in an order that does not depend on when it came."""
    values = {"encoder": store.encoders.find(encoder).id}
    with store.database.engine.connect() as connection:
        return {
            kind: sorted(map(str, connection.execute(text(query), values)))
            for kind, query in _ROWS.items()
        }
