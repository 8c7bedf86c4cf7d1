"""Unknown voices are biometric data of people who were not asked, and are forgotten in time."""

from __future__ import annotations

import pytest
from pgvoice_testkit.servers.databases import run
from pgvoice_testkit.stores.unknown_voices import number_of, record
from pgvoice_testkit.stores.voices import PEOPLE
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pgvoice.store import (
    ActNotUndoable,
    PruneSelection,
    UnknownVoiceNumber,
    VoiceAppearance,
    VoiceStore,
)

#: Everything that says which voices are one person's.
LINKS = ("unknown_voice", "unknown_voice_mean", "linked_voice")


def _count(store: VoiceStore, *tables: str) -> list[int]:
    with store.database.engine.connect() as connection:
        return [
            connection.scalar(text(f"SELECT count(*) FROM pgvoice.{table}")) for table in tables
        ]


def _audited(store: VoiceStore) -> tuple[str, str, dict[str, object]]:
    event = store.privacy.audit(limit=1)[0]
    return event.action, event.subject, event.details


def _let_pass(store: VoiceStore, days: int) -> None:
    """Date everything that counts for expiry so many days earlier."""
    dated = {
        "unknown_voice": "heard_at",
        "segment_embedding": "created_at",
        "setting": "linking_since",
    }
    for table, column in dated.items():
        run(
            store.database.engine,
            f"ALTER TABLE pgvoice.{table} DISABLE TRIGGER USER",
            f"UPDATE pgvoice.{table} SET {column} = {column} - interval '{days} days'",
            f"ALTER TABLE pgvoice.{table} ENABLE TRIGGER USER",
        )


def _sound(store: VoiceStore) -> bool:
    return not [check for check in store.upkeep.verify() if check.problems]


# Linking is off until it is enabled


@pytest.mark.parametrize(
    "row",
    [
        "unknown_voice DEFAULT VALUES",
        "linked_voice (video_id, label, encoder_id, unknown_voice_id, impostor_mean, level)"
        " VALUES (1, 'SPEAKER_00', 1, 1, 0, 0)",
        "unknown_voice_mean (unknown_voice_id, encoder_id, dimension, embedding, length,"
        " impostor_mean, level, voices) SELECT 1, encoder_id, dimension, embedding, 1, 0, 0, 1"
        " FROM pgvoice.voice LIMIT 1",
    ],
)
def test_no_statement_links_before_that(store: VoiceStore, row: str) -> None:
    record(store, "monday", PEOPLE[:2], seed=0)
    record(store, "tuesday", PEOPLE[:2], seed=1)
    store.thresholds.refresh()
    assert _count(store, "voice", *LINKS) == [4, 0, 0, 0]
    run(
        store.database.engine,
        "ALTER TABLE pgvoice.unknown_voice DISABLE TRIGGER USER",
        "INSERT INTO pgvoice.unknown_voice DEFAULT VALUES",
        "ALTER TABLE pgvoice.unknown_voice ENABLE TRIGGER USER",
    )
    with pytest.raises(DBAPIError, match="not linked in this store"):
        run(store.database.engine, f"INSERT INTO pgvoice.{row}")
    assert _count(store, *LINKS) == [1, 0, 0]


def test_disabling_deletes_them_whoever_does_it(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    library.voices.dismiss(number_of(library, PEOPLE[4]), "tv")
    library.voices.different(number, "friday")
    unknown, *_ = _count(library, "unknown_voice")
    assert all(_count(library, *LINKS, "verdict"))
    run(library.database.engine, "UPDATE pgvoice.setting SET linking = false")
    assert _count(library, *LINKS, "verdict") == [0, 0, 0, 0]
    assert _audited(library) == (
        "link voices",
        "the store",
        {"enabled": False, "rate": 0.01, "days": 365, "deleted": unknown},
    )
    with pytest.raises(ActNotUndoable, match="linking was disabled"):
        library.acts.undo(library.acts.list()[0].number)
    assert _sound(library)
    library.voices.enable(days=30, rate=0.02)
    assert _audited(library)[2] == {"enabled": True, "rate": 0.02, "days": 30}
    assert number < min(each.number for each in library.voices.unknown()), "no number again"


# Expiry


def test_voices_that_are_not_heard_any_more_expire(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    said = library.voices.different(number_of(library, PEOPLE[2]), "tuesday").number
    _let_pass(library, 300)
    record(library, "sunday", PEOPLE[:1], seed=9)
    library.thresholds.refresh()
    assert library.privacy.delete_expired(dry_run=True).unknown_voices == 0
    _let_pass(library, 100)
    planned = library.privacy.delete_expired(dry_run=True)
    assert library.privacy.delete_expired().unknown_voices == planned.unknown_voices > 2
    assert [each.number for each in library.voices.unknown()] == [number]
    assert {each.video for each in library.voices.show(number)} == {
        *("monday", "tuesday", "friday", "sunday")
    }
    assert _count(library, "unknown_voice_mean", "verdict") == [1, 0]
    assert _audited(library)[:2] == ("expire", "unknown voices")
    with pytest.raises(UnknownVoiceNumber, match="expired"):
        library.voices.show(said)
    assert _sound(library)


def test_what_expired_is_linked_again_only_if_it_is_filled_again(library: VoiceStore) -> None:
    _let_pass(library, 366)
    record(library, "sunday", PEOPLE[:1], seed=9)
    library.voices.link()
    assert [heard_in.video for heard_in in _all(library)] == ["sunday"]
    library.recordings.prune(PruneSelection(video="monday"))
    record(library, "monday", PEOPLE[:2], seed=0)
    library.thresholds.refresh()
    assert {heard_in.video for heard_in in _all(library)} == {"sunday", "monday"}


def _all(store: VoiceStore) -> list[VoiceAppearance]:
    return [one for each in store.voices.unknown() for one in store.voices.show(each.number)]


# Erasure


def test_they_go_with_their_recordings(library: VoiceStore) -> None:
    number, other = number_of(library, PEOPLE[0]), number_of(library, PEOPLE[4])
    library.voices.different(number, "friday")
    planned = library.privacy.erase_video("friday", dry_run=True)
    done = library.privacy.erase_video("friday")
    assert done.rows == planned.rows
    assert done.count("links with unknown voices") == 2
    assert done.count("words about who speaks") == 1
    assert {each.video for each in library.voices.show(number)} == {"monday", "tuesday"}
    with pytest.raises(UnknownVoiceNumber):
        library.voices.show(other)
    assert _sound(library)


def test_no_mean_keeps_what_was_erased(library: VoiceStore) -> None:
    """Erasing somebody's speech takes their vectors out of the means of unknown voices."""
    number = number_of(library, PEOPLE[2])
    turns = library.recordings.turns("thursday") or []
    spans = [(turn.start, turn.end) for turn in turns if turn.label == "SPEAKER_02"]
    library.people.enroll_segments("Ada", "thursday", spans, force=True)
    before = _count(library, "linked_voice")
    library.privacy.erase_speaker("Ada", with_segments=True)
    assert _count(library, "linked_voice") < before
    with pytest.raises(UnknownVoiceNumber):
        library.voices.show(number)
    assert _sound(library)


def test_a_voice_that_opted_out_is_not_linked(library: VoiceStore) -> None:
    number, other = number_of(library, PEOPLE[2]), number_of(library, PEOPLE[0])
    turns = library.recordings.turns("thursday") or []
    spans = [(turn.start, turn.end) for turn in turns if turn.label == "SPEAKER_02"]
    library.people.enroll_segments("Ada", "thursday", spans, force=True)
    library.privacy.erase_speaker("Ada", with_segments=False, opt_out_voice=True)
    for _ in range(2):
        with pytest.raises(UnknownVoiceNumber):
            library.voices.show(number)
        heard_in = {(each.video, each.label) for each in _all(library)}
        assert heard_in.isdisjoint({("tuesday", "SPEAKER_00"), ("thursday", "SPEAKER_02")})
        library.voices.link()
    assert len(library.voices.show(other)) == 3
    assert _sound(library)


# The audit trail


def test_the_trail_tells_what_was_said_about_them(library: VoiceStore) -> None:
    number, other = number_of(library, PEOPLE[0]), number_of(library, PEOPLE[4])
    library.voices.dismiss(other, "tv")
    library.voices.dismiss(number, "radio", dry_run=True)
    named = library.voices.name(number, "Ada", consent="form")
    library.acts.undo(named.act)
    told = [(each.action, each.subject, each.details) for each in library.privacy.audit()]
    dismissing = library.acts.list()[-1].number
    assert ("dismiss", f"voice {other}", {"why": "tv", "act": dismissing}) in told
    assert ("name", f"voice {number}", {"speaker": "Ada", "act": named.act}) in told
    undone = [(subject, details) for action, subject, details in told if action == "undo"]
    assert undone == [(f"voice {number}", {"kind": "name", "act": named.act})]
    assert not [details for *_, details in told if "radio" in details.values()]
