"""Dropping an encoder: what is refused, what goes, and what stays and can still be undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from pgvoice_testkit.servers.databases import plain, role, run
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, THRESHOLD, X, Y, put, unit
from sqlalchemy import text

from pgvoice.store import Exemplar, SegmentKey, UnknownEncoder, VoiceStore
from pgvoice.store.encoders.carrying import ExemplarVector
from pgvoice.store.encoders.dropping import Dropped
from pgvoice.store.errors import ActNotUndoable, EncoderInUse, OptedOut

#: Every column that holds the id of an encoder.
COLUMNS = text(
    "SELECT CAST(c.relname AS text) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
    " WHERE c.relnamespace = 'pgvoice'::regnamespace AND a.attname = 'encoder_id'"
    " AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
)
SPANS = {(0.0, 1.0): X, (1.0, 2.0): unit(4, 1, 0), (2.0, 3.0): Y, (3.0, 4.0): unit(1, 4, 0)}
FILE = Exemplar(unit(5, 1, 1), "f" * 64, SegmentKey(0, 2000), "ann.wav", 0.7)
FIRST = "toy@sha256:0123456789ab"


def _count(store: VoiceStore, condition: str = "true") -> dict[str, int]:
    with store.database.engine.connect() as connection:
        tables = connection.scalars(COLUMNS).all()
        return {
            table: connection.scalar(
                text(f"SELECT count(*) FROM pgvoice.{table} WHERE encoder_id = 1 AND {condition}")
            )
            or 0
            for table in tables
        }


def _switch(store: VoiceStore) -> None:
    put(store, "v", SPANS, OTHER_ENCODER)
    store.encoders.carry(OTHER_ENCODER)
    lost = store.encoders.missing_exemplars(OTHER_ENCODER)
    vectors = [ExemplarVector(each.number, unit(3, 0, 1)) for each in lost]
    store.encoders.add_exemplars(OTHER_ENCODER, vectors)
    store.encoders.make_default(OTHER_ENCODER)


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    put(store, "v", SPANS)
    store.people.enroll_segments("ann", "v", [(0, 1), (1, 2)])
    store.people.enroll_segments("bob", "v", [(2, 3)], min_speech=1)
    return store


def test_the_default_encoder_is_not_dropped(library: VoiceStore) -> None:
    put(library, "v", SPANS, OTHER_ENCODER)
    for force in (True, False):
        with pytest.raises(EncoderInUse, match="is the default encoder: switch to another"):
            library.encoders.drop(ENCODER, force=force)
    with pytest.raises(UnknownEncoder):
        library.encoders.drop("other")


def test_everything_of_it_goes_and_the_other_stays(library: VoiceStore) -> None:
    library.labels.label()
    library.labels.pin("v", (0, 1), "ann")
    run(
        library.database.engine,
        "INSERT INTO pgvoice.calibration"
        " (encoder_id, target_far, band_ms, thresholds, margins, gallery, labels_from, measured)"
        " VALUES (1, 0.01, '{0}', '{0.5}', '{0}', 4, 'nowhere', '{}')",
        "INSERT INTO pgvoice.fill_run (video_id, encoder_id, requested, hits, filled, skipped,"
        " decode_seconds, encode_seconds) VALUES (1, 1, 4, 0, 4, '{}', 1, 1)",
    )
    library.index.build(ENCODER)
    _switch(library)
    library.labels.label()
    before = library.answers.identify("v")
    current = library.labels.current("v", encoder=OTHER_ENCODER)
    assert all(_count(library)[table] for table in ("nearest", "attribution", "enrollment"))
    dropped = library.encoders.drop(ENCODER)
    assert dropped == Dropped(ENCODER, vectors=4, exemplars=3, labels=4)
    assert set(_count(library).values()) == {0}
    assert [each.identity for each in library.encoders.list()] == [OTHER_ENCODER]
    assert [status.encoder for status in library.index.status()] == [str(OTHER_ENCODER)]
    assert library.answers.identify("v") == before
    assert library.labels.current("v") == current
    assert [each.what for each in library.upkeep.verify() if each.problems] == []
    (event,) = library.privacy.audit(FIRST)[:1]
    assert event.action == "drop encoder"
    assert event.details == {"vectors": 4, "exemplars": 3, "labels": 4, "forced": False}
    assert library.privacy.audit("ann")[0].action == "enroll"


def test_admins_carry_over_and_drop(library: VoiceStore) -> None:
    library.people.enroll("ann", [FILE], ENCODER, THRESHOLD, force=True)
    with role(library.database.url, "admin_of_encoders") as login:
        run(library.database.engine, "GRANT pgvoice_admin TO admin_of_encoders")
        with VoiceStore.open(plain(login)) as store:
            _switch(store)
            assert store.encoders.drop(ENCODER).exemplars == 4
    assert library.privacy.audit(FIRST)[0].actor == "admin_of_encoders"


def test_what_only_it_has_keeps_it(library: VoiceStore) -> None:
    library.people.enroll("eve", [FILE], ENCODER, THRESHOLD, force=True)
    for video in "wxyz":
        put(library, video, {(0, 1): X})
    put(library, "v", SPANS, OTHER_ENCODER)
    library.encoders.carry(OTHER_ENCODER)
    library.encoders.make_default(OTHER_ENCODER)
    message = (
        r"0123456789ab has what the default encoder lacks \(exemplars: 1, of 'eve';"
        r" recordings: 'w', 'x', 'y' and 1 more\): switch to the default encoder again"
    )
    with pytest.raises(EncoderInUse, match=message):
        library.encoders.drop(ENCODER)
    assert len(library.people.exemplars("eve", encoder=ENCODER)) == 1
    assert library.encoders.drop(ENCODER, force=True).exemplars == 4
    assert library.people.exemplars("eve") == []
    assert [each.what for each in library.upkeep.verify() if each.problems] == []


def test_a_voice_that_opted_out_is_never_forgotten(library: VoiceStore) -> None:
    library.people.enroll("zoe", [FILE], ENCODER, THRESHOLD, force=True)
    library.privacy.erase_speaker("zoe", with_segments=False, opt_out_voice=True)
    _switch(library)
    with pytest.raises(EncoderInUse, match=r"opted out: 1\): keep it, or force it.* all but"):
        library.encoders.drop(ENCODER)
    assert library.encoders.drop(ENCODER, force=True).kept_opt_outs == 1
    counts = _count(library)
    assert counts.pop("opt_out_voice") == 1
    assert set(counts.values()) == {0}
    again = Exemplar(unit(5, 1, 1.01), "e" * 64, SegmentKey(0, 2000), "zoe.wav")
    with pytest.raises(OptedOut):
        library.people.enroll("somebody", [again], ENCODER, THRESHOLD, force=True)


ACTS: Mapping[str, Callable[[VoiceStore], object]] = {
    "enroll": lambda store: store.people.enroll_segments("bob", "v", [(3, 4)], min_speech=1),
    "merge": lambda store: store.people.merge("bob", "ann", force=True),
    "split": lambda store: store.people.split("ann", "eve", exemplars=[2], force=True),
    "rename": lambda store: store.people.rename("ann", "anna"),
    "pin": lambda store: store.labels.pin("v", (0, 1), "bob"),
}
EXEMPLARS = text(
    "SELECT s.name, e.start_ms FROM pgvoice.enrollment e JOIN pgvoice.speaker s"
    " ON s.id = e.speaker_id"
)


@pytest.mark.parametrize("kind", ACTS)
def test_an_act_is_undone_after_the_encoder_is_gone(library: VoiceStore, kind: str) -> None:
    with library.database.engine.connect() as connection:
        before = {tuple(row) for row in connection.execute(EXEMPLARS)}
    ACTS[kind](library)
    _switch(library)
    library.encoders.drop(ENCODER)
    library.acts.undo()
    with library.database.engine.connect() as connection:
        assert {tuple(row) for row in connection.execute(EXEMPLARS)} == before
    assert library.labels.words("v") == []
    assert [each.what for each in library.upkeep.verify() if each.problems] == []


@pytest.mark.parametrize("kind", ["drop", "label"])
def test_what_nothing_is_left_of_is_final(library: VoiceStore, kind: str) -> None:
    if kind == "drop":
        library.people.drop("ann", 2)
    else:
        library.labels.label()
    _switch(library)
    library.encoders.drop(ENCODER)
    with pytest.raises(ActNotUndoable, match=f"because the encoder {FIRST} was dropped"):
        library.acts.undo(library.acts.list(limit=1)[0].number)


def test_a_drop_after_the_switch_is_undone_with_what_is_left(library: VoiceStore) -> None:
    _switch(library)
    library.people.drop("ann", 2)
    for encoder in (ENCODER, OTHER_ENCODER):
        assert len(library.people.exemplars("ann", encoder=encoder)) == 1
    library.encoders.drop(ENCODER)
    library.acts.undo()
    assert len(library.people.exemplars("ann")) == 2
    assert [each.what for each in library.upkeep.verify() if each.problems] == []
