"""Conversations made of LibriSpeech clips: 2 to 8 people who overlap, in a noisy room; seeded.

References follow the simulated podcast's: an utterance is where its energy is within 38 dB of its
peak, with pauses below .4 s bridged, before the room and the noise are added.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.store import Turn
from pgvoice_benchmarks.naming.recordings import Recording

NAME = "conversations"
RATE = 16_000
SEED = 7_000
#: Two of each number of people.
PEOPLE = (2, 3, 4, 5, 6, 7, 8)
COUNT = 2 * len(PEOPLE)
SECONDS = 100.0
#: Phrases end where somebody pauses for so long, and are no shorter than this; a turn has up to so
#: many.
PAUSE, PHRASES, LEAST_PHRASE = 0.12, 4, 0.3
#: Phrases of somebody with more than one clip.
MUCH = 20
#: Seconds between the end of a turn and the next; negative ones are overlap.
GAP_MEAN, GAP_DEVIATION, GAP_LEAST, GAP_MOST = 0.15, 0.6, -1.5, 2.5
#: The shortest pause between two turns of one person, and the pause between phrases.
LEAST_PAUSE, PHRASE_PAUSE = 0.1, 0.2
#: How often somebody says a phrase of at most so many seconds while another goes on.
ASIDES, ASIDE_SECONDS = 0.15, 1.5
#: The ranges that each conversation, or person, draws from.
LEVEL_DB, NOISE_DB, REVERBERATION, REFLECTED_DB = (-6, 0), (12, 30), (0.15, 0.5), (-12, -3)
#: As in the sets: frames of 10 ms, speech within so many dB of the peak, pauses below bridged.
FRAME, BELOW_PEAK_DB, BRIDGED = RATE // 100, 38, 0.4

Span = tuple[float, float]


class Utterance(NamedTuple):
    """Something that somebody says, from a time in seconds on."""

    person: str
    start: float
    samples: Waveform

    @property
    def end(self) -> float:
        return self.start + len(self.samples) / RATE


def make(speech: Path, folder: Path, count: int = COUNT) -> list[Recording]:
    """Conversations as FLAC files, with their turns."""
    clips = _clips(speech)
    return [_one(clips, folder, number) for number in range(count)]


def _clips(speech: Path) -> dict[str, list[Waveform]]:
    """What each person says, phrase by phrase."""
    found: dict[str, list[Waveform]] = {}
    for path in sorted(speech.glob("librispeech-*/**/*.flac")):
        samples, _ = soundfile.read(path, dtype="float32")
        spans = [span for span in spoken(samples, PAUSE) if span[1] - span[0] >= LEAST_PHRASE]
        phrases = [_between(samples, span) for span in spans]
        found.setdefault(path.stem.split("-")[0], []).extend(phrases)
    return found


def _between(samples: Waveform, span: Span) -> Waveform:
    return samples[round(span[0] * RATE) : round(span[1] * RATE)]


def _one(clips: dict[str, list[Waveform]], folder: Path, number: int) -> Recording:
    rng = np.random.default_rng(SEED + number)
    people = _people(clips, PEOPLE[number % len(PEOPLE)], rng)
    said = list(_said({one: list(clips[one]) for one in people}, rng))
    audio = folder / f"conversation-{number + 1:02d}.flac"
    soundfile.write(audio, _heard(said, rng), RATE, "PCM_16")
    key = f"{NAME}/{audio.stem}"
    return Recording(key, NAME, audio, sorted(_turns(said), key=lambda turn: turn.start), key)


def _people(clips: dict[str, list[Waveform]], number: int, rng: np.random.Generator) -> list[str]:
    """As many at random; at least half of them have much to say."""
    mixed = [str(one) for one in rng.permutation(sorted(clips))]
    talkative = [one for one in mixed if len(clips[one]) > MUCH][: (number + 1) // 2]
    others = [one for one in mixed if one not in talkative]
    return [*talkative, *others][:number]


def _said(left: dict[str, list[Waveform]], rng: np.random.Generator) -> Iterator[Utterance]:
    """Everybody speaks once in turn, then at random, until the time is up or nothing is left."""
    levels = {person: 10 ** (rng.uniform(*LEVEL_DB) / 20) for person in left}
    first, last, end, free = list(left), "", 1.0, dict.fromkeys(left, 0.0)
    while end < SECONDS and (able := [one for one in left if left[one] and one != last]):
        person = next((one for one in first if left[one]), "") or str(rng.choice(able))
        first = [one for one in first if one != person]
        start = max(end + _gap(rng), free[person])
        taken = _taken(left[person], int(rng.integers(1, PHRASES + 1)))
        turns = [Utterance(person, start, levels[person] * taken)]
        if rng.random() < ASIDES and (aside := _aside(left, turns[0], levels, rng)):
            turns.append(aside)
        yield from turns
        free |= {turn.person: turn.end + LEAST_PAUSE for turn in turns}
        last, end = person, turns[0].end


def _gap(rng: np.random.Generator) -> float:
    return float(np.clip(rng.normal(GAP_MEAN, GAP_DEVIATION), GAP_LEAST, GAP_MOST))


def _taken(phrases: list[Waveform], size: int) -> Waveform:
    """The next phrases, with short pauses between them."""
    pause = np.zeros(round(PHRASE_PAUSE * RATE), np.float32)
    taken = [part for phrase in phrases[:size] for part in (phrase, pause)]
    del phrases[:size]
    return np.concatenate(taken[:-1])


def _aside(
    left: dict[str, list[Waveform]],
    during: Utterance,
    levels: dict[str, float],
    rng: np.random.Generator,
) -> Utterance | None:
    """Another person's next phrase, if one is short and fits into the turn."""
    room = during.end - during.start - ASIDE_SECONDS - 0.5
    short = [
        one
        for one, phrases in left.items()
        if one != during.person and phrases and len(phrases[0]) < ASIDE_SECONDS * RATE
    ]
    if room <= 0 or not short:
        return None
    person, start = str(rng.choice(short)), during.start + 0.5 + float(rng.uniform(0, room))
    return Utterance(person, start, levels[person] * _taken(left[person], 1))


def _turns(said: list[Utterance]) -> Iterator[Turn]:
    for one in said:
        for start, end in spoken(one.samples, BRIDGED):
            yield Turn(one.start + start, one.start + end, one.person)


def _heard(said: list[Utterance], rng: np.random.Generator) -> Waveform:
    """Everybody in one room, each from another place, and noise."""
    size = round((max(one.end for one in said) + 1) * RATE)
    heard, seconds = np.zeros(size), rng.uniform(*REVERBERATION)
    rooms = {person: _room(seconds, rng) for person in dict.fromkeys(one.person for one in said)}
    for one in said:
        sound = fftconvolve(one.samples, rooms[one.person])
        at = round(one.start * RATE)
        part = sound[: size - at]
        heard[at : at + len(part)] += part
    noise = _noise(size, rng) * np.sqrt(np.mean(heard**2)) * 10 ** (-rng.uniform(*NOISE_DB) / 20)
    mixed = heard + noise
    return np.asarray(0.7 * mixed / np.abs(mixed).max(), np.float32)


def _room(seconds: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """An impulse response that falls by 60 dB in this time; the direct sound comes first."""
    size = round(seconds * RATE)
    tail = rng.standard_normal(size) * 10 ** (-3 * np.arange(size) / size)
    tail *= 10 ** (rng.uniform(*REFLECTED_DB) / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return np.asarray(tail)


def _noise(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Pink noise with a power of 1."""
    spectrum = np.fft.rfft(rng.standard_normal(size))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 20))
    noise = np.fft.irfft(spectrum, size)
    return np.asarray(noise / noise.std())


def spoken(samples: Waveform, bridged: float) -> list[Span]:
    """The stretches of an utterance with speech, in seconds; shorter pauses belong to them."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    level = 10 * np.log10(np.mean(frames.astype(np.float64) ** 2, axis=1) + 1e-12)
    edges = np.flatnonzero(np.diff(np.r_[0, level > level.max() - BELOW_PEAK_DB, 0]))
    found: list[Span] = []
    for start, end in edges.reshape(-1, 2) * FRAME / RATE:
        if found and start - found[-1][1] < bridged:
            found[-1] = found[-1][0], float(end)
        else:
            found.append((float(start), float(end)))
    return found
