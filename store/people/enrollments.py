"""Enrolling: adds exemplars, computes the profile, and refuses exemplars of several people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError

from pgvoice.store.database import locks
from pgvoice.store.errors import CancellingExemplars, NoEmbedding, NoSegment
from pgvoice.store.keys import SegmentKey, Span, snap_segment
from pgvoice.store.names import checked
from pgvoice.store.people import quality
from pgvoice.store.people.exemplar_rows import enrolling
from pgvoice.store.people.resemblance import LeftOut
from pgvoice.store.privacy import audit
from pgvoice.store.recordings import videos
from pgvoice.store.recordings.encoders import StoredEncoder
from pgvoice.store.recordings.segment_rows import Embedding
from pgvoice.store.recordings.typed_spans import ResolvedSpeech, labelled, resolve

#: Seconds of speech that an enrollment needs, in all recordings together. CAM++ on LibriSpeech, one
#: exemplar against others' windows: equal error rate 2.5 % from 1 s, 0.3 % from 1.5 s, 0.1 % from
#: 2 s.
MIN_SPEECH_SECONDS = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Exemplar:
    """One span of speech to enroll somebody with, and its vector."""

    #: Shape ``(dimension,)``, float32, unit length.
    embedding: Embedding
    audio_sha256: str
    span: SegmentKey
    #: The file or video, to show.
    source: str
    #: Share of the span that has speech energy, in [0, 1]; None if not measured.
    quality: float | None = None
    #: Whether it is kept but left out of the profile.
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class Enrollment:
    """The outcome of an enrollment."""

    speaker: str
    added: int
    #: Exemplars that the speaker already had.
    known: int
    #: Exemplars in the profile now.
    exemplars: int
    #: Mean similarity of the exemplars to the profile, in [-1, 1]; overlapping windows of one
    #: recording raise it, as they are not independent. None if all exemplars are excluded.
    cohesion: float | None
    encoder: str
    #: The stored segments that were chosen, if it is an enrollment from those.
    chosen: tuple[ResolvedSpeech, ...] = ()
    #: What was cut off the ends of the given spans, because it sounds like somebody else.
    left_out: tuple[LeftOut, ...] = ()


def enroll(
    connection: Connection,
    name: str,
    encoder: StoredEncoder,
    exemplars: Sequence[Exemplar],
    *,
    min_speech: float = MIN_SPEECH_SECONDS,
    force: bool = False,
) -> Enrollment:
    """Add exemplars to a speaker, created if new, and compute the profile."""
    if not exemplars:
        raise ValueError(f"no exemplars to enroll {name!r} with")
    speaker_id = ensure(connection, name)
    values = {
        "speaker": speaker_id,
        "encoder": encoder.id,
        "dimension": encoder.identity.dimension,
        "starts": [exemplar.span.start_ms for exemplar in exemplars],
        "ends": [exemplar.span.end_ms for exemplar in exemplars],
        "sha256s": [exemplar.audio_sha256 for exemplar in exemplars],
        "sources": [exemplar.source for exemplar in exemplars],
        "qualities": [exemplar.quality for exemplar in exemplars],
        "excluded": [exemplar.excluded for exemplar in exemplars],
    }
    with enrolling(connection, [exemplar.embedding for exemplar in exemplars]):
        added = connection.execute(text(_ENROLL), values).rowcount
    known = len(exemplars) - added
    return _enrolled(connection, name, speaker_id, encoder, added, known, min_speech, force)


def enroll_segments(
    connection: Connection,
    name: str,
    encoder: StoredEncoder,
    video: str,
    spans: Iterable[Span],
    labels: Iterable[str],
    grid_ms: int,
    *,
    min_speech: float = MIN_SPEECH_SECONDS,
    force: bool = False,
) -> Enrollment:
    """Add stored segments of a video to a speaker; their vectors never leave the database."""
    videos.require(connection, video, held=True)
    chosen, nearest = _meant(connection, video, spans, encoder.id, grid_ms)
    of_labels = labelled(connection, video, labels, encoder.id, clear=True)
    everything = _keys(chosen + of_labels)
    mixed = {} if force else quality.blended(connection, video, everything, encoder)
    chosen += [_without(each, mixed) for each in of_labels]
    keys = _keys(chosen)
    if not keys:
        raise NoEmbedding(video, [])
    speaker_id = ensure(connection, name)
    values = {
        "speaker": speaker_id,
        "encoder": encoder.id,
        "video": video,
        "starts": [key.start_ms for key in keys],
        "ends": [key.end_ms for key in keys],
    }
    added = connection.execute(text(_ENROLL_SEGMENTS), values).rowcount
    left = connection.execute(text(_NOT_ENROLLED), values).all()
    if left:
        raise NoEmbedding(
            video,
            [((row.start_ms / 1000, row.end_ms / 1000), row.status) for row in left],
            nearest=nearest,
        )
    if added and not force:
        quality.require_clean(connection, video, keys)
        quality.require_unblended(video, {key: mixed[key] for key in keys if key in mixed})
    known = len(set(keys)) - added
    enrolled = _enrolled(connection, name, speaker_id, encoder, added, known, min_speech, force)
    return replace(enrolled, chosen=tuple(chosen))


def _keys(chosen: Iterable[ResolvedSpeech]) -> list[SegmentKey]:
    return [key for each in chosen for key in each.segments]


def _without(found: ResolvedSpeech, mixed: Collection[SegmentKey]) -> ResolvedSpeech:
    """A label's segments without those that are mixed, unless all are."""
    pure = tuple(key for key in found.segments if key not in mixed)
    return ResolvedSpeech(found.given, pure or found.segments)


def _meant(
    connection: Connection, video: str, spans: Iterable[Span], encoder_id: int, grid_ms: int
) -> tuple[list[ResolvedSpeech], str]:
    """The segments that spans mean, or the spans themselves, and what is near the latter."""
    chosen, nearest = [], []
    for index, span in enumerate(spans):
        key = snap_segment(span, grid_ms, index=index)
        try:
            chosen.append(resolve(connection, video, span, encoder_id, with_vector=True))
        except NoSegment as error:
            chosen.append(ResolvedSpeech((key.start_s, key.end_s), (key,)))
            nearest.append(error.nearest)
    return chosen, "; ".join(nearest)


_ENROLL = """
INSERT INTO pgvoice.enrollment (speaker_id, encoder_id, dimension, embedding, start_ms, end_ms,
    audio_sha256, source, quality, excluded)
SELECT CAST(:speaker AS bigint), CAST(:encoder AS integer), CAST(:dimension AS integer),
    v.embedding, x.start_ms, x.end_ms, x.sha256, x.source, x.quality, x.excluded
FROM unnest(CAST(:starts AS integer[]), CAST(:ends AS integer[]), CAST(:sha256s AS text[]),
    CAST(:sources AS text[]), CAST(:qualities AS double precision[]),
    CAST(:excluded AS boolean[]))
    WITH ORDINALITY AS x(start_ms, end_ms, sha256, source, quality, excluded, place)
JOIN pg_temp.enrolling AS v USING (place)
ORDER BY place
ON CONFLICT ON CONSTRAINT enrollment_span_key DO NOTHING
"""
_ENROLL_SEGMENTS = """
INSERT INTO pgvoice.enrollment (speaker_id, encoder_id, dimension, embedding, start_ms, end_ms,
    audio_sha256, video_id, source)
SELECT DISTINCT CAST(:speaker AS bigint), s.encoder_id, s.dimension, s.embedding, s.start_ms,
    s.end_ms, pgvoice_internal.audio_of(v.id), v.id, v.key
FROM unnest(CAST(:starts AS integer[]), CAST(:ends AS integer[])) AS a(start_ms, end_ms)
JOIN pgvoice.video AS v ON v.key = :video
JOIN pgvoice.segment_embedding AS s ON s.video_id = v.id AND s.start_ms = a.start_ms
    AND s.end_ms = a.end_ms AND s.encoder_id = :encoder AND s.embedding IS NOT NULL
ON CONFLICT ON CONSTRAINT enrollment_span_key DO NOTHING
"""
#: The segments without a vector, and why; also those that were deleted at this moment.
_NOT_ENROLLED = """
SELECT a.start_ms, a.end_ms,
    CASE WHEN s.embedding IS NULL THEN coalesce(s.status, 'missing') ELSE 'missing' END AS status
FROM unnest(CAST(:starts AS integer[]), CAST(:ends AS integer[]))
    WITH ORDINALITY AS a(start_ms, end_ms, place)
JOIN pgvoice.video AS v ON v.key = :video
LEFT JOIN pgvoice.segment_embedding AS s ON s.video_id = v.id AND s.start_ms = a.start_ms
    AND s.end_ms = a.end_ms AND s.encoder_id = :encoder
WHERE s.embedding IS NULL OR NOT EXISTS (
    SELECT FROM pgvoice.enrollment AS e
    WHERE e.speaker_id = :speaker AND e.encoder_id = :encoder
      AND e.audio_sha256 = pgvoice_internal.audio_of(v.id)
      AND e.start_ms = a.start_ms AND e.end_ms = a.end_ms
)
ORDER BY a.place
"""


def refresh(connection: Connection, name: str, speaker_id: int, encoder_id: int) -> None:
    """Compute a profile from its exemplars. Raises `CancellingExemplars`."""
    try:
        connection.execute(
            text("SELECT pgvoice_internal.refresh_profile(:speaker, :encoder)"),
            {"speaker": speaker_id, "encoder": encoder_id},
        )
    except DataError as error:
        raise CancellingExemplars(name) from error


def ensure(connection: Connection, name: str) -> int:
    """The id of a speaker, created if new and locked; enrollments take turns until commit.

    The turns are for all speakers together, so that two people who sound alike are not enrolled at
    the same moment. Statements that only refer to a speaker, such as new labels, do not wait.
    """
    with locks.patient(connection, "the enrollment", locks.PATIENCE):
        locks.hold(connection, "enrollment")
    found: int = connection.scalar(
        text(
            "INSERT INTO pgvoice.speaker AS s (name) VALUES (:name)"
            " ON CONFLICT (name) DO UPDATE SET name = s.name RETURNING id"
        ),
        {"name": checked(name, "a speaker's name")},
    )
    return found


def _enrolled(
    connection: Connection,
    name: str,
    speaker_id: int,
    encoder: StoredEncoder,
    added: int,
    known: int,
    min_speech: float,
    force: bool,
) -> Enrollment:
    judged = added > 0 and not force
    if judged:
        quality.require_coherent(connection, name, speaker_id, encoder)
    refresh(connection, name, speaker_id, encoder.id)
    if judged:
        quality.require_nobody_else(connection, name, speaker_id, encoder)
        quality.require_enough(connection, name, speaker_id, encoder, min_speech)
    exemplars, cohesion = connection.execute(
        text(
            "SELECT coalesce(max(exemplars), 0), max(cohesion) FROM pgvoice.profile"
            " WHERE speaker_id = :speaker AND encoder_id = :encoder"
        ),
        {"speaker": speaker_id, "encoder": encoder.id},
    ).one()
    if added and force:
        audit.record(connection, "skip checks", name, encoder=str(encoder.identity))
    return Enrollment(name, added, known, exemplars, cohesion, str(encoder.identity))
