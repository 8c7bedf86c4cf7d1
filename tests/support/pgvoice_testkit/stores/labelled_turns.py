"""Labels for segments that were read, as a pipeline has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pgvoice.hooks.answers import Labelled
from pgvoice.store.turns import Turn
from pgvoice_testkit.documents.strange_documents import named


def labels(segments: Iterable[Turn], *speakers: str | None) -> list[Labelled]:
    """One for each, by these names; None is somebody below the threshold."""
    return [named(each, speaker) for each, speaker in zip(segments, speakers, strict=True)]


def unasked(segments: Sequence[Turn]) -> list[Labelled]:
    """Labels of segments that nobody was asked about."""
    return [Labelled(segment, None) for segment in segments]
