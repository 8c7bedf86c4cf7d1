"""Where somebody speaks, over all videos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pgvoice.store.keys import OnGrid

#: The most similar first, or by video and start.
Order = Literal["similarity", "time"]


@dataclass(frozen=True, slots=True)
class Appearance(OnGrid):
    """A segment that identification assigns to a speaker."""

    video: str
    start_ms: int
    end_ms: int
    #: Cosine similarity to the speaker's profile, in [-1, 1]; None if a person said who speaks and
    #: there is no profile, or no vector.
    similarity: float | None
    runner_up: str | None
    runner_up_similarity: float | None
    margin: float | None
    #: Whose vectors were compared.
    encoder: str
