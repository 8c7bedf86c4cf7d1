"""What a writer may neither store nor delete: whatever would mislead or break the rest."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from pgvoice_testkit.servers.databases import engine_of, plain, role, run
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD, X, put, unit
from psycopg.errors import CheckViolation, InsufficientPrivilege

from pgvoice.store import PruneSelection, SegmentKey, Threshold, VideoAudio, VoiceStore

NAME = "pgvoice_writer_of_a_test"


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    """A recording, ann enrolled from it, and labels."""
    put(store, "v", {(0, 1): X, (1, 2): unit(1, 0.5, 0), (2, 2.1): "too_short"})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    store.labels.label()
    return store


@pytest.fixture
def writer(library: VoiceStore) -> Iterator[str]:
    with role(library.database.url, NAME) as login, engine_of(library.database.url) as engine:
        run(engine, f"GRANT pgvoice_writer TO {NAME}")
        yield plain(login)


def _ask(url: str, statement: str) -> None:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE pgvoice.encoder SET default_threshold = 0.6",
        "DELETE FROM pgvoice.segment_embedding",
        "DELETE FROM pgvoice.attribution",
        "INSERT INTO pgvoice.video (id, key) OVERRIDING SYSTEM VALUE VALUES (99, 'x')",
        "INSERT INTO pgvoice.video (key, created_at) VALUES ('x', 'infinity')",
        "SELECT setval('pgvoice.video_id_seq', 1)",
        "SELECT nextval('pgvoice.fill_run_id_seq')",
        "UPDATE pgvoice.ingest_video SET video = 'other'",
        "INSERT INTO pgvoice.fill_run (video_id, encoder_id, requested, hits, filled, skipped,"
        " decode_seconds, encode_seconds, finished_at) VALUES (1, 1, 0, 0, 0, '{}', 0, 0, now())",
        "INSERT INTO pgvoice.segment_embedding (video_id, start_ms, end_ms, encoder_id, dimension,"
        " status, created_at) VALUES (1, 0, 1, 1, 3, 'silent', '-infinity')",
    ],
)
def test_a_writer_may_not(writer: str, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        _ask(writer, statement)


def _fill_run(**values: str) -> str:
    row = {
        "requested": "3", "hits": "1", "filled": "1", "skipped": "'{\"silent\": 1}'",
        "decode_seconds": "0", "encode_seconds": "0", "device": "'cpu'",
    } | values  # fmt: skip
    return (
        f"INSERT INTO pgvoice.fill_run (video_id, encoder_id, {', '.join(row)})"
        f" VALUES (1, 1, {', '.join(row.values())})"
    )


def _encoder(**values: str) -> str:
    row = {"dimension": "3", "sample_rate": "16000", "default_threshold": "0.5"} | values
    return (
        f"INSERT INTO pgvoice.encoder (name, revision, preprocessing, threshold_source,"
        f" {', '.join(row)}) VALUES ('new', '1', '1', 'mine', {', '.join(row.values())})"
    )


@pytest.mark.parametrize(
    ("table", "values"),
    [
        *(("encoder", {"default_threshold": value})
          for value in ("1000", "-1", "0", "1", "'NaN'", "'Infinity'")),
        *(("encoder", {"dimension": value}) for value in ("0", "-3", "16001")),
        *(("encoder", {"sample_rate": value}) for value in ("0", "-1")),
        *(("video", {"audio_sha256": value}) for value in ("''", "'x'", "repeat('A', 64)")),
        ("video", {"duration_ms": "-1"}),
        *(("fill_run", {"skipped": f"'{value}'"}) for value in (
            "[]", "1", "null", '{"silent": "x"}', '{"silent": -1}', '{"silent": 1.5}',
            '{"silent": 1e30}', '{"silent": null}', '{"silent": [1]}', '{"a": {"b": 1}}',
            "[[1]]", '"x"')),
        *(("fill_run", {name: value})
          for name in ("decode_seconds", "encode_seconds")
          for value in ("-1", "'NaN'", "'Infinity'", "1e300")),
        *(("fill_run", {name: "-1"}) for name in ("requested", "hits", "filled")),
        ("fill_run", {"hits": "2147483647", "filled": "2147483647", "requested": "-2"}),
        ("fill_run", {"hits": "4"}),
        ("fill_run", {"device": "repeat('x', 201)"}),
        *(("ingest_video", {name: value})
          for name in ("audio_seconds", "work_seconds")
          for value in ("-1", "'NaN'", "'Infinity'")),
        *(("ingest_video", {name: "-1"}) for name in ("attempts", "requested", "filled")),
        *(("ingest_video", {"changed_at": value})
          for value in ("'infinity'", "'-infinity'", "'4000-01-01 BC'")),
        ("ingest_video", {"document": "'[]'"}),
        ("ingest_video", {"state": "'new'"}),
    ],
)  # fmt: skip
def test_a_writer_stores_nothing_odd(writer: str, table: str, values: dict[str, str]) -> None:
    """The same statements with other values are accepted."""
    changes = {
        "encoder": (_encoder(), _encoder(**values)),
        "fill_run": (_fill_run(), _fill_run(**values)),
    }
    odd = ", ".join(f"{name} = {value}" for name, value in values.items())
    _, statement = changes.get(table, ("", f"UPDATE pgvoice.{table} SET {odd}"))
    _ask(writer, "INSERT INTO pgvoice.ingest_video (ingest, video, document)"
                 " VALUES ('b', 'v', '{}')")  # fmt: skip
    if table in changes:
        _ask(writer, changes[table][0])
    with pytest.raises(CheckViolation):
        _ask(writer, statement)
    with VoiceStore.open(writer) as store:
        assert store.recordings.statistics()
        assert len(store.ingests.status()) == 1


def test_a_writer_does_not_change_a_threshold(writer: str, library: VoiceStore) -> None:
    other = Threshold(0.9, "another version")
    with VoiceStore.open(writer) as store:
        store.recordings.register("v", None, ENCODER, other)
        assert store.encoders.find().threshold == THRESHOLD
    library.recordings.register("v", None, ENCODER, other)
    assert library.encoders.find().threshold == other


def test_a_writer_deletes_neither_pins_nor_what_keeps_speech_erased(
    writer: str, library: VoiceStore
) -> None:
    erased = SegmentKey(1000, 2000)
    library.people.enroll_segments("bob", "v", [(1, 2)], force=True)
    library.labels.pin("v", (0, 1), "ann")
    library.privacy.erase_speaker("bob", with_segments=True)
    with VoiceStore.open(writer) as store:
        assert store.recordings.prune(PruneSelection(video="v"), dry_run=True) == 3
        assert store.recordings.prune(PruneSelection(video="v")) == 3
        assert store.recordings.missing("v", ENCODER, [erased]).erased == {erased}
        put(store, "v", {(0, 1): X})
        audio = VideoAudio("b" * 64, 1000, "other.wav")
        assert store.recordings.register("v", audio, ENCODER, THRESHOLD, "replace").replaced
        assert [(label.start, label.pinned) for label in store.labels.current("v")] == [(0, True)]
    done = [(event.action, event.actor, event.subject) for event in library.privacy.audit()][:2]
    assert sorted(done) == [
        ("delete segments", NAME, "v"),
        ("replace audio", NAME, "v"),
    ]
