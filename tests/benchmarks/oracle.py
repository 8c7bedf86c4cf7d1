"""What similarities reveal of a stored vector: ``python tests/benchmarks/oracle.py``.

The attacker has the audio of some segments of the library and the encoder, so they know those
vectors; they ask for similarities to segments, or profiles, that they do not have, and solve for
these. With exact similarities, as many known segments as the vector has elements are enough.
Rounded ones leave an error, which the attacker reduces with more segments and with what voices have
in common: they look for the most probable vector, with mean and covariance of the known vectors as
the prior (Bishop, Pattern Recognition and Machine Learning, 2006, section 3.3.1).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import Connection, text

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_testkit.audio.shared_recordings import SPEECH
from pgvoice_testkit.servers.databases import temporary_store

from pgvoice.hooks import make_encoder
from pgvoice.hooks.encoders.encoder import Encoder, Waveform
from pgvoice.store import SegmentKey, SegmentRow, VideoAudio, VoiceStore

RATE, WINDOW_SECONDS, STEP_SECONDS = 16_000, 3.0, 0.5
#: How many segments the attacker has the audio of.
KNOWN = (192, 500, 1000, 2000)
#: Recordings of people whose audio the attacker does not have.
PRIVATE_PEOPLE = 4
PRIVATE_SEGMENTS = 11
DIGITS = 0.01
Vectors = NDArray[np.float64]


class Voice(NamedTuple):
    """Speech of one person, in windows."""

    speaker: str
    vectors: Vectors


class Recovered(NamedTuple):
    """How close an attacker comes, over all targets."""

    known: int
    #: Between the recovered vectors and the true ones.
    cosines: NDArray[np.float64]


@click.command()
def main() -> None:
    """Solve for vectors from exact and from rounded similarities, and print how close it comes."""
    encoder = make_encoder("campplus")
    private, public = _voices(encoder)
    known = np.concatenate([voice.vectors for voice in public])
    known = known[np.random.default_rng(5).permutation(len(known))][: max(KNOWN)]
    with temporary_store() as store:
        _store(store, encoder, known, private)
        console = Console()
        for what, role in (("admin", None), ("pgvoice_searcher", "pgvoice_searcher")):
            segments = np.concatenate([voice.vectors[:PRIVATE_SEGMENTS] for voice in private])
            with _asking(store, role) as connection:
                similarities = _similarities(connection, len(known))
            console.print(_table(f"segments, asked as {what}", known, similarities, segments, role))
        with _asking(store, "pgvoice_reader") as connection:
            by_profile, profiles = _identified(connection, len(known), private)
        console.print(
            _table("profiles, asked as pgvoice_reader", known, by_profile, profiles, "reader")
        )
    others = known.mean(0)
    console.print(
        "without any similarity (the mean of the known vectors): cosine"
        f" {np.mean(segments @ others / np.linalg.norm(others)):.2f}"
    )


def _table(
    title: str, known: Vectors, similarities: Vectors, true: Vectors, role: str | None
) -> Table:
    table = Table("known", "mean cosine", "lowest", "at .99 or more", title=title)
    for number in KNOWN:
        if number > len(known):
            continue
        found = solve(known[:number], similarities[:number], DIGITS if role else 0)
        cosines = np.sum(found * true, axis=1)
        table.add_row(
            f"{number:,}",
            f"{cosines.mean():.6f}",
            f"{cosines.min():.6f}",
            f"{np.sum(cosines >= 0.99)} of {len(true)}",
        )
    return table


def solve(known: Vectors, similarities: Vectors, digits: float) -> Vectors:
    """The most probable unit vectors, shape ``(targets, dimension)``.

    `known` has shape ``(known, dimension)``, `similarities` ``(known, targets)``, NaN where none
    was learned. `digits` is the step to which they were rounded down, 0 if they are exact.
    """
    mean = known.mean(0)
    spread = np.cov(known.T) + 1e-6 * np.eye(known.shape[1])
    noise = max(digits**2 / 12, 1e-14)
    found = np.stack(
        [
            _most_probable(known[asked], column[asked] + digits / 2, mean, spread, noise)
            for column in similarities.T
            for asked in [~np.isnan(column)]
        ]
    )
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def _most_probable(
    known: Vectors, similarities: Vectors, mean: Vectors, spread: Vectors, noise: float
) -> Vectors:
    precision = np.linalg.inv(spread) + known.T @ known / noise
    step = np.linalg.solve(precision, known.T @ (similarities - known @ mean) / noise)
    return np.asarray(mean + step)


def _voices(encoder: Encoder) -> tuple[list[Voice], list[Voice]]:
    """People whose audio is private, and those whose audio the attacker has."""
    paths: dict[str, list[Path]] = {}
    for path in sorted(SPEECH.glob("librispeech-*/**/*.flac")):
        paths.setdefault(path.stem.split("-")[0], []).append(path)
    if not paths:
        raise SystemExit(f"no recordings at {SPEECH}")
    voices = [
        Voice(name, _encoded(encoder, files))
        for name, files in track(sorted(paths.items(), key=lambda item: -len(item[1])))
    ]
    return voices[:PRIVATE_PEOPLE], voices[PRIVATE_PEOPLE:]


def _encoded(encoder: Encoder, files: Sequence[Path]) -> Vectors:
    windows = [window for file in files for window in _windows(file)]
    return np.asarray(encoder.encode(windows), np.float64)


def _windows(file: Path) -> Iterator[Waveform]:
    waveform = soundfile.read(file, dtype="float32")[0]
    size, step = round(WINDOW_SECONDS * RATE), round(STEP_SECONDS * RATE)
    for start in range(0, len(waveform) - size + 1, step):
        yield waveform[start : start + size]


def _store(store: VoiceStore, encoder: Encoder, known: Vectors, private: Sequence[Voice]) -> None:
    segments = np.concatenate([voice.vectors[:PRIVATE_SEGMENTS] for voice in private])
    exemplars = np.concatenate([voice.vectors[PRIVATE_SEGMENTS:] for voice in private])
    for video, vectors in (("known", known), ("private", segments), ("exemplars", exemplars)):
        audio = VideoAudio(f"{len(video):064x}", 4_000 * len(vectors), f"{video}.wav")
        ids = store.recordings.register(video, audio, encoder.identity, encoder.default_threshold)
        rows = [
            SegmentRow(SegmentKey(4_000 * place, 4_000 * place + 3_000), "ok", vector)
            for place, vector in enumerate(vectors.astype(np.float32))
        ]
        store.recordings.write(ids, encoder.identity, rows)
    place = 0
    for voice in private:
        own = len(voice.vectors) - PRIVATE_SEGMENTS
        spans = [(4.0 * number, 4.0 * number + 3.0) for number in range(place, place + own)]
        store.people.enroll_segments(voice.speaker, "exemplars", spans, force=True)
        place += own


@contextmanager
def _asking(store: VoiceStore, role: str | None) -> Iterator[Connection]:
    """A connection that acts as a role."""
    with store.database.unpooled.connect() as connection:
        if role is not None:
            connection.execute(text(f"SET ROLE {role}"))
        yield connection


def _similarities(connection: Connection, known: int) -> Vectors:
    """Shape ``(known, private segments)``."""
    found = np.full((known, PRIVATE_PEOPLE * PRIVATE_SEGMENTS), np.nan)
    for number in track(range(known), "asking"):
        rows = connection.execute(
            text(
                "SELECT start_ms / 4000, similarity FROM pgvoice.similar_segments('known', :start,"
                " :end, 100, videos => ARRAY['private'])"
            ),
            {"start": 4 * number, "end": 4 * number + 3},
        )
        for place, similarity in rows:
            found[number, place] = similarity
    return found


def _identified(
    connection: Connection, known: int, private: Sequence[Voice]
) -> tuple[Vectors, Vectors]:
    """Similarities to the profiles, shape ``(known, people)``, and the true profiles."""
    names = [voice.speaker for voice in private]
    found = np.full((known, len(names)), np.nan)
    rows = connection.execute(
        text(
            "SELECT start_ms / 4000 AS place, nearest, similarity, runner_up, runner_up_similarity"
            " FROM pgvoice.identify('known')"
        )
    )
    for row in rows:
        found[row.place, names.index(row.nearest)] = row.similarity
        found[row.place, names.index(row.runner_up)] = row.runner_up_similarity
    means = np.stack([voice.vectors[PRIVATE_SEGMENTS:].mean(0) for voice in private])
    return found, means / np.linalg.norm(means, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
