"""Trials: speech whose speaker is known, compared with every profile in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, text

from pgvoice.store.keys import SegmentKey
from pgvoice.store.thresholds.measures import Flags, Floats, Impostors, Indices, Searches

#: A segment: its video and its key.
Place = tuple[str, SegmentKey]


@dataclass(frozen=True, slots=True)
class Trials:
    """Comparisons of n segments with p profiles."""

    #: Shape (n, p); NaN if the speaker's own profile has no other exemplars.
    similarity: Floats
    #: The index of the speaker's own profile, shape (n,); -1 for people who are not enrolled.
    own: Indices
    #: Shape (n,).
    duration_ms: NDArray[np.int64]
    #: Who speaks, as an index into `names`, shape (n,).
    person: Indices
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.own)

    @property
    def enrolled(self) -> Flags:
        """Whether the speaker has a profile made of other speech, shape (n,)."""
        rows = np.arange(len(self))
        flags: Flags = (self.own >= 0) & ~np.isnan(self.similarity[rows, self.own])
        return flags

    def comparisons(self) -> tuple[Floats, Flags]:
        """All similarities, and whether each is to the right profile."""
        right = self.own[:, None] == np.arange(self.similarity.shape[1])
        there = ~np.isnan(self.similarity)
        return self.similarity[there], right[there]

    def impostors(self) -> Impostors:
        """The comparisons with other people's profiles.

        People are numbered as in `person`; then come profiles whose owner does not speak.
        """
        owner = np.arange(self.similarity.shape[1]) + len(self.names)
        known = self.own >= 0
        owner[self.own[known]] = self.person[known]
        other = ~np.isnan(self.similarity) & (self.own[:, None] != np.arange(len(owner)))
        row, column = np.nonzero(other)
        return Impostors(
            self.similarity[other],
            self.person[row],
            owner[column],
            self.duration_ms[row],
            len(self.names) + len(owner),
        )

    def searches(self) -> Searches:
        """Searches of the gallery.

        There is one for each segment of an enrolled person, and one for each segment in a gallery
        without its speaker: the gallery itself for a stranger, and without their own profile for
        everybody else.
        """
        inside = np.flatnonzero(self.enrolled)
        without = self.similarity.copy()
        known = np.flatnonzero(self.own >= 0)
        without[known, self.own[known]] = np.nan
        outside = np.flatnonzero((~np.isnan(without)).any(axis=1))
        lead, which = _nearest(self.similarity[inside])
        other_lead, other = _nearest(without[outside])
        return Searches(
            np.concatenate([self.similarity[inside, which], without[outside, other]]),
            np.concatenate([lead, other_lead]),
            np.concatenate([which == self.own[inside], np.zeros(len(outside), bool)]),
            np.repeat([True, False], [len(inside), len(outside)]),
            np.concatenate([self.person[inside], self.person[outside]]),
            np.concatenate([self.duration_ms[inside], self.duration_ms[outside]]),
        )


def gather(
    connection: Connection, encoder_id: int, speakers: Mapping[Place, str], *, exemplars: bool
) -> Trials:
    """Trials of stored segments, given their speakers' names, and of exemplars left out in turn.

    Segments without a vector, and turns that others overlap, are skipped.
    """
    rows: list[Row[Any]] = []
    if speakers:
        rows += connection.execute(
            text(
                "SELECT trial, duration_ms, speaker, profile_id, own, similarity"
                " FROM pgvoice.segment_trials(CAST(:videos AS text[]),"
                " CAST(:starts AS integer[]), CAST(:ends AS integer[]),"
                " CAST(:speakers AS text[]), :encoder)"
            ),
            {
                "videos": [video for video, _ in speakers],
                "starts": [key.start_ms for _, key in speakers],
                "ends": [key.end_ms for _, key in speakers],
                "speakers": list(speakers.values()),
                "encoder": encoder_id,
            },
        ).all()
    if exemplars:
        rows += connection.execute(
            text(
                "SELECT trial, duration_ms, speaker, profile_id, own, similarity"
                " FROM pgvoice.exemplar_trials(:encoder)"
            ),
            {"encoder": encoder_id},
        ).all()
    return _trials(rows)


def stored_keys(connection: Connection, video: str, encoder_id: int) -> list[SegmentKey]:
    """The segments of a video that have a vector."""
    rows = connection.execute(
        text(
            "SELECT s.start_ms, s.end_ms FROM pgvoice.segment_embedding s"
            " JOIN pgvoice.video v ON v.id = s.video_id WHERE v.key = :video"
            " AND s.encoder_id = :encoder AND s.status IN ('ok', 'partial')"
        ),
        {"video": video, "encoder": encoder_id},
    )
    return [SegmentKey(*row) for row in rows]


def pinned(connection: Connection, encoder_id: int) -> dict[Place, str]:
    """The speakers of pinned segments; nobody known is a different stranger in each video."""
    rows = connection.execute(
        text(
            "SELECT video, start_ms, end_ms, coalesce(speaker, 'nobody known in ' || video)"
            " FROM pgvoice.label"
            " WHERE pinned AND reason IN ('pinned', 'nobody') AND encoder_id = :encoder"
        ),
        {"encoder": encoder_id},
    )
    return {(video, SegmentKey(start, end)): name for video, start, end, name in rows}


def _trials(rows: Sequence[Row[Any]]) -> Trials:
    """The trials of rows that come trial by trial, with the same profiles in the same order."""
    profiles = list(dict.fromkeys(row.profile_id for row in rows))
    firsts = rows[:: len(profiles)] if profiles else []
    similarity = np.array([row.similarity for row in rows], np.float64)
    own = np.array([row.own for row in rows], bool).reshape(len(firsts), len(profiles))
    names = tuple(dict.fromkeys(row.speaker for row in firsts))
    place = {name: index for index, name in enumerate(names)}
    return Trials(
        similarity.reshape(own.shape),
        np.where(own.any(axis=1), own.argmax(axis=1), -1) if own.size else np.zeros(0, np.intp),
        np.array([row.duration_ms for row in firsts], np.int64),
        np.array([place[row.speaker] for row in firsts], np.intp),
        names,
    )


def _nearest(similarity: Floats) -> tuple[Floats, Indices]:
    """The lead of the best over the second, and the index of the best (the first of equals)."""
    filled = np.where(np.isnan(similarity), -np.inf, similarity)
    if not len(filled):
        return np.zeros(0), np.zeros(0, np.intp)
    which = filled.argmax(axis=1)
    ordered = np.sort(filled, axis=1)
    best = ordered[:, -1]
    second = ordered[:, -2] if ordered.shape[1] > 1 else np.full(len(best), -np.inf)
    return best - second, which
