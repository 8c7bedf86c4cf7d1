"""Importing: vectors that another engine computed, stored under an encoder of their own."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

from sqlalchemy import Connection, text

from pgvoice.store.encoders.given_vectors import GivenVector, Measured, measured
from pgvoice.store.errors import VectorsRefused
from pgvoice.store.keys import SegmentKey
from pgvoice.store.names import checked
from pgvoice.store.recordings import encoders, segments, turns, videos
from pgvoice.store.recordings.encoders import (
    IMPORTED,
    IMPORTED_PER_LABEL,
    EncoderIdentity,
    StoredEncoder,
    Threshold,
)
from pgvoice.store.recordings.segment_rows import Embedding, SegmentRow
from pgvoice.store.recordings.segments import PruneSelection
from pgvoice.store.turns import Turn

#: Stands for the audio that the engine heard; nothing is computed with it.
SAMPLE_RATE = 16_000
UNKNOWN_REVISION = "unknown"
#: For an engine of which nobody said how similar its vectors of one person are.
GUESS = Threshold(0.5, "a guess, as the import named none")

#: By segment, its vector; None for one that is zero or not finite.
Vectors: TypeAlias = "Mapping[SegmentKey, Embedding | None]"


@dataclass(frozen=True, slots=True)
class ImportedEncoder:
    """An engine whose vectors are imported. Its identity is never that of a model that fills."""

    name: str
    #: Which version of the engine or of its weights, as you call it.
    revision: str = UNKNOWN_REVISION
    #: Whether it has one vector per label of a recording, which all segments of the label share.
    per_label: bool = False

    def __post_init__(self) -> None:
        checked(self.name, "an encoder's name")
        checked(self.revision, "an encoder's revision")
        if set(self.name) & set("@/:") or self.name != self.name.strip():
            raise ValueError(f"an encoder's name has no @, / or :, unlike {self.name[:40]!r}")

    def identity(self, dimension: int) -> EncoderIdentity:
        """As it is stored, once the length of its vectors is known."""
        kind = IMPORTED_PER_LABEL if self.per_label else IMPORTED
        return EncoderIdentity(self.name, self.revision, kind, dimension, SAMPLE_RATE)


@dataclass(frozen=True, slots=True)
class VectorsImport:
    """The vectors of a recording that are to be imported."""

    video: str
    encoder: ImportedEncoder
    vectors: Sequence[GivenVector]
    #: Where they come from, to show: a file and its sha256.
    source: str
    #: Of an encoder that is new; without one it is a guess.
    threshold: Threshold | None = None
    #: Whether they replace all that is stored of the recording with this encoder.
    replace: bool = False
    #: Whether an import of the same source stored turns of the recording, and these are more.
    continued: bool = False


@dataclass(frozen=True, slots=True)
class VectorsImported:
    """What an import stored of a recording."""

    video: str
    encoder: EncoderIdentity
    #: Different segments with a vector, and clean parts of turns, which get their label's.
    requested: int
    #: Those that were stored before, with the same vector.
    hits: int
    #: Vectors stored.
    added: int
    #: Segments without a usable vector, and those whose speech was erased, by status.
    skipped: Mapping[str, int]
    #: Segments that were deleted first.
    replaced: int
    #: Turns stored with the vectors; 0 if the recording had some, or nothing has a label.
    turns: int
    #: Segments that are none of the recording's turns: by default, nobody is named there.
    besides_turns: int


def store(connection: Connection, given: VectorsImport) -> VectorsImported:
    """Store the vectors of a recording and where they come from. Raises `VectorsRefused`."""
    grid_ms = connection.scalar(text("SELECT grid_ms FROM pgvoice.setting"))
    found = measured(given.vectors, grid_ms, per_label=given.encoder.per_label)
    if not found.dimension:
        raise VectorsRefused(f"there is no vector of {given.video!r}: give segments with vectors")
    erased = segments.erased(connection, checked(given.video, "a video's key"), [*found.vectors])
    encoder = _registered(connection, given.encoder, found.dimension, given.threshold)
    if len(erased) == len(found.vectors):
        return _nothing(given, encoder, len(erased))
    video_id = videos.ensure(connection, given.video)
    replaced = _prune(connection, given.video, encoder) if given.replace else 0
    stored_turns = _store_turns(connection, given)
    wanted = _of_clean_parts(connection, given.video, found) | found.vectors
    erased |= segments.erased(connection, given.video, [*wanted])
    missing = segments.missing(connection, given.video, encoder.identity, [*wanted])
    known = set(wanted) - set(missing) - erased
    _refuse_others(connection, given, encoder, {key: wanted[key] for key in sorted(known)})
    rows = [_row(key, wanted[key]) for key in missing]
    done = VectorsImported(
        video=given.video,
        encoder=encoder.identity,
        requested=len(wanted),
        hits=len(known),
        added=sum(row.embedding is not None for row in rows),
        skipped=_skipped(rows, len(erased)),
        replaced=replaced,
        turns=stored_turns,
        besides_turns=_besides_turns(connection, given.video, found.vectors),
    )
    _record(connection, given.source, encoder, done)
    if rows:
        segments.write(connection, video_id, encoder.id, found.dimension, rows)
    connection.execute(_REFRESH_VOICES, {"video": given.video, "encoder": encoder.id})
    return done


def _nothing(given: VectorsImport, encoder: StoredEncoder, erased: int) -> VectorsImported:
    """All of the recording's speech was erased."""
    return VectorsImported(given.video, encoder.identity, erased, 0, 0, {"erased": erased}, 0, 0, 0)


def _registered(
    connection: Connection, encoder: ImportedEncoder, dimension: int, threshold: Threshold | None
) -> StoredEncoder:
    """The stored encoder, registered if it is new."""
    identity = encoder.identity(dimension)
    for each in encoders.stored(connection):
        if each.identity.name != encoder.name:
            continue
        if not each.identity.is_imported:
            raise VectorsRefused(
                f"{encoder.name!r} is the model {each.identity} in this store: call the imported"
                f" vectors otherwise, such as {encoder.name}-imported"
            )
        kind = (each.identity.revision, each.identity.preprocessing)
        if kind == (identity.revision, identity.preprocessing) and each.identity != identity:
            raise VectorsRefused(
                f"these vectors have {dimension:,} numbers, and those of {each.identity} in the"
                f" store have {each.identity.dimension:,}: give another revision, such as"
                f" {encoder.name}@2"
            )
        if each.identity == identity and threshold is None:
            return each
    encoders.ensure(connection, identity, threshold or GUESS, imported=True)
    return encoders.find(connection, identity)


def _prune(connection: Connection, video: str, encoder: StoredEncoder) -> int:
    return segments.prune(connection, PruneSelection(video, encoder.id))


def _store_turns(connection: Connection, given: VectorsImport) -> int:
    """Store the segments with labels as turns, if the recording has no turns yet."""
    spoken = [
        Turn(float(each.start), float(each.end), each.label)
        for each in given.vectors
        if each.label is not None
    ]
    if not spoken or (not given.continued and turns.source(connection, given.video) is not None):
        return 0
    stored = turns.store(connection, given.video, spoken, given.source, add=given.continued)
    return stored.added


def _of_clean_parts(
    connection: Connection, video: str, found: Measured
) -> dict[SegmentKey, Embedding | None]:
    """By clean part of the turns that others overlap, its label's vector, if each label has one."""
    if not found.of_labels:
        return {}
    rows = connection.execute(_CLEAN_PARTS, {"video": video})
    return {
        SegmentKey(row.start_ms, row.end_ms): found.of_labels[row.label]
        for row in rows
        if row.label in found.of_labels
        and SegmentKey(row.turn_start_ms, row.turn_end_ms) in found.vectors
    }


def _refuse_others(
    connection: Connection, given: VectorsImport, encoder: StoredEncoder, known: Vectors
) -> None:
    """Raise `VectorsRefused` if stored segments have other vectors than these."""
    if not known:
        return
    values = {
        "video": given.video,
        "encoder": encoder.id,
        "starts": [key.start_ms for key in known],
        "ends": [key.end_ms for key in known],
        "digests": [_digest(vector) for vector in known.values()],
    }
    others = connection.execute(_DIFFERING, values).all()
    if others:
        start, end = (ms / 1000 for ms in others[0])
        raise VectorsRefused(
            f"{given.video!r}: {len(others):,} of its segments are stored with other vectors of"
            f" {encoder.identity}, such as {start} to {end} s: import them under another revision,"
            " or replace those (--replace)"
        )


def _digest(vector: Embedding | None) -> bytes | None:
    """The SHA-256 of a vector in the binary form that Postgres sends."""
    if vector is None:
        return None
    header = len(vector).to_bytes(2, "big") + bytes(2)
    return hashlib.sha256(header + vector.astype(">f4").tobytes()).digest()


def _row(key: SegmentKey, vector: Embedding | None) -> SegmentRow:
    return SegmentRow(key, "non_finite") if vector is None else SegmentRow(key, "ok", vector)


def _skipped(rows: Sequence[SegmentRow], erased: int) -> dict[str, int]:
    counted = Counter(row.status for row in rows if row.embedding is None)
    counted["erased"] += erased
    return dict(sorted((+counted).items()))


def _besides_turns(connection: Connection, video: str, found: Vectors) -> int:
    times = {"starts": [key.start_ms for key in found], "ends": [key.end_ms for key in found]}
    count: int = connection.scalar(_BESIDES_TURNS, {"video": video, **times})
    return count


def _record(
    connection: Connection, source: str, encoder: StoredEncoder, done: VectorsImported
) -> None:
    """Record the import; vectors are accepted only with this in the same transaction."""
    counts = {key: value for key, value in asdict(done).items() if key != "encoder"}
    values = counts | {"encoder": encoder.id, "source": turns.storable(source)}
    connection.execute(_RECORD, values | {"skipped": json.dumps(done.skipped)})


_REFRESH_VOICES = text(
    "SELECT pgvoice.refresh_voices(ARRAY[CAST(:video AS text)], CAST(:encoder AS integer))"
)
_ARRAYS = "CAST(:starts AS integer[]), CAST(:ends AS integer[])"
_DIFFERING = text(
    "SELECT start_ms, end_ms FROM pgvoice.differing_segments(:video, :encoder,"  # noqa: S608
    f" {_ARRAYS}, CAST(:digests AS bytea[]))"
)
_CLEAN_PARTS = text(
    "SELECT c.start_ms, c.end_ms, c.turn_start_ms, c.turn_end_ms, t.label"
    " FROM pgvoice.video AS v JOIN pgvoice.clean_part AS c ON c.video_id = v.id"
    " JOIN pgvoice.turn AS t ON t.video_id = v.id AND t.start_ms = c.turn_start_ms"
    " AND t.end_ms = c.turn_end_ms WHERE v.key = :video AND t.label IS NOT NULL"
    " ORDER BY t.place DESC"
)
_BESIDES_TURNS = text(
    f"SELECT count(*) FROM unnest({_ARRAYS}) AS g(start_ms, end_ms)"  # noqa: S608
    " JOIN pgvoice.video AS v ON v.key = :video"
    " JOIN pgvoice.turn_document AS d ON d.video_id = v.id"
    " WHERE NOT EXISTS (SELECT FROM pgvoice.turn AS t WHERE t.video_id = v.id"
    " AND t.start_ms = g.start_ms AND t.end_ms = g.end_ms)"
    " AND NOT EXISTS (SELECT FROM pgvoice.clean_part AS c WHERE c.video_id = v.id"
    " AND c.start_ms = g.start_ms AND c.end_ms = g.end_ms)"
)
_RECORD = text(
    "INSERT INTO pgvoice.fill_run (video_id, encoder_id, requested, hits, filled, skipped,"
    " decode_seconds, encode_seconds, source) SELECT v.id, :encoder, :requested, :hits, :added,"
    " CAST(:skipped AS jsonb), 0, 0, :source FROM pgvoice.video AS v WHERE v.key = :video"
)
