"""Results for pipelines and plugins: a labelled segment, an identified video, a fill."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pgvoice.store.answers.clusters import ClusterSummary
from pgvoice.store.answers.identify import Identification, Suggestion
from pgvoice.store.errors import InvalidSegment
from pgvoice.store.recordings.encoders import EncoderIdentity, StoredEncoder
from pgvoice.store.recordings.fills import FillRun
from pgvoice.store.recordings.turns import TurnsStored
from pgvoice.store.turns import Turn

#: The reason of a segment whose times are not valid.
INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A pipeline's segment, unchanged, with its answer."""

    #: The segment as given: its own times, the diarizer's label, the text.
    segment: Turn
    #: The answer, with times on the store's grid; None if the segment's times are not valid.
    identification: Identification | None
    #: The number of the unknown voice, if that was asked for and nobody is named.
    voice: int | None = None

    @property
    def speaker(self) -> str | None:
        """The name, if the reason is ``matched`` or ``by_cluster``."""
        return self.identification.speaker if self.identification else None

    @property
    def similarity(self) -> float | None:
        """Cosine similarity to the nearest person's profile, in [-1, 1]; not a probability."""
        return self.identification.similarity if self.identification else None

    @property
    def suggestion(self) -> Suggestion | None:
        """Who may speak here, and the rival, if the reason is ``suggested``; never a `speaker`."""
        return self.identification.suggestion if self.identification else None

    @property
    def unknown_voice(self) -> str | None:
        """The unknown voice as people call it, such as ``voice 12``."""
        return None if self.voice is None else f"voice {self.voice}"

    @property
    def reason(self) -> str:
        """The reason of the answer, or ``invalid`` if the segment's times are not valid."""
        return self.identification.reason if self.identification else INVALID


def with_voices_as_names(labels: Iterable[Labelled]) -> list[Labelled]:
    """Answers that give unknown voices as names, to write documents with."""
    return [
        replace(each, identification=replace(each.identification, speaker=each.unknown_voice))
        if each.identification and each.unknown_voice
        else each
        for each in labels
    ]


@dataclass(frozen=True, slots=True)
class IdentifyResult:
    """The answers for one video, and the encoder of the vectors."""

    video: str
    encoder: StoredEncoder
    #: One for each segment, in order.
    labels: tuple[Labelled, ...]
    #: The segments that are not spans of time; their labels have no answer.
    invalid: tuple[InvalidSegment, ...] = ()
    #: Who speaks under each of the diarizer's labels; empty if they were not used.
    clusters: tuple[ClusterSummary, ...] = ()

    @property
    def answers(self) -> tuple[Identification, ...]:
        """The answers, without invalid segments."""
        return tuple(each.identification for each in self.labels if each.identification)


@dataclass(frozen=True, slots=True)
class FillReport:
    """What a fill found and did."""

    video: str
    encoder: EncoderIdentity
    run: FillRun
    #: Whether the audio file was opened.
    decoded: bool = False
    #: Calls of the encoder.
    encoder_calls: int = 0
    #: How the recording's turns changed; None if they were left as they are.
    turns: TurnsStored | None = None
    #: Segments asked for that are no turns, but clean parts of turns that others overlap.
    clean_parts: int = 0
    #: The identity of the segmenter that found the turns, now or before; None if they were given.
    segmenter: str | None = None
    #: Spent by the segmenter, besides decoding; 0 if it did not run.
    segment_seconds: float = 0.0
    #: Passes over the audio, or over parts of it.
    passes: int = 0

    @property
    def missing(self) -> int:
        """Distinct segments that were not stored before."""
        return self.run.requested - self.run.hits
