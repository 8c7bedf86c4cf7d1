"""What naming unknown voices and other acts on them changed, or would change."""

from __future__ import annotations

from dataclasses import dataclass

from pgvoice.store.labels.runs import LabelMove
from pgvoice.store.voices.unknown import Clip


@dataclass(frozen=True, slots=True)
class Change:
    """What an act on an unknown voice changed, or would change."""

    #: None for a dry run.
    act: int | None
    #: The unknown voice; of several that became one, the one that is left.
    number: int
    #: How many voices of recordings it is about.
    voices: int
    #: Labels that changed, as in `Relabelling`.
    moves: tuple[LabelMove, ...]


@dataclass(frozen=True, slots=True)
class Naming(Change):
    """What naming an unknown voice changed, or would change; `voices` got the name."""

    speaker: str
    #: The spans that the person was enrolled with.
    exemplars: tuple[Clip, ...]
    #: How many voices do not sound enough like the others, and stay unknown.
    left_out: int
