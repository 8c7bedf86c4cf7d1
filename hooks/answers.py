"""Answers as pipelines and plugins see them: one segment labelled, one video identified."""

from __future__ import annotations

from dataclasses import dataclass

from pgvoice.store.answers.clusters import ClusterSummary
from pgvoice.store.answers.identify import Identification
from pgvoice.store.recordings.encoders import StoredEncoder
from pgvoice.store.turns import Turn

#: The reason of a segment that is no span of time.
INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Labelled:
    """One answer for one segment of a pipeline, which stays as it was."""

    #: The segment as it came: its own times, the diarizer's label, the text.
    segment: Turn
    #: The answer, in times of the store's grid; None for what is no span of time.
    identification: Identification | None

    @property
    def speaker(self) -> str | None:
        """The name, only where the reason is ``matched`` or ``by_cluster``."""
        return self.identification.speaker if self.identification else None

    @property
    def similarity(self) -> float | None:
        """Cosine similarity to the closest person's profile, in [-1, 1]; no probability."""
        return self.identification.similarity if self.identification else None

    @property
    def reason(self) -> str:
        """That of the answer, or ``invalid`` for what is no span of time."""
        return self.identification.reason if self.identification else INVALID


@dataclass(frozen=True, slots=True)
class IdentifyResult:
    """The answers for one video, and what they were judged by."""

    video: str
    encoder: StoredEncoder
    answers: tuple[Identification, ...]
    #: Who the diarizer's clusters are of; empty where none were given.
    clusters: tuple[ClusterSummary, ...] = ()
