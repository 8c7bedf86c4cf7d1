"""``VectorsFile``: segments with vectors, in whichever kind of file they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pgvoice.store.encoders.given_vectors import GivenVector
from pgvoice.store.recordings.encoders import IMPORTED_PER_LABEL

#: The names of fields and columns, the first is what pgvoice writes.
VIDEO = ("video", "recording", "uri")
START, END = ("start",), ("end",)
EMBEDDING = ("embedding", "vector")
LABEL = ("speaker", "label")
#: A vector per label, beside segments with labels.
OF_LABELS = "speaker_embeddings"
#: In an export, the encoder as it is shown.
ENCODER = "encoder"


class FoundVector(NamedTuple):
    """A segment of a file."""

    #: As the file names it; None if it does not.
    video: str | None
    vector: GivenVector


@dataclass(frozen=True, slots=True)
class VectorsFile:
    """A file that can be read several times."""

    path: Path
    #: Whether it has one vector per label, which the segments of the label share.
    per_label: bool
    #: Segments, if that is known without reading them.
    total: int | None
    #: Reads it from the beginning. Raises `FormatError` and `OSError`.
    read: Callable[[], Iterator[FoundVector]]


def is_per_label(encoder: object) -> bool:
    """Whether an export says that its encoder has one vector per label."""
    return isinstance(encoder, str) and encoder.endswith(f"/{IMPORTED_PER_LABEL}")
