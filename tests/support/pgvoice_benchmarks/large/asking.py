"""Profiles, and the questions about a large library that need no vector index."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import text

from pgvoice.store import VoiceStore
from pgvoice.store.errors import UnknownSpeaker
from pgvoice_benchmarks.large.inserting import INSERT
from pgvoice_benchmarks.large.searching import Large
from pgvoice_benchmarks.large.server_load import peak_memory, processor_seconds, resident_bytes
from pgvoice_benchmarks.library import ENCODER, name
from pgvoice_benchmarks.searching.task import quickest
from pgvoice_benchmarks.timing import timed
from pgvoice_benchmarks.writing import enroll

PROFILES, LABELS = "profiles", "labels"
VACUUM, SIZE = "vacuum and analyze", "size of the vectors"
MISSING = "which of a video's 300 segments are stored"
VIDEO = "identify a video of 300 segments"
VIDEO_FIRST = "the same, for the first time"
SPEAKER, SPEAKER_PROCESSOR = "where a new speaker speaks", "the same, processor"
SPOKEN = "segments of the new speaker"
SERVER = "memory of the server"
NEAREST, KEEP, RELABEL = "two nearest of all", "keep labels of all", "relabel with a new speaker"
LABEL_BYTES = "size of the labels"


def vacuum(large: Large) -> None:
    """Vacuum and analyze everything, as autovacuum does some time after so many inserts."""
    with large.store.database.unpooled.connect() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        vacuumed = timed(lambda: alone.execute(text("VACUUM ANALYZE")))
    large.figures.keep(INSERT, VACUUM, vacuumed.seconds)
    with large.store.database.engine.connect() as connection:
        size = connection.scalar(text("SELECT pg_table_size('pgvoice.segment_embedding')"))
    large.figures.keep(INSERT, SIZE, size, "bytes")


def ask(large: Large) -> None:
    """Enroll everybody, then time the questions of somebody who watches one video."""
    store, library = large.store, large.library
    _enroll_all(large)
    video = library.video(library.segments // library.video_segments // 2)
    first = timed(lambda: store.answers.identify(video.key))
    missing = quickest(lambda: store.recordings.missing(video.key, ENCODER, video.spans))
    again = quickest(lambda: store.answers.identify(video.key))
    keep = large.figures.keep
    keep(PROFILES, MISSING, missing.seconds)
    keep(PROFILES, VIDEO_FIRST, first.seconds)
    keep(PROFILES, VIDEO, again.seconds)
    newcomer = _enroll_newcomer(large)
    before = processor_seconds(store)
    found = timed(lambda: store.answers.appearances(newcomer))
    keep(PROFILES, SPEAKER, found.seconds)
    keep(PROFILES, SPEAKER_PROCESSOR, processor_seconds(store) - before)
    keep(PROFILES, SPOKEN, len(found.result), "")
    keep(PROFILES, SERVER, resident_bytes(store), "bytes")


def label(large: Large) -> None:
    """Compare all segments with all profiles, keep labels, then again with a new speaker."""
    store, keep = large.store, large.figures.keep
    _enroll_all(large)
    with peak_memory(store) as held:
        for name_, work in (
            (NEAREST, lambda: _refresh(store)),
            (KEEP, store.labels.label),
            (RELABEL, lambda: (_enroll_newcomer(large), store.labels.relabel())),
        ):  # type: tuple[str, Callable[[], object]]
            before = processor_seconds(store)
            keep(LABELS, name_, timed(work).seconds)
            keep(LABELS, f"{name_}, processor", processor_seconds(store) - before)
        keep(LABELS, SERVER, held(), "bytes")
    with store.database.engine.connect() as connection:
        size = connection.scalar(
            text(
                "SELECT pg_total_relation_size('pgvoice.nearest')"
                " + pg_total_relation_size('pgvoice.attribution')"
            )
        )
    keep(LABELS, LABEL_BYTES, size, "bytes")


def _refresh(store: VoiceStore) -> None:
    with store.database.engine.begin() as connection:
        connection.execute(text("SELECT * FROM pgvoice.refresh_nearest()"))


def _enroll_all(large: Large) -> None:
    """Everybody but the newcomer, who may be there from an earlier run."""
    with large.store.database.engine.connect() as connection:
        there = set(connection.scalars(text("SELECT name FROM pgvoice.speaker")))
    with suppress(UnknownSpeaker):
        large.store.people.remove(name(large.library.profiles))
    people = range(large.library.profiles)
    enroll(large.store, large.library, (each for each in people if name(each) not in there))


def _enroll_newcomer(large: Large) -> str:
    newcomer = large.library.profiles
    enroll(large.store, large.library, [newcomer])
    return name(newcomer)
