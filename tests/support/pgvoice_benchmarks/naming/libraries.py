"""Libraries to measure: recordings filled with anonymous labels, as a diarizer would give them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from pgvoice.hooks import Encoder, fill
from pgvoice.store import Turn, VoiceStore
from pgvoice_benchmarks.naming.recordings import CLEAN, Piece, Recording, clean_parts, pieces

#: The labels that a recording's turns are filled with.
Labels = Callable[[Recording], list[Turn]]
#: Seconds of clean speech in one recording that are enough to enroll somebody from it.
ENOUGH = 2.0
GALLERIES = (1, 4, 8, 16)


class Library:
    """A store with recordings, and what is known about them."""

    def __init__(self, store: VoiceStore, encoder: Encoder) -> None:
        self.store = store
        self.encoder = encoder
        self.recordings: dict[str, Recording] = {}
        self.pieces: dict[str, list[Piece]] = {}
        #: The encoder's own thresholds by gallery: the least duration in ms, and a similarity.
        self.default: dict[int, list[tuple[int, float]]] = {}
        for summary in store.people.speakers():
            store.people.remove(summary.speaker)
        self.run("TRUNCATE pgvoice.video, pgvoice.encoder CASCADE")

    def fill(self, recordings: Iterable[Recording], labels: Labels | None = None) -> Library:
        """Fill pieces and turns of each recording."""
        for one in recordings:
            found = pieces(one)
            spans = sorted({piece.key for piece in found})
            self._fill(one, [(key.start_s, key.end_s) for key in spans], "ignore")
            self._fill(one, (labels or anonymous)(one), "replace")
            self.recordings[one.key], self.pieces[one.key] = one, found
            if not self.default:
                self.default = {size: self.required(size) for size in GALLERIES}
        return self

    def _fill(self, one: Recording, segments: Sequence[object], on_turns: str) -> None:
        fill(
            self.store,
            self.encoder,
            video=one.key,
            audio=one.audio,
            segments=segments,
            on_turns=on_turns,  # type: ignore[arg-type]
        )

    def required(self, gallery: int) -> list[tuple[int, float]]:
        """The thresholds of a recording like most: the least duration of each, and a similarity."""
        asked = self.store.thresholds.required(gallery=gallery)
        return [(round(1000 * band.min_s), band.threshold) for band in asked.bands]

    def candidates(self) -> dict[str, list[str]]:
        """Each person, and the recordings that have enough of their clean speech."""
        found: dict[str, list[str]] = defaultdict(list)
        for key, several in self.pieces.items():
            clean: dict[str, float] = defaultdict(float)
            for piece in several:
                clean[piece.person] += piece.key.duration_ms / 1000 * (piece.kind == CLEAN)
            for person in sorted(clean):
                if clean[person] >= ENOUGH:
                    found[person].append(key)
        return dict(found)

    def enroll(self, gallery: dict[str, str]) -> None:
        """Enroll each of these people from a recording, and nobody else."""
        for summary in self.store.people.speakers():
            self.store.people.remove(summary.speaker)
        for person, video in gallery.items():
            spans = [
                (piece.key.start_s, piece.key.end_s)
                for piece in self.pieces[video]
                if piece.person == person and piece.kind == CLEAN
            ]
            self.store.people.enroll_segments(person, video, spans, force=True)

    def keep_tail(self) -> None:
        """Remember what was fitted to the recordings up to now."""
        self.run(
            "DROP TABLE IF EXISTS kept_tail", "CREATE TABLE kept_tail AS TABLE pgvoice.library_tail"
        )

    def restore_tail(self) -> None:
        """Forget what was fitted since `keep_tail`."""
        self.run(
            "DELETE FROM pgvoice.library_tail", "INSERT INTO pgvoice.library_tail TABLE kept_tail"
        )

    def run(self, *statements: str) -> None:
        with self.store.database.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)


def anonymous(recording: Recording) -> list[Turn]:
    """The right labels, whose names say nothing."""
    number = {person: f"SPEAKER_{at:02}" for at, person in enumerate(recording.people)}
    return [Turn(t.start, t.end, number[t.label or ""]) for t in recording.turns]


def unlabelled(recording: Recording) -> list[Turn]:
    """Turns without labels."""
    return [Turn(turn.start, turn.end) for turn in recording.turns]


def over_split(recording: Recording) -> list[Turn]:
    """The person who speaks most has two labels, in turn."""
    most, labels = _by_speech(recording)[0], anonymous(recording)
    own = [at for at, turn in enumerate(recording.turns) if turn.label == most]
    for at in own[::2]:
        labels[at] = Turn(labels[at].start, labels[at].end, "SPEAKER_99")
    return labels


def merged(recording: Recording) -> list[Turn]:
    """The two people who speak most have one label."""
    both = _by_speech(recording)[:2]
    return [
        Turn(known.start, known.end, "SPEAKER_99") if known.label in both else label
        for known, label in zip(recording.turns, anonymous(recording), strict=True)
    ]


def in_some(change: Labels, share: float) -> Labels:
    """A change in about this share of the recordings, always in the same."""

    def changed(recording: Recording) -> list[Turn]:
        drawn = np.random.default_rng(list(recording.key.encode())).random()
        return (change if drawn < share else anonymous)(recording)

    return changed


def by_two(recording: Recording, folder: Path) -> list[Recording]:
    """An interview for each person but the one who speaks most, who is in all of them.

    The turns of that person are divided between them, so that no speech is in two recordings.
    """
    host, *guests = _by_speech(recording)
    clean = [
        Turn(start / 1000, end / 1000, turn.label)
        for turn in recording.turns
        for start, end in clean_parts(recording, turn)
    ]
    own = [turn for turn in clean if turn.label == host]
    samples, rate = soundfile.read(recording.audio, dtype="float32")
    made = []
    for at, guest in enumerate(guests):
        turns = own[at :: len(guests)] + [turn for turn in clean if turn.label == guest]
        kept = np.zeros_like(samples)
        for turn in turns:
            part = slice(round(turn.start * rate), round(turn.end * rate))
            kept[part] = samples[part]
        key = f"{recording.key}, {at}"
        audio = folder / f"{key.replace('/', '-')}.flac"
        soundfile.write(audio, kept, rate)
        found = Recording(key, recording.group, audio, sorted(turns, key=_start), recording.origin)
        made.append(found)
    return made


def _start(turn: Turn) -> float:
    return turn.start


def _by_speech(recording: Recording) -> list[str]:
    """The people of a recording, who speaks most first."""
    seconds: dict[str, float] = defaultdict(float)
    for turn in recording.turns:
        seconds[turn.label or ""] += turn.end - turn.start
    return sorted(seconds, key=lambda person: (-seconds[person], person))
