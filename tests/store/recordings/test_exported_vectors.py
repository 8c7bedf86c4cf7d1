"""Vectors leave the store as they are, for admins alone, and the audit trail has it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pgvoice_testkit.servers.databases import engine_of, plain, role, run
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, X, Y, put, unit

from pgvoice.store import (
    EncoderImported,
    FillRun,
    GivenVector,
    ImportedEncoder,
    SegmentKey,
    Turn,
    UnknownVideo,
    VectorsImport,
    VoiceStore,
)
from pgvoice.store.errors import SchemaForbidden

NAME = "pgvoice_exporter_of_a_test"
W = unit(0.3, 0.1, 0.7)


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    put(store, "v", {(2, 5): W, (0, 2): X, (5, 6): "silent"})
    put(store, "v", {(0, 2): Y}, OTHER_ENCODER)
    put(store, "w", {(0, 1): Y})
    put(store, "silence", {(0, 1): "silent"})
    store.recordings.store_turns("v", [Turn(0, 2, "A"), Turn(2, 5, "B")])
    return store


@pytest.fixture(params=["pgvoice_reader", "pgvoice_searcher", "pgvoice_writer"])
def lesser(library: VoiceStore, request: pytest.FixtureRequest) -> Iterator[VoiceStore]:
    with role(library.database.url, NAME) as login, engine_of(library.database.url) as engine:
        run(engine, f"GRANT {request.param} TO {NAME}")
        with VoiceStore.open(plain(login)) as store:
            yield store


def test_the_stored_vectors_bit_for_bit(library: VoiceStore) -> None:
    first, second = library.encoders.export_vectors(encoder=ENCODER, destination="/tmp/x.npz")
    assert (first.video, first.encoder, second.video) == ("v", ENCODER, "w")
    assert first.keys == (SegmentKey(0, 2000), SegmentKey(2000, 5000))
    assert first.labels == ("A", "B")
    assert second.labels == (None,)
    assert first.embeddings.dtype == np.float32
    assert first.embeddings.tobytes() == np.stack([X, W]).tobytes()


def test_some_recordings_of_another_encoder(library: VoiceStore) -> None:
    (only,) = library.encoders.export_vectors(["v"], encoder=OTHER_ENCODER, destination="x")
    assert only.embeddings.tobytes() == Y.tobytes()
    assert (
        list(library.encoders.export_vectors(["silence"], encoder=ENCODER, destination="x")) == []
    )
    with pytest.raises(UnknownVideo):
        library.encoders.export_vectors(["nobody"], encoder=ENCODER, destination="x")


def test_the_audit_trail_and_an_erasure_name_where_they_went(library: VoiceStore) -> None:
    list(library.encoders.export_vectors(encoder=ENCODER, destination="/a.npz"))
    list(library.encoders.export_vectors(["w"], encoder=ENCODER, destination="/b.npz"))
    events = [event for event in library.privacy.audit() if event.action == "export vectors"]
    assert [(event.subject, event.details["to"], event.details["vectors"]) for event in events] == [
        ("w", "/b.npz", 1), ("w", "/a.npz", 1), ("v", "/a.npz", 2)
    ]  # fmt: skip
    library.people.enroll_segments("Ada", "v", [(0, 2)], encoder=ENCODER)
    library.privacy.erase_speaker("Ada", with_segments=True)
    library.privacy.erase_video("v")

    def places(subject: str) -> list[str]:
        found = library.privacy.remains(subject)
        return [each.what.rpartition(" ")[2] for each in found if "export of vectors" in each.what]

    assert places("Ada") == ["/a.npz", "/b.npz"]
    assert places("v") == ["/a.npz"]
    assert places("w") == ["/a.npz", "/b.npz"]


def test_only_admins_export(lesser: VoiceStore, library: VoiceStore) -> None:
    with pytest.raises(SchemaForbidden):
        list(lesser.encoders.export_vectors(encoder=ENCODER, destination="x"))
    assert not [event for event in library.privacy.audit() if "vectors" in event.action]


def test_writers_import_and_readers_do_not(lesser: VoiceStore, library: VoiceStore) -> None:
    given = VectorsImport(
        "new", ImportedEncoder("engine"), [GivenVector(0, 2, [1, 2, 3], "A")], "x.json"
    )
    with library.database.engine.connect() as connection:
        writes = connection.exec_driver_sql(
            f"SELECT pg_has_role('{NAME}', 'pgvoice_writer', 'USAGE')"
        ).scalar()
    if not writes:
        with pytest.raises(SchemaForbidden):
            lesser.encoders.import_vectors(given)
        assert "new" not in {each.video for each in library.recordings.videos()}
        return
    assert lesser.encoders.import_vectors(given).added == 1
    assert lesser.encoders.import_vectors(given).hits == 1
    changed = VectorsImport(
        "new", given.encoder, [GivenVector(0, 2, [3, 2, 1])], "y.json", replace=True
    )
    assert lesser.encoders.import_vectors(changed).replaced == 1
    with pytest.raises(EncoderImported):
        lesser.recordings.register(
            "new", None, given.encoder.identity(3), library.encoders.find("engine").threshold
        )
    lesser.recordings.record_fill("v", ENCODER, FillRun(0, 0))
