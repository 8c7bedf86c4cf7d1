"""Simulated recordings of real people, and what somebody who knows them does."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from pgvoice.hooks import Encoder, enroll_recordings, fill
from pgvoice.hooks import Recording as File
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.store import Turn, VoiceStore

RATE = 16_000
CONSENT = "form of 3 May"
#: Who is enrolled from recordings and from files, who is named as an unknown voice, and who is not:
#: of ten people. Twenty more are heard in few recordings.
FROM_RECORDINGS, FROM_FILES, NAMED = slice(0, 5), slice(5, 7), slice(7, 8)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A turn, and who says it."""

    turn: Turn
    person: str


@dataclass(frozen=True, slots=True)
class Episode:
    """A recording of two or three people who take turns."""

    video: str
    path: Path
    spoken: tuple[Spoken, ...]

    def label(self, person: str) -> str | None:
        return next((each.turn.label for each in self.spoken if each.person == person), None)


class Voices:
    """The people of the shared recordings, with all that each says in one piece."""

    def __init__(self, speech: Path) -> None:
        folders = sorted(filter(Path.is_dir, (speech / "librispeech-test-other").iterdir()))
        self.files = {folder.name: sorted(folder.glob("*.flac")) for folder in folders}
        self.hosts = list(self.files)
        single = sorted((speech / "librispeech-strangers").glob("*.flac"))
        self.files |= {path.name.partition("-")[0]: [path] for path in single}
        self.strangers = [name for name in self.files if name not in self.hosts]
        # The first file of somebody who is enrolled from a file is heard nowhere else.
        self._said = {
            name: np.concatenate([_read(path) for path in files[name in self.hosts :]])
            for name, files in self.files.items()
        }

    def piece(self, person: str, seconds: float, chance: random.Random) -> Waveform:
        """So much of what somebody says, from anywhere."""
        said = self._said[person]
        size = round(seconds * RATE)
        first = chance.randrange(len(said) - size)
        return np.asarray(said[first : first + size])


def _read(path: Path) -> Waveform:
    samples, _ = soundfile.read(path, dtype="float32")
    return np.asarray(samples)


def simulate(voices: Voices, folder: Path, number: int) -> list[Episode]:
    """So many recordings, each with a loudness and a noise of its own; the same each time."""
    return [_episode(voices, folder, place) for place in range(number)]


def _episode(voices: Voices, folder: Path, place: int) -> Episode:
    chance = random.Random(place)
    people = chance.sample(voices.hosts, 2)
    if place % 2:
        people.append(chance.choice(voices.strangers))
    spoken, at, parts = list[Spoken](), 0.3, [np.zeros(round(0.3 * RATE), np.float32)]
    for number in range(7):
        person = people[number % len(people)]
        seconds = chance.choice((1.5, 2.0, 2.5, 3.0, 4.0))
        turn = Turn(at, at + seconds, f"SPEAKER_{people.index(person):02}")
        spoken.append(Spoken(turn, person))
        parts += [voices.piece(person, seconds, chance), np.zeros(round(0.4 * RATE), np.float32)]
        at = round(at + seconds + 0.4, 3)
    said = np.concatenate(parts)
    noise = np.random.default_rng(place).normal(size=len(said))
    samples = said + 10 ** chance.uniform(-4, -2.5) * noise
    path = folder / f"{place:03}.flac"
    soundfile.write(path, np.clip(samples * chance.uniform(0.4, 1), -1, 1), RATE)
    return Episode(f"episode {place:03}", path, tuple(spoken))


def make(store: VoiceStore, voices: Voices, episodes: list[Episode], encoder: Encoder) -> None:
    """Fill the recordings, enroll people, name and dismiss unknown voices, and say who speaks."""
    store.privacy.require_consent()
    for each in episodes:
        turns = [spoken.turn for spoken in each.spoken]
        fill(store, encoder, video=each.video, audio=each.path, segments=turns)
    for person in voices.hosts[FROM_RECORDINGS]:
        for each in _where(episodes, person)[:2]:
            label = str(each.label(person))
            store.people.enroll_segments(
                person, each.video, labels=[label], consent=CONSENT, min_speech=3
            )
    for person in voices.hosts[FROM_FILES]:
        enroll_recordings(store, encoder, person, [File(voices.files[person][0])], consent=CONSENT)
    store.voices.enable()
    for person in voices.hosts[NAMED]:
        store.voices.name(number_of(store, episodes, person), person, consent=CONSENT)
    store.voices.dismiss(number_of(store, episodes, voices.hosts[8]), "tv")
    _say(store, voices, episodes)
    store.thresholds.refresh()
    store.labels.label()


def _say(store: VoiceStore, voices: Voices, episodes: list[Episode]) -> None:
    """Confirm names, deny others, and say that some are nobody who is enrolled."""
    enrolled = voices.hosts[:8]
    for place, person in enumerate(enrolled):
        last, before = _where(episodes, person)[-1], _where(episodes, person)[-2]
        store.labels.pin_label(last.video, str(last.label(person)), person)
        other = enrolled[place - 1]
        span = next(each.turn for each in before.spoken if each.person == person)
        store.labels.pin(before.video, (span.start, span.end), other, holds=False)
    for person in voices.strangers[:8]:
        for each in _where(episodes, person)[:1]:
            store.labels.pin_label(each.video, str(each.label(person)), None)


def number_of(store: VoiceStore, episodes: Iterable[Episode], person: str) -> int:
    """The unknown voice that somebody is in most recordings."""
    heard = [
        voice.voice
        for each in _where(episodes, person)
        for voice in store.voices.of_segments(each.video)
        if voice.label == each.label(person)
    ]
    return max(set(heard), key=heard.count)


def _where(episodes: Iterable[Episode], person: str) -> list[Episode]:
    return [each for each in episodes if each.label(person)]
