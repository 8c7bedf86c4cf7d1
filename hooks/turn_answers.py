"""``answer_turns``: who speaks in a pipeline's turns, those that are not spans of time included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pgvoice.hooks.identify import identify
from pgvoice.hooks.results import IdentifyResult, Labelled
from pgvoice.store.answers.clusters import ClusterSummary
from pgvoice.store.errors import InvalidSegment
from pgvoice.store.keys import SnappedSegments, snap_segments
from pgvoice.store.recordings.encoders import WhichEncoder
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore


@dataclass(frozen=True, slots=True)
class TurnAnswers:
    """The answers for the turns of one video."""

    #: One for each turn, in order; a turn that is not a span of time has no answer.
    labels: tuple[Labelled, ...]
    invalid: tuple[InvalidSegment, ...]
    #: Who speaks under each label, if the turns were judged by their labels.
    clusters: tuple[ClusterSummary, ...] = ()


def answer_turns(
    store: VoiceStore,
    video: str,
    turns: Sequence[Turn],
    snapped: SnappedSegments | None = None,
    *,
    clusters: bool = False,
    encoder: WhichEncoder = None,
    threshold: float | None = None,
    min_margin: float | None = None,
) -> TurnAnswers:
    """What `identify` answers for the turns; one that is not a span of time is named, not raised.

    `snapped` are the turns on the store's grid, if they are known. With `clusters`, turns of one
    label are judged together. Raises `UnknownVideo`, `UnknownEncoder`.
    """
    if snapped is None:
        snapped = snap_segments([(turn.start, turn.end) for turn in turns], store.grid_ms)
    valid = [(turn, key) for turn, key in zip(turns, snapped.keys, strict=True) if key]
    result = identify(
        store,
        video,
        [key for _, key in valid],
        [turn.label for turn, _ in valid] if clusters else None,
        encoder=encoder,
        threshold=threshold,
        min_margin=min_margin,
    )
    answers = iter(result.answers)
    labels = [
        Labelled(turn, next(answers) if key else None)
        for turn, key in zip(turns, snapped.keys, strict=True)
    ]
    return TurnAnswers(tuple(labels), tuple(snapped.invalid), result.clusters)


def stored_answers(result: IdentifyResult) -> TurnAnswers:
    """Answers for stored segments, of which nothing but the times is known."""
    labels = (Labelled(Turn(each.start, each.end), each) for each in result.answers)
    return TurnAnswers(tuple(labels), (), result.clusters)


def unanswered(turns: Sequence[Turn], snapped: SnappedSegments) -> TurnAnswers:
    """The answers if none of the turns is a span of time; the video need not be known."""
    return TurnAnswers(tuple(Labelled(turn, None) for turn in turns), tuple(snapped.invalid))
