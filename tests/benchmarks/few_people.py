"""Calibration on few people, measured on others: ``python tests/benchmarks/few_people.py``.

CAM++ on real recordings. A few people of a set are enrolled with their first 8 s of clean speech;
what else they say alone, in whole turns and in pieces of 1, 1.5, 2 and 3 s, calibrates thresholds.
FAR is measured on everybody else in the same gallery, and DIR in galleries of as many others.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import librosa
import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_testkit.audio.few_people import Draw, Person, draws
from pgvoice_testkit.audio.shared_recordings import SPEECH

from pgvoice.hooks import Encoder, make_encoder
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.formats.reading import read_segments

RATE = 16_000
#: Seconds of the pieces, besides whole clean parts.
PIECES = (1.0, 1.5, 2.0, 3.0)
#: The shortest clean part, and the speech of a profile, in seconds.
MIN_CLEAN, MIN_PROFILE, PROFILE = 0.6, 4.0, 8.0
BATCH = 32
#: People to calibrate on.
SIZES = (4, 5, 7, 10)
Span = tuple[float, float]


class Part(NamedTuple):
    """A clean part of a turn, with its vector and those of its pieces."""

    recording: str
    span: Span
    vectors: dict[Span, np.ndarray]


@click.command(help=__doc__)
@click.option("--target", default=0.01, show_default=True, help="The FAR to calibrate for.")
@click.option("--draws", "count", default=100, show_default=True, help="Draws of people each.")
def main(target: float, count: int) -> None:
    if not SPEECH.is_dir():
        raise SystemExit(f"no recordings at {SPEECH}")
    encoder = make_encoder("campplus")
    libri = [*SPEECH.glob("librispeech-test-other/*/*.flac"), *SPEECH.glob("librispeech-str*/*")]
    read = _people(encoder, sorted(file for file in libri if file.suffix == ".flac"))
    series, digits, meetings = (
        _people(encoder, sorted((SPEECH / name).glob("*.rttm")))
        for name in ("series", "digits-8khz", "ami-30s")
    )
    table = Table("people of", "measured on", "few", "refused", "met", "FAR at most", "FAR",
                  "covered", "DIR", "measured", "covered")  # fmt: skip
    for told, people, others in (
        ("LibriSpeech", read, None),
        ("LibriSpeech", read, ("series", series)),
        ("series", series, None),
        ("series", series, ("LibriSpeech", read)),
        ("digits", digits, None),
        ("meetings", meetings, None),
    ):
        able = sum(one.profile is not None for one in people)
        for few in (size for size in SIZES if size < able):
            rng = np.random.default_rng(few)
            found = list(draws(people, few, target, count, rng, others[1] if others else None))
            table.add_row(told, others[0] if others else told, str(few), *_row(found))
    Console(highlight=False, width=140).print(table)


def _row(found: Sequence[Draw | None]) -> Iterator[str]:
    made = [one for one in found if one is not None]
    yield str(len(found) - len(made))
    if not made:
        return
    yield f"{np.mean([one.is_met for one in made]):.0%}"
    bounds, rates = ([getattr(one, name) for one in made] for name in ("far_bound", "far"))
    yield f"{np.median(bounds):.2%} (worst {max(bounds):.1%})"
    yield f"{np.mean(rates):.2%} (worst {max(rates):.1%})"
    yield f"{np.mean([one.is_far_covered for one in made]):.0%}"
    low, high = np.mean([one.dir_interval for one in made], axis=0)
    yield f"{low:.0%} to {high:.1%}"
    judged = [one for one in made if not np.isnan(one.dir)]
    if judged:
        yield f"{np.mean([one.dir for one in judged]):.1%}"
        yield f"{np.mean([one.is_dir_covered for one in judged]):.0%}"


def _people(encoder: Encoder, files: Sequence[Path]) -> list[Person]:
    """Everybody who speaks in these recordings: clips of one person, or references."""
    parts: dict[str, list[Part]] = defaultdict(list)
    for file in files:
        if file.suffix == ".flac":
            sound = soundfile.read(file, dtype="float32")[0]
            speech = {file.stem.split("-")[0]: [(0.0, len(sound) / RATE)]}
        else:
            (audio,) = {*file.parent.glob(f"{file.stem}.*")} - {file}
            sound, speech = librosa.load(audio, sr=RATE)[0], _clean(file)
        for name, spans in speech.items():
            parts[name] += [Part(file.stem, span, _encoded(encoder, sound, span)) for span in spans]
    return [made for name, said in sorted(parts.items()) if (made := _person(name, said))]


def _clean(reference: Path) -> dict[str, list[Span]]:
    """By label, the parts of turns that no other label overlaps."""
    turns = read_segments(reference)
    found: dict[str, list[Span]] = defaultdict(list)
    for turn in turns:
        left = [(turn.start, turn.end)]
        for other in turns:
            if other.label != turn.label:
                left = [part for span in left for part in _without(span, (other.start, other.end))]
        found[str(turn.label)] += [span for span in left if span[1] - span[0] >= MIN_CLEAN]
    return found


def _without(span: Span, other: Span) -> list[Span]:
    """What is left of a span if the other is cut out."""
    if other[1] <= span[0] or other[0] >= span[1]:
        return [span]
    parts = (span[0], other[0]), (other[1], span[1])
    return [part for part in parts if part[1] > part[0]]


def _encoded(encoder: Encoder, sound: Waveform, span: Span) -> dict[Span, np.ndarray]:
    """The vectors of a clean part, as it is and in pieces."""
    start, end = span
    spans = [span] + [
        (start + place * long, start + (place + 1) * long)
        for long in PIECES
        for place in range(int((end - start) / long + 1e-9))
    ]
    spans = [(one, two) for one, two in spans if two - one >= MIN_CLEAN]
    waves = [sound[round(one * RATE) : round(two * RATE)] for one, two in spans]
    vectors: list[np.ndarray] = []
    for at in range(0, len(waves), BATCH):
        vectors += list(encoder.encode(waves[at : at + BATCH]).astype(np.float64))
    return dict(zip(spans, vectors, strict=True))


def _person(name: str, parts: Sequence[Part]) -> Person | None:
    """The profile from a person's first speech, and the rest; None without any rest.

    A person with a single recording is enrolled with its first half, in pieces of 3 s.
    """
    enrolled: dict[tuple[str, Span], np.ndarray] = {}
    if len(parts) == 1:
        ((recording, (start, end), vectors),) = parts
        middle = (start + end) / 2
        for (one, two), vector in vectors.items():
            if two <= middle and round(two - one, 3) == PIECES[-1]:
                enrolled[recording, (one, two)] = vector
    for recording, span, vectors in parts if len(parts) > 1 else ():
        if sum(two - one for _, (one, two) in enrolled) < PROFILE:
            enrolled[recording, span] = vectors[span]
    seconds = sum(two - one for _, (one, two) in enrolled)
    rest = {
        (recording, span): vector
        for recording, _, vectors in parts
        for span, vector in vectors.items()
        if not any(
            recording == other and span[0] < end and span[1] > start
            for other, (start, end) in enrolled
        )
    }
    if not rest or seconds < MIN_PROFILE:
        rest = {(one, span): v for one, _, vectors in parts for span, v in vectors.items()}
    if not rest:
        return None
    mean = np.mean(list(enrolled.values()), axis=0) if seconds >= MIN_PROFILE else None
    return Person(
        name,
        None if mean is None else mean / np.linalg.norm(mean),
        np.array(list(rest.values())),
        np.array([round(1000 * (two - one)) for _, (one, two) in rest]),
    )


if __name__ == "__main__":
    main()
