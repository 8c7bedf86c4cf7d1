"""How well people are enrolled: checks of new exemplars, and quality of profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from pgvoice.store.errors import (
    IncoherentExemplars,
    OverlappedSpeech,
    SharedExemplars,
    SoundsLikeAnother,
    TooLittleSpeech,
)
from pgvoice.store.keys import SegmentKey
from pgvoice.store.recordings.encoders import StoredEncoder

#: How many exemplars a message names.
_NAMED = 3


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


def require_clean(connection: Connection, video: str, keys: Sequence[SegmentKey]) -> None:
    """Raises `OverlappedSpeech` if other labels' turns share more than a fifth of a segment."""
    rows = connection.execute(
        text("SELECT * FROM pgvoice_internal.overlapped_segments(:video, :starts, :ends)"),
        {
            "video": video,
            "starts": [key.start_ms for key in keys],
            "ends": [key.end_ms for key in keys],
        },
    ).all()
    if rows:
        named = "; ".join(
            f"{row.labels} in {row.shared_ms / 1000:g} s of {row.start_ms / 1000:g} to"
            f" {row.end_ms / 1000:g} s"
            for row in rows[:_NAMED]
        )
        more = f"; and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
        raise OverlappedSpeech(
            f"by the stored turns of {video!r}, somebody else speaks there too ({named}{more}):"
            " choose speech of one person, or force it (--force)"
        )


def blended(
    connection: Connection, video: str, keys: Sequence[SegmentKey], encoder: StoredEncoder
) -> dict[SegmentKey, str]:
    """The stored segments that sound partly like another label of the video, and which."""
    rows = connection.execute(
        text("SELECT * FROM pgvoice_internal.blended_segments(:video, :starts, :ends, :encoder)"),
        {
            "video": video,
            "starts": [key.start_ms for key in keys],
            "ends": [key.end_ms for key in keys],
            "encoder": encoder.id,
        },
    )
    return {SegmentKey(row.start_ms, row.end_ms): row.label for row in rows}


def require_unblended(video: str, found: Mapping[SegmentKey, str]) -> None:
    """Raises `IncoherentExemplars` if segments sound partly like another label."""
    if found:
        named = ", ".join(
            f"{key.start_s:g} to {key.end_s:g} s like {label}"
            for key, label in list(found.items())[:_NAMED]
        )
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise IncoherentExemplars(
            f"parts of {video!r} sound partly like somebody else in it ({named}{more}): choose"
            " speech of one person, or force it (--force)"
        )


def require_enough(
    connection: Connection, name: str, speaker_id: int, encoder: StoredEncoder, needed: float
) -> None:
    """Raises `TooLittleSpeech` if a profile's exemplars are shorter than `needed` seconds together.

    Exemplars that were imported without their audio have no length, so nothing is known then.
    """
    seconds, known = connection.execute(
        text(
            "SELECT pgvoice.exemplar_seconds(:speaker, :encoder), NOT EXISTS ("
            " SELECT FROM pgvoice.enrollment WHERE speaker_id = :speaker"
            " AND encoder_id = :encoder AND end_ms = 0)"
        ),
        {"speaker": speaker_id, "encoder": encoder.id},
    ).one()
    if known and seconds < needed:
        raise TooLittleSpeech(name, f"{seconds:.1f} s", needed)


def require_coherent(
    connection: Connection, name: str, speaker_id: int, encoder: StoredEncoder
) -> None:
    """Raises `IncoherentExemplars` if the exemplars do not sound like one person."""
    similarity, apart, needed = connection.execute(
        text(
            "SELECT similarity, apart, pgvoice_internal.one_person(:encoder)"
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
        who = connection.scalar(
            text(
                "SELECT pgvoice_internal.exemplars_resemble("
                "CAST(:ids AS bigint[]), :speaker, :encoder)"
            ),
            {"ids": list(apart), "speaker": speaker_id, "encoder": encoder.id},
        )
        sounds = f", and sounds like {who}" if who else ""
        whose = "the calibrated threshold" if encoder.calibrated else "the encoder's threshold"
        raise IncoherentExemplars(
            f"the exemplars of {name!r} do not sound like one person: {_named(rows.all())} and the"
            f" others have a similarity of {similarity:.3f}, below {whose} of {needed:.3f}{sounds};"
            " leave out the exemplars of other people, or force it (--force)"
        )


def require_nobody_else(
    connection: Connection, name: str, speaker_id: int, encoder: StoredEncoder
) -> None:
    """Raises `SharedExemplars` or `SoundsLikeAnother` if somebody else has this audio or voice."""
    shared = connection.execute(
        text("SELECT * FROM pgvoice_internal.shared_exemplars(:speaker)"), {"speaker": speaker_id}
    ).all()
    if shared:
        raise SharedExemplars(
            f"{shared[0].other!r} is enrolled with the same audio as {name!r}: {_named(shared)};"
            " enroll under that name, choose other spans, or force it (--force)"
        )
    alike = connection.execute(
        text(
            "SELECT other, similarity, pgvoice_internal.duplicate_limit(:encoder) AS least"
            " FROM pgvoice_internal.near_duplicates(:speaker, :encoder)"
        ),
        {"speaker": speaker_id, "encoder": encoder.id},
    ).all()
    if alike:
        named = ", ".join(f"{row.other!r} {row.similarity:.3f}" for row in alike)
        raise SoundsLikeAnother(
            f"{name!r} sounds like somebody who is already enrolled ({named}; different people stay"
            f" below {alike[0].least:.3f}): enroll under that name, or force it (--force)"
        )


def _named(found: Sequence[Row[Any]]) -> str:
    """The first exemplars; one that was imported without its audio has no times."""
    first = ", ".join(
        f"{row.source} {row.start_ms / 1000:g} to {row.end_ms / 1000:g} s"
        if row.end_ms
        else f"{row.source} (imported)"
        for row in found[:_NAMED]
    )
    return first + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")
