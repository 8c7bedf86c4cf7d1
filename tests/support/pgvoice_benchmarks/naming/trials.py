"""Trials: everybody's speech, identified with galleries of people drawn at random."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pgvoice.store.answers.identify import Identification
from pgvoice_benchmarks.naming.libraries import Library
from pgvoice_benchmarks.naming.recordings import CLEAN, TURN, Piece

Flags = NDArray[np.bool_]
Gallery = dict[str, str]


@dataclass(frozen=True, slots=True)
class Trials:
    """One entry for each piece and gallery; all arrays have the shape (trials,)."""

    #: The number of the gallery, from 0 on.
    draw: NDArray[np.int64]
    person: NDArray[np.str_]
    group: NDArray[np.str_]
    kind: NDArray[np.str_]
    duration_ms: NDArray[np.int64]
    #: Not enrolled.
    stranger: Flags
    #: Enrolled, from another recording than this one; neither if it is from this one.
    known: Flags
    #: The similarity to the nearest person, and what a name required.
    similarity: NDArray[np.float64]
    threshold: NDArray[np.float64]
    #: The nearest person is the right one.
    right: Flags
    nearest: NDArray[np.str_]
    #: `identify` gave the nearest person's name.
    named: Flags
    #: Where the threshold came from, without its numbers.
    source: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.draw)

    def __getitem__(self, chosen: Flags) -> Trials:
        return Trials(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @property
    def window(self) -> Flags:
        """Whether the pieces are windows of clean speech."""
        return ~self.natural

    @property
    def natural(self) -> Flags:
        """Whether the pieces are as long as somebody spoke."""
        return np.isin(self.kind, (CLEAN, TURN))

    @property
    def weight(self) -> NDArray[np.float64]:
        """Windows count alike, natural pieces by their seconds."""
        return np.where(self.natural, self.duration_ms / 1000, 1.0)

    def reach(self, bands: Sequence[tuple[int, float]]) -> Flags:
        """Whether the similarities reach thresholds by duration."""
        starts, thresholds = zip(*bands, strict=True)
        place = np.searchsorted(starts, self.duration_ms, "right") - 1
        return np.asarray(self.similarity >= np.array(thresholds)[place], np.bool_)


def galleries(
    library: Library, size: int, draws: int, *, among: Iterable[str] | None = None, seed: int = 1
) -> Iterator[Gallery]:
    """Galleries of so many people, each person enrolled from one recording; none if all would be.

    `among` are the people to draw from.
    """
    candidates = library.candidates()
    chosen = sorted(set(candidates) if among is None else set(candidates) & set(among))
    rng = np.random.default_rng(seed)
    if len(chosen) > size:
        for _ in range(draws):
            people = rng.permutation(chosen)[:size].tolist()
            yield {person: str(rng.choice(candidates[person])) for person in people}


def identified(
    library: Library,
    drawn: Iterable[Gallery],
    *,
    speech_of: Iterable[str] | None = None,
    groups: Iterable[str] | None = None,
) -> Trials:
    """Enroll each gallery and ask who speaks in every piece, or in those of some people or sets."""
    rows: list[tuple[Any, ...]] = []
    wanted = None if speech_of is None else set(speech_of)
    chosen = None if groups is None else set(groups)
    for draw, gallery in enumerate(drawn):
        library.enroll(gallery)
        for video, pieces in library.pieces.items():
            if chosen is None or library.recordings[video].group in chosen:
                kept = [one for one in pieces if wanted is None or one.person in wanted]
                rows += _rows(library, draw, gallery, video, kept)
    columns = zip(*rows, strict=True) if rows else [[] for _ in fields(Trials)]
    kinds = (int, str, str, str, int, bool, bool, float, float, bool, str, bool, str)
    return Trials(*(np.array(list(c), kind) for c, kind in zip(columns, kinds, strict=True)))


def _rows(
    library: Library, draw: int, gallery: Gallery, video: str, pieces: list[Piece]
) -> Iterator[tuple[Any, ...]]:
    keys = sorted({piece.key for piece in pieces})
    answers = dict(zip(keys, library.store.answers.identify(video, keys), strict=True))
    origin = library.recordings[video].origin
    sources = {person: library.recordings[video_of].origin for person, video_of in gallery.items()}
    for piece in pieces:
        answer = answers[piece.key]
        if answer.similarity is not None:
            yield (
                draw,
                piece.person,
                library.recordings[video].group,
                piece.kind,
                piece.key.duration_ms,
                piece.person not in gallery,
                sources.get(piece.person, origin) != origin,
                answer.similarity,
                answer.threshold,
                answer.nearest == piece.person,
                answer.nearest,
                answer.speaker is not None,
                _kind(answer),
            )


def _kind(answer: Identification) -> str:
    return (answer.threshold_source or "").split(" of ")[0].split(":")[0].split(" 2")[0]
