"""Identification error rates with names: of given turns, and of turns from audio alone.

Each person who has several turns in a set is enrolled from the first seconds of the longest one,
which are not judged; the others are strangers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import NamedTuple

from pgvoice.hooks import Encoder, enroll_video, fill
from pgvoice.hooks.errors import NotEvaluable
from pgvoice.hooks.evaluate.diarization import DiarizationError
from pgvoice.hooks.evaluate.evaluate import evaluate
from pgvoice.store import Turn, VoiceStore
from pgvoice_benchmarks.diarizing.sets import seconds
from pgvoice_benchmarks.naming.recordings import Recording

#: Seconds that a person is enrolled from.
LEAST, MOST = 2.0, 8.0

Span = tuple[float, float]


class Sample(NamedTuple):
    """What a person is enrolled from."""

    recording: Recording
    span: Span


def samples(recordings: Sequence[Recording]) -> dict[str, Sample]:
    """By name, for everybody who can be enrolled and speaks elsewhere too."""
    turns: dict[str, list[tuple[float, Recording, Turn]]] = defaultdict(list)
    for recording in recordings:
        for turn in recording.turns:
            turns[str(turn.label)].append((turn.end - turn.start, recording, turn))
    longest = {name: max(said, key=lambda one: one[0]) for name, said in turns.items()}
    return {
        name: Sample(recording, (turn.start, min(turn.end, turn.start + MOST)))
        for name, (length, recording, turn) in longest.items()
        if length >= LEAST and len(turns[name]) > 1
    }


def judged(recording: Recording, enrolled: Mapping[str, Sample]) -> list[Span]:
    """The regions of a recording that nobody is enrolled from."""
    spans = sorted(one.span for one in enrolled.values() if one.recording is recording)
    edges = [0.0, *(edge for span in spans for edge in span), seconds(recording)]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [(start, end) for start, end in pairs if start < end]


def fill_given(store: VoiceStore, encoder: Encoder, recordings: Sequence[Recording]) -> None:
    """Store the references' own turns."""
    for one in recordings:
        fill(store, encoder, video=one.key, audio=one.audio, segments=one.turns)


def named(store: VoiceStore, encoder: Encoder, recordings: Sequence[Recording]) -> DiarizationError:
    """The errors of names, judged label by label, of the turns that the store has."""
    enrolled = samples(recordings)
    for name, (recording, span) in enrolled.items():
        enroll_video(store, encoder, name, recording.key, [span], audio=recording.audio, force=True)
    errors = [_errors(store, one, judged(one, enrolled)) for one in recordings]
    for name in enrolled:
        store.people.remove(name)
    return reduce(add, errors)


def _errors(store: VoiceStore, recording: Recording, regions: list[Span]) -> DiarizationError:
    turns, key = {recording.key: recording.turns}, recording.key
    try:
        found = evaluate(store, turns, segments="stored", by_label=True, regions={key: regions})
    except NotEvaluable:  # no speech is left that nobody was enrolled from
        return DiarizationError(0.0, 0.0, 0.0, 0.0, 0.0)
    return found.overall.diarization
