"""How well people are enrolled: checks of new exemplars, and quality of profiles."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from pgvoice.store.errors import IncoherentExemplars, SharedExemplars, SoundsLikeAnother
from pgvoice.store.recordings.encoders import StoredEncoder


@dataclass(frozen=True, slots=True)
class ProfileQuality:
    """The quality of a profile; similarities are in [-1, 1]."""

    speaker: str
    encoder: str
    #: Number of exemplars in the profile,
    exemplars: int
    #: excluded from it,
    excluded: int
    #: and in it, but would be excluded by `drop_outliers`.
    outlying: int
    #: Seconds of audio; audio that exemplars share counts once.
    seconds: float
    #: Mean similarity of the exemplars to the profile, which contains them.
    cohesion: float
    #: Mean similarity of an exemplar to the mean of those that share no audio with it.
    left_out_similarity: float | None
    #: The person with the most similar profile.
    nearest_other: str | None
    nearest_similarity: float | None


@dataclass(frozen=True, slots=True)
class Outlier:
    """An exemplar that does not sound like the speaker's others."""

    source: str
    #: Seconds in the source.
    start: float
    end: float
    #: Similarity to the mean of the others, and the least that is required.
    similarity: float
    needed: float


def require_coherent(
    connection: Connection, name: str, speaker_id: int, encoder: StoredEncoder
) -> None:
    """Raises `IncoherentExemplars` if the exemplars do not sound like one person."""
    similarity, apart, needed = connection.execute(
        text(
            "SELECT similarity, apart, pgvoice_internal.least_required(:encoder, NULL)"
            " FROM pgvoice_internal.coherence(:speaker, :encoder)"
        ),
        {"speaker": speaker_id, "encoder": encoder.id},
    ).one()
    if similarity < needed:
        rows = connection.execute(
            text(
                "SELECT source, start_ms, end_ms FROM pgvoice.enrollment"
                " WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id"
            ),
            {"ids": list(apart)},
        )
        spans = [(row.source, row.start_ms, row.end_ms) for row in rows]
        raise IncoherentExemplars(name, spans, similarity, needed, calibrated=encoder.calibrated)


def require_nobody_else(
    connection: Connection, name: str, speaker_id: int, encoder: StoredEncoder
) -> None:
    """Raises `SharedExemplars` or `SoundsLikeAnother` if somebody else has this audio or voice."""
    shared = connection.execute(
        text("SELECT * FROM pgvoice_internal.shared_exemplars(:speaker)"), {"speaker": speaker_id}
    ).all()
    if shared:
        raise SharedExemplars(
            name, shared[0].other, [(row.source, row.start_ms, row.end_ms) for row in shared]
        )
    alike = connection.execute(
        text(
            "SELECT other, similarity, pgvoice_internal.duplicate_limit(:encoder) AS least"
            " FROM pgvoice_internal.near_duplicates(:speaker, :encoder)"
        ),
        {"speaker": speaker_id, "encoder": encoder.id},
    ).all()
    if alike:
        raise SoundsLikeAnother(
            name, [(row.other, row.similarity) for row in alike], alike[0].least
        )
