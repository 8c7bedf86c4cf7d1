"""What acts changed holds names and voiceprints, which go when those of the tables go."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pgvoice_testkit.servers.databases import plain, role, run
from pgvoice_testkit.stores.filled import X, Y, put, unit
from pgvoice_testkit.stores.passing_time import let_expire
from sqlalchemy import text

from pgvoice.store import ActNotUndoable, Consent, UnknownSpeaker, VoiceStore

AGREED = Consent("ann herself", evidence="form of 2026-03-01")
#: All that acts keep, as text.
KEPT = text(
    "SELECT string_agg(kept, ' ') FROM (SELECT CAST(a AS text) FROM pgvoice.act a"
    " UNION ALL SELECT CAST(c AS text) FROM pgvoice.act_change c) AS k(kept)"
)


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    """Ann is X with an exemplar in `v` and one in `w` that was dropped; bob is Y."""
    put(store, "v", {(0, 1): X, (1, 2): Y})
    put(store, "w", {(0, 1): unit(1, 0.1, 0), (2, 3): unit(0.1, 0.1, 1)})
    for video in ("v", "w"):
        store.people.enroll_segments("ann", video, [(0, 1)], consent=AGREED, min_speech=1)
    store.people.enroll_segments("bob", "v", [(1, 2)], min_speech=1)
    store.labels.label()
    store.people.drop("ann", 2)
    return store


def _kept(store: VoiceStore) -> str:
    with store.database.engine.connect() as connection:
        return str(connection.scalar(KEPT))


def _vectors(store: VoiceStore, speaker: str) -> int:
    """How many vectors of a person acts keep."""
    with store.database.engine.connect() as connection:
        found: int = connection.scalar(
            text(
                "SELECT count(*) FROM pgvoice.act_change c CROSS JOIN LATERAL (VALUES (c.old),"
                " (c.new)) AS e(stored) JOIN pgvoice.speaker s ON s.name = :name"
                " AND s.id = CAST(e.stored ->> 'speaker_id' AS bigint)"
                " WHERE e.stored ? 'embedding'"
            ),
            {"name": speaker},
        )
    return found


def _withdraw(store: VoiceStore) -> None:
    store.privacy.withdraw_consent("ann")


def _expire(store: VoiceStore) -> None:
    let_expire(store, "ann")


def _grow_old(store: VoiceStore) -> None:
    run(store.database.engine, "UPDATE pgvoice.act SET created_at = now() - interval '91 days'")


def _erase_its_recording(store: VoiceStore) -> None:
    store.privacy.erase_video("w")


ENDS = {
    "somebody's consent ended": _withdraw,
    "somebody's consent ended ": _expire,
    "it is too old": _grow_old,
    "a recording was erased": _erase_its_recording,
}


@pytest.mark.parametrize("why", ENDS)
def test_an_exemplar_does_not_come_back(library: VoiceStore, why: str) -> None:
    dropping = next(act.number for act in library.acts.list() if act.kind == "drop")
    assert _vectors(library, "ann") > 2
    ENDS[why](library)
    with pytest.raises(ActNotUndoable, match=why.strip()):
        library.acts.undo(dropping)
    library.privacy.delete_expired()
    kept = next(act for act in library.acts.list() if act.number == dropping)
    assert kept.final_because == why.strip()
    with pytest.raises(ActNotUndoable, match=why.strip()):
        library.acts.undo(dropping)
    assert _vectors(library, "ann") == 0 or "recording" in why
    assert not [check for check in library.upkeep.verify() if check.problems]


def test_withdrawing_forgets_at_the_same_moment(library: VoiceStore) -> None:
    """Also if all exemplars are dropped, and whoever makes the statement."""
    library.people.enroll_segments("cyd", "w", [(2, 3)], consent="form", min_speech=1)
    library.people.remove("bob")
    run(library.database.engine, "UPDATE pgvoice.consent SET withdrawn_at = now()")
    assert (_vectors(library, "ann"), _vectors(library, "cyd")) == (0, 0)
    assert "bob" in _kept(library), "who never gave one, and none is required"


def test_retention_counts_what_it_forgets(library: VoiceStore) -> None:
    _grow_old(library)
    library.people.rename("bob", "Bob")
    planned = library.privacy.delete_expired(dry_run=True)
    assert library.privacy.delete_expired() == planned.__class__((), 0, 0, 0, planned.acts, False)
    assert planned.acts > 3
    assert library.acts.undo().kind == "rename"


@pytest.mark.parametrize(
    "change",
    [
        lambda store: None,
        lambda store: store.people.rename("ann", "Ann Other"),
        lambda store: store.people.merge("bob", "ann", force=True),
        lambda store: store.labels.pin("w", (2, 3), "ann"),
    ],
    ids=["", "renamed", "merged", "pinned"],
)
@pytest.mark.parametrize("with_segments", [True, False])
def test_nothing_of_an_erased_person_is_kept(
    library: VoiceStore, change: Callable[[VoiceStore], None], with_segments: bool
) -> None:
    change(library)
    (name,) = [each.speaker for each in library.people.speakers() if each.speaker != "bob"]
    planned = library.privacy.erase_speaker(name, with_segments=with_segments, dry_run=True)
    done = library.privacy.erase_speaker(name, with_segments=with_segments)
    assert done.rows == planned.rows
    kept = _kept(library)
    assert "ann" not in kept.lower()
    assert str(X[0]) not in kept or "0.9950" not in kept
    assert [act.subject for act in library.acts.list() if act.kind == "drop"] == [
        "somebody who was erased"
    ]
    assert not [check for check in library.upkeep.verify() if check.problems]


def test_somebody_who_was_removed_is_erased(library: VoiceStore) -> None:
    """Undoing the removal would bring them back."""
    library.people.remove("ann")
    assert "ann" in _kept(library)
    planned = library.privacy.erase_speaker("ann", with_segments=True, dry_run=True)
    assert library.privacy.erase_speaker("ann", with_segments=True).rows == planned.rows
    assert "ann" not in _kept(library)
    with pytest.raises(UnknownSpeaker):
        library.privacy.erase_speaker("ann", with_segments=True)
    with pytest.raises(ActNotUndoable, match="somebody was erased"):
        library.acts.undo(next(act.number for act in library.acts.list() if act.kind == "remove"))


def test_an_admin_who_owns_nothing_forgets(library: VoiceStore, store_url: str) -> None:
    engine = library.database.engine
    run(
        engine,
        "UPDATE pgvoice.setting SET linking = true",
        "INSERT INTO pgvoice.unknown_voice (heard_at) VALUES ('2020-01-01')",
    )
    with role(store_url, "pgvoice_test_forgetting") as login:
        run(engine, "GRANT pgvoice_admin TO pgvoice_test_forgetting")
        with VoiceStore.open(plain(login)) as store:
            store.privacy.withdraw_consent("ann")
            store.privacy.erase_speaker("bob", with_segments=True)
            _grow_old(library)
            done = store.privacy.delete_expired(unattributed_days=0)
            store.privacy.erase_video("v")
    assert (done.unknown_voices, done.segments > 0, done.acts > 0) == (1, True, True)
    assert "bob" not in _kept(library)
    assert _vectors(library, "ann") == 0
