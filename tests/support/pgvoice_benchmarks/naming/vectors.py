"""The stored vectors of a library, to compare what pgvoice does with other ways."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pgvoice_benchmarks.naming.libraries import Library, anonymous
from pgvoice_benchmarks.naming.recordings import Recording

_SEGMENTS = (
    "SELECT v.key, s.start_ms, s.end_ms, s.embedding::real[] FROM pgvoice.segment_embedding AS s"
    " JOIN pgvoice.video AS v ON v.id = s.video_id WHERE s.embedding IS NOT NULL"
)
_VOICES = (
    "SELECT v.key, o.label, o.embedding::real[] FROM pgvoice.voice AS o"
    " JOIN pgvoice.video AS v ON v.id = o.video_id ORDER BY v.key, o.label"
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """Speech and its vectors, shape (pieces, dimension); other arrays have the shape (pieces,)."""

    video: NDArray[np.str_]
    group: NDArray[np.str_]
    person: NDArray[np.str_]
    #: Empty for voices.
    kind: NDArray[np.str_]
    vectors: NDArray[np.float32]

    def __getitem__(self, chosen: NDArray[np.bool_]) -> Spoken:
        return Spoken(*(getattr(self, field.name)[chosen] for field in fields(self)))


def of_pieces(library: Library) -> Spoken:
    """Every piece of the library's recordings that has a vector."""
    stored = {
        (video, start, end): vector for video, start, end, vector in _rows(library, _SEGMENTS)
    }
    found = [
        (video, library.recordings[video].group, piece.person, piece.kind, stored[place])
        for video, several in library.pieces.items()
        for piece in several
        if (place := (video, *piece.key)) in stored
    ]
    return _spoken(found)


def of_voices(library: Library) -> Spoken:
    """The stored voices of the library, if its labels are `anonymous`."""
    people = {key: _people(one) for key, one in library.recordings.items()}
    return _spoken(
        [
            (video, library.recordings[video].group, people[video][label], "", vector)
            for video, label, vector in _rows(library, _VOICES)
        ]
    )


def _people(recording: Recording) -> dict[str | None, str]:
    labels = anonymous(recording)
    return {
        label.label: known.label or "" for known, label in zip(recording.turns, labels, strict=True)
    }


def _spoken(found: list[tuple[str, str, str, str, list[float]]]) -> Spoken:
    video, group, person, kind, vectors = zip(*found, strict=True)
    return Spoken(
        np.array(video),
        np.array(group),
        np.array(person),
        np.array(kind),
        np.array(vectors, np.float32),
    )


def _rows(library: Library, statement: str) -> list[tuple[Any, ...]]:
    with library.store.database.engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]
