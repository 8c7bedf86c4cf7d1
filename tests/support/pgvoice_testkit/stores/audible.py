"""A library of unknown voices whose recordings can be heard, with what was said."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile
from sqlalchemy import text

from pgvoice.store import FillRun, Turn, VoiceStore
from pgvoice_testkit.audio.named_series import Said
from pgvoice_testkit.audio.sounds import voice
from pgvoice_testkit.stores.unknown_voices import RECORDINGS, label
from pgvoice_testkit.stores.voices import ENCODER, PEOPLE, write

#: Samples per second; enough to hear who is who.
RATE = 8000
_SOURCE = text("UPDATE pgvoice.video SET source = :source, audio_sha256 = :sha256 WHERE key = :key")


def fill(
    store: VoiceStore,
    folder: Path,
    recordings: Mapping[str, Sequence[str]] = RECORDINGS,
    said: str = "what was said",
    labelled: Callable[[int], str] = label,
) -> list[Said]:
    """Store these recordings of made-up people with a sound file each, and link their voices."""
    everything = []
    for seed, (video, people) in enumerate(recordings.items()):
        spoken = write(store, video, people, each=6, seed=seed)
        turns = [
            Turn(turn.start, turn.end, labelled(people.index(str(turn.label))), said)
            for turn in spoken
        ]
        everything += [
            Said(video, turn.start, turn.end, str(one.label), str(turn.label))
            for one, turn in zip(spoken, turns, strict=True)
        ]
        store.recordings.store_turns(video, turns)
        store.recordings.record_fill(video, ENCODER, FillRun(len(turns), 0, len(turns)))
        _add_sound(store, video, folder / f"{seed}.wav", spoken)
    store.voices.enable()
    return everything


def _add_sound(store: VoiceStore, video: str, path: Path, turns: Sequence[Turn]) -> None:
    """A file in which each person has a pitch."""
    sounds = np.zeros(round(turns[-1].end * RATE) + RATE, np.float32)
    for turn in turns:
        buzz = voice(110 + 40 * PEOPLE.index(str(turn.label)), turn.end - turn.start)
        start = round(turn.start * RATE)
        sounds[start : start + buzz[::2].size] = buzz[::2]
    soundfile.write(path, sounds, RATE, subtype="PCM_16")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    with store.database.engine.begin() as connection:
        connection.execute(_SOURCE, {"source": str(path), "sha256": sha256, "key": video})
