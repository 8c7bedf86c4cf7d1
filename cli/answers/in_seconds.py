"""Answers for JSON: times in seconds."""

from __future__ import annotations

from dataclasses import asdict

from pgvoice.store.answers.appearances import Appearance
from pgvoice.store.answers.identify import Identification
from pgvoice.store.answers.similar import SimilarSegment
from pgvoice.store.labels.current import Label


def in_seconds(answer: Identification | Appearance | SimilarSegment | Label) -> dict[str, object]:
    """The fields of an answer, with ``start`` and ``end`` in seconds."""
    times = {"start_ms": ("start", answer.start), "end_ms": ("end", answer.end)}
    return dict(times.get(name, (name, value)) for name, value in asdict(answer).items())
