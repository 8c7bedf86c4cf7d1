"""Exemplars with several encoders: what is done to one holds for the same span with the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from pgvoice_testkit.servers.databases import run
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, THRESHOLD, X, Y, put, unit
from pgvoice_testkit.stores.second_encoder import OTHERS as OTHER_VOICES
from pgvoice_testkit.stores.second_encoder import fill_again
from pgvoice_testkit.stores.unknown_voices import CONSENT, RECORDINGS, number_of
from pgvoice_testkit.stores.voices import PEOPLE
from sqlalchemy import text

from pgvoice.store import Exemplar, OptedOut, SegmentKey, VoiceStore
from pgvoice.store.encoders.carrying import ExemplarVector

#: Who is enrolled with which spans: name, audio, start, whether it counts, and when it was stored.
Exemplars = set[tuple[object, ...]]
EXEMPLARS = text(
    "SELECT s.name, e.audio_sha256, e.start_ms, e.excluded, e.created_at FROM pgvoice.enrollment e"
    " JOIN pgvoice.speaker s ON s.id = e.speaker_id WHERE e.encoder_id = :encoder"
)
#: Seconds, of Ann, Bob, and nobody yet; what the other encoder makes of them is in no way similar.
SPANS = {
    (0.0, 1.0): X, (1.0, 2.0): unit(4, 1, 0), (2.0, 3.0): unit(4, 0, 1),
    (3.0, 4.0): Y, (4.0, 5.0): unit(0, 4, 1), (5.0, 7.0): unit(1, 1, 5),
}  # fmt: skip
OTHERS = {
    span: unit(*vector)
    for span, vector in zip(
        SPANS, [(1, 0, 1), (1, 0, 2), (2, 0, 1), (0, 3, 1), (0, 2, 1), (0, 1, -3)], strict=True
    )
}
FILE = Exemplar(unit(5, 1, 1), "f" * 64, SegmentKey(0, 2000), "ann.wav", 0.7)


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    """Ann by three segments of a recording, Bob by two; the other encoder is filled later."""
    put(store, "v", SPANS)
    store.people.enroll_segments("ann", "v", [(0, 1), (1, 2), (2, 3)])
    store.people.enroll_segments("bob", "v", [(3, 4), (4, 5)])
    return store


def _exemplars(store: VoiceStore, encoder: int) -> Exemplars:
    with store.database.engine.connect() as connection:
        rows = connection.execute(EXEMPLARS, {"encoder": encoder})
        return {tuple(row) for row in rows}


def _switch(store: VoiceStore) -> None:
    """Fill with the other encoder, carry over, compute what is missing, and let it answer."""
    put(store, "v", OTHERS, OTHER_ENCODER)
    store.encoders.carry(OTHER_ENCODER)
    lost = store.encoders.missing_exemplars(OTHER_ENCODER)
    vectors = [ExemplarVector(each.number, unit(2, 0, 3)) for each in lost]
    store.encoders.add_exemplars(OTHER_ENCODER, vectors)
    store.encoders.make_default(OTHER_ENCODER)


def _number(store: VoiceStore, name: str, start: float) -> int:
    exemplars = store.people.exemplars(name, encoder=ENCODER)
    return next(each.number for each in exemplars if each.start == start)


def _problems(store: VoiceStore) -> list[str]:
    return [each.what for each in store.upkeep.verify() if each.problems]


ACTS: Mapping[str, Callable[[VoiceStore], object]] = {
    "enroll": lambda store: store.people.enroll_segments("cat", "v", [(5, 7)]),
    "enroll more": lambda store: store.people.enroll_segments("ann", "v", [(5, 7)], force=True),
    "enroll from a file": lambda store: store.people.enroll("ann", [FILE], ENCODER, THRESHOLD),
    "merge": lambda store: store.people.merge("bob", "ann", force=True),
    "split": lambda store: store.people.split("ann", "eve", exemplars=[2], force=True),
    "drop": lambda store: store.people.drop("ann", _number(store, "ann", 1)),
    "remove": lambda store: store.people.remove("ann"),
    "rename": lambda store: store.people.rename("ann", "anna"),
    "restore": lambda store: store.people.restore_exemplars("bob", encoder=ENCODER),
}


@pytest.mark.parametrize("kind", ACTS)
def test_an_act_before_a_switch_is_undone_after_it(library: VoiceStore, kind: str) -> None:
    run(library.database.engine, "UPDATE pgvoice.enrollment SET excluded = true WHERE id = 4")
    run(library.database.engine, "SELECT pgvoice_internal.refresh_profile(2, 1)")
    before = _exemplars(library, 1)
    ACTS[kind](library)
    changed = _exemplars(library, 1)
    _switch(library)
    assert (_exemplars(library, 2), _exemplars(library, 1)) == (changed, changed)
    assert changed != before
    library.acts.undo()
    assert (_exemplars(library, 2), _exemplars(library, 1)) == (before, before)
    assert _problems(library) == []


@pytest.mark.parametrize(
    "kind", [kind for kind in ACTS if kind not in ("restore", "enroll from a file")]
)
def test_an_act_after_a_switch_holds_for_both(library: VoiceStore, kind: str) -> None:
    before = _exemplars(library, 1)
    _switch(library)
    ACTS[kind](library)
    assert _exemplars(library, 1) == _exemplars(library, 2) != before
    assert _problems(library) == []
    library.acts.undo()
    assert _exemplars(library, 1) == _exemplars(library, 2) == before
    assert _problems(library) == []


def test_a_name_is_undone_for_labels_that_were_made_since(once: VoiceStore) -> None:
    """The labels of the other encoder are nobody's act, so nothing has to be undone before."""
    once.labels.label()
    named = once.voices.name(number_of(once, PEOPLE[0]), "Ada", consent=CONSENT)
    fill_again(once, OTHER_VOICES[0], RECORDINGS)
    once.encoders.carry("others")
    once.labels.label(encoder="others")
    once.encoders.make_default("others")
    assert {each.speaker for each in once.labels.current("friday", encoder="others")} == {
        "Ada",
        None,
    }
    assert len(once.people.exemplars("Ada", encoder="others")) == 5
    once.acts.undo(named.act)
    for encoder in ("voices", "others"):
        labels = once.labels.current("friday", encoder=encoder)
        assert len(labels) == 12
        assert {each.speaker for each in labels} == {None}
        assert {each.reason for each in labels} == {"no_profiles"}
    assert [act.kind for act in once.acts.list() if act.undone_at is None] == ["label"]
    assert _problems(once) == []


def test_an_exemplar_that_comes_back_and_has_no_vector_is_listed(library: VoiceStore) -> None:
    library.people.enroll("ann", [FILE], ENCODER, THRESHOLD)
    library.people.drop("ann", _number(library, "ann", 0))
    library.people.remove("ann")
    _switch(library)
    library.acts.undo()
    (lost,) = library.encoders.missing_exemplars(OTHER_ENCODER, like=ENCODER)
    assert (lost.speaker, lost.source, lost.key, lost.reason) == (
        "ann", "ann.wav", SegmentKey(0, 2000), "no vector",
    )  # fmt: skip
    assert len(_exemplars(library, 1) - _exemplars(library, 2)) == 1


def test_somebody_enrolled_twice_stays_enrolled_when_one_is_undone(library: VoiceStore) -> None:
    """A person said it of the span with each encoder, and took back only one of both."""
    span = Exemplar(unit(0, 1, 4), FILE.audio_sha256, FILE.span, FILE.source)
    library.people.enroll("eve", [span], OTHER_ENCODER, THRESHOLD)
    library.people.enroll("eve", [FILE], ENCODER, THRESHOLD, force=True)
    library.acts.undo()
    assert {row[0] for row in _exemplars(library, 1)} == {"ann", "bob"}
    assert {row[0] for row in _exemplars(library, 2)} == {"eve"}


def test_an_act_on_a_copy_is_undone_first(library: VoiceStore) -> None:
    enrolled = library.people.enroll_segments("ann", "v", [(5, 7)], force=True)
    _switch(library)
    with library.database.engine.begin() as connection:
        connection.execute(text("SELECT pgvoice_internal.begin_act('drop outliers', 'ann')"))
        connection.execute(
            text(
                "UPDATE pgvoice.enrollment SET excluded = true"
                " WHERE encoder_id = 2 AND start_ms = 5000"
            )
        )
    first, second = library.acts.list()[1], library.acts.list()[0]
    assert (enrolled.added, first.kind, second.kind) == (1, "enroll", "drop outliers")
    with pytest.raises(Exception, match=f"before act {second.number}"):
        library.acts.undo(first.number)
    library.acts.undo(second.number)
    library.acts.undo(first.number)
    assert _exemplars(library, 1) == _exemplars(library, 2)


def test_outliers_are_those_of_one_encoder(library: VoiceStore) -> None:
    put(library, "w", {(0, 2): unit(1, 0, 4), (2, 4): unit(9, 1, 0)})
    library.people.enroll_segments("ann", "w", [(0, 2), (2, 4)], force=True)
    put(library, "w", {(0, 2): unit(1, 0, 1), (2, 4): unit(1, 0, 1.2)}, OTHER_ENCODER)
    _switch(library)
    assert len(library.people.drop_outliers("ann", encoder=ENCODER)) == 1
    assert {row[3] for row in _exemplars(library, 2)} == {False}
    assert {row[3] for row in _exemplars(library, 1)} == {True, False}
    library.acts.undo()
    assert _exemplars(library, 1) == _exemplars(library, 2)


def test_whom_only_the_encoder_before_recognises_stays_unenrolled(library: VoiceStore) -> None:
    """A voice opted out with the first encoder; the other one alone would not know it."""
    put(library, "w", {(0, 2): unit(1, 1, 1)})
    library.people.enroll_segments("zoe", "w", [(0, 2)], force=True)
    library.privacy.erase_speaker("zoe", with_segments=False, opt_out_voice=True)
    put(library, "x", {(0, 2): unit(1, 1, 1.1)})
    put(library, "x", {(0, 2): unit(0, 1, 0)}, OTHER_ENCODER)
    _switch(library)
    with pytest.raises(OptedOut):
        library.people.enroll_segments("somebody", "x", [(0, 2)], OTHER_ENCODER, force=True)
    assert _exemplars(library, 1) == _exemplars(library, 2)


def test_by_hand_it_holds_too(library: VoiceStore) -> None:
    _switch(library)
    engine = library.database.engine
    run(engine, "UPDATE pgvoice.enrollment SET speaker_id = 2 WHERE encoder_id = 1 AND id = 1")
    run(engine, "SELECT pgvoice_internal.refresh_profile(s.id, 1) FROM pgvoice.speaker s")
    run(engine, "DELETE FROM pgvoice.enrollment WHERE encoder_id = 2 AND start_ms = 4000")
    run(engine, "SELECT pgvoice_internal.refresh_profile(s.id, 2) FROM pgvoice.speaker s")
    assert _exemplars(library, 1) == _exemplars(library, 2)
    assert sorted(str(row[0]) for row in _exemplars(library, 2)) == ["ann", "ann", "bob", "bob"]
    assert _problems(library) == []


def test_who_is_enrolled_with_several_encoders_is_noted_once(library: VoiceStore) -> None:
    _switch(library)
    library.people.enroll_segments("cat", "v", [(5, 7)])
    (event,) = library.privacy.audit("cat")
    assert event.action == "enroll"
    assert event.details == {"encoder": str(OTHER_ENCODER), "added": 1}
