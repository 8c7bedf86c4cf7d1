"""Who speaks in a segment, as `Answers.identify` returns it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

from pgvoice.store.keys import OnGrid
from pgvoice.store.statuses import SKIPPED_STATUSES


class Suggestion(NamedTuple):
    """Who may speak in a segment that nobody is named in, and who may speak there instead."""

    name: str
    #: Cosine similarity to the person's profile, in [-1, 1]; not a probability.
    similarity: float
    #: The second most similar person, however far away; None if nobody else is enrolled.
    rival: str | None
    rival_similarity: float | None

    def __str__(self) -> str:
        return self.name if self.rival is None else f"{self.name} or {self.rival}"


@dataclass(frozen=True, slots=True)
class Identification(OnGrid):
    """Who speaks in one segment, or why nobody is named.

    `reason` is ``pinned`` or ``nobody`` if a person said who speaks, or that nobody known does;
    else ``matched``, ``suggested`` (too unlike the nearest person for a name, but see
    `suggestion`), ``below_threshold``, ``ambiguous`` (the runner-up is within the margin, or the
    segment sounds like two people), ``overlapped`` (others speak at the same time, and no clean
    part decides), ``other_label`` (the name belongs to another label of the diarizer, or its label
    to somebody else; see `Answers.identify_clusters`), ``no_profiles``, ``missing`` (it, or a clean
    part of it, is not filled yet) or the segment's own status. The fields are the columns of
    `pgvoice.identify`.
    """

    start_ms: int
    end_ms: int
    #: The name, if `reason` is ``pinned``, ``matched`` or, for a cluster, ``by_cluster``.
    speaker: str | None
    #: The most similar enrolled person, named or not; nobody of whom a person said that it is not
    #: them.
    nearest: str | None
    #: Cosine similarity to the nearest person's profile, in [-1, 1]; not a probability.
    similarity: float | None
    #: The second most similar person, however far away.
    runner_up: str | None
    runner_up_similarity: float | None
    #: `similarity` minus `runner_up_similarity`.
    margin: float | None
    reason: str
    #: The similarity and the margin that a name requires; None if nothing was compared.
    threshold: float | None = None
    min_margin: float | None = None
    #: Where `threshold` comes from. It begins with ``given``, ``calibrated``, ``library`` or
    #: ``encoder default``, see `Requirement.kind`.
    threshold_source: str | None = None

    @property
    def suggestion(self) -> Suggestion | None:
        """Who may speak here, and the rival; None unless the reason is ``suggested``."""
        if self.reason != "suggested" or self.nearest is None or self.similarity is None:
            return None
        return Suggestion(self.nearest, self.similarity, self.runner_up, self.runner_up_similarity)


#: Every reason: a person's word, for a name, for nobody, and for a segment without a vector.
REASONS = (
    *("pinned", "nobody"),
    *("matched", "by_cluster"),
    *("suggested", "below_threshold", "ambiguous", "overlapped", "other_label", "no_profiles"),
    *("missing", *SKIPPED_STATUSES),
)
#: The columns of an `Identification`, in its order.
COLUMNS = ", ".join(field.name for field in fields(Identification))
