"""Unknown voices with several encoders: the default one links, and the others follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from pgvoice_testkit.servers.databases import run
from pgvoice_testkit.stores.second_encoder import OTHERS, fill_again
from pgvoice_testkit.stores.unknown_voices import (
    CONSENT,
    RECORDINGS,
    changed_tables,
    checksums,
    number_of,
    record,
)
from pgvoice_testkit.stores.voices import PEOPLE
from sqlalchemy import text

from pgvoice.store import Change, Turn, VoiceStore

#: Who speaks in one more recording: somebody who was heard before, and somebody who was not.
SUNDAY = (PEOPLE[1], PEOPLE[5])
WITH_SUNDAY = {**RECORDINGS, "sunday": SUNDAY}
LINKS = text(
    "SELECT l.unknown_voice_id, v.key, l.label FROM pgvoice.linked_voice AS l"
    " JOIN pgvoice.video AS v ON v.id = l.video_id"
    " JOIN pgvoice.encoder AS e ON e.id = l.encoder_id WHERE e.name = :encoder"
)
ACTS: Mapping[str, Callable[[VoiceStore, int, int], Change]] = {
    "name": lambda store, one, _: store.voices.name(one, "Ada", consent=CONSENT),
    "dismiss": lambda store, one, _: store.voices.dismiss(one, "tv"),
    "same": lambda store, one, other: store.voices.same(one, other),
    "different": lambda store, one, _: store.voices.different(one, "monday"),
}
Links = set[tuple[int, str, str]]


def _links(store: VoiceStore, encoder: str) -> Links:
    with store.database.engine.connect() as connection:
        rows = connection.execute(LINKS, {"encoder": encoder})
        return {(number, video, label) for number, video, label in rows}


def _both(store: VoiceStore) -> Links:
    """The links of both encoders, which are the same."""
    assert _links(store, "others") == _links(store, "voices")
    return _links(store, "voices")


def _numbers(store: VoiceStore, person: str) -> int:
    return next(
        number
        for number, video, label in _links(store, "voices")
        if video in RECORDINGS and RECORDINGS[video][int(label[-2:])] == person
    )


def _sound(store: VoiceStore) -> bool:
    return not [check for check in store.upkeep.verify() if check.problems]


# What is linked


def test_what_another_encoder_fills_has_the_numbers_of_the_default_one(twice: VoiceStore) -> None:
    assert len(_both(twice)) == 9
    own, other = (twice.voices.unknown(encoder=name) for name in ("voices", "others"))
    assert [(each.number, each.heard_at) for each in own] == [
        (each.number, each.heard_at) for each in other
    ]
    assert _sound(twice)


@pytest.mark.parametrize("first", ["voices", "others"])
def test_later_recordings_are_linked_by_whichever_answers(twice: VoiceStore, first: str) -> None:
    twice.encoders.make_default(first)
    before, number = _both(twice), _numbers(twice, PEOPLE[1])
    record(twice, "sunday", SUNDAY, seed=9)
    if first == "others":
        assert _links(twice, "voices") == before
    fill_again(twice, twice.encoders.find("others").identity, WITH_SUNDAY, ["sunday"])
    assert _both(twice) > before | {(number, "sunday", "SPEAKER_00")}
    assert len(_both(twice)) == 11
    assert _sound(twice)


def test_too_little_speech_is_not_linked_and_nothing_else_changes(once: VoiceStore) -> None:
    skipped = ("monday", "SPEAKER_00")
    members = _links(once, "voices")
    fill_again(once, OTHERS[1], RECORDINGS, skipped=[skipped])
    assert {each for each in members if each[1:] != skipped} == _links(once, "others")
    once.encoders.make_default("others")
    number = _numbers(once, PEOPLE[1])
    once.voices.different(number, "thursday")
    assert {each for each in _links(once, "voices") if each[1:] == skipped} == {
        each for each in members if each[1:] == skipped
    }
    assert _sound(once)


def test_grouped_voices_follow_by_their_speech(once: VoiceStore) -> None:
    """The other encoder hears only the second person, under the label of the first."""
    record(once, "sunday", SUNDAY, seed=9)
    skipped = [("sunday", "SPEAKER_00")]
    fill_again(once, OTHERS[1], WITH_SUNDAY, skipped=skipped)
    spoken = once.recordings.turns("sunday") or []
    once.recordings.store_turns("sunday", [Turn(each.start, each.end) for each in spoken])
    for encoder in ("voices", "others"):
        once.thresholds.refresh(encoder=encoder)
    own, other = (
        {label: number for number, video, label in _links(once, name) if video == "sunday"}
        for name in ("voices", "others")
    )
    assert own["?1"] == _numbers(once, PEOPLE[1]) != own["?2"]
    assert other == {"?1": own["?2"]}
    assert _sound(once)


def test_words_end_links_in_recordings_that_the_default_encoder_lacks(twice: VoiceStore) -> None:
    number = _numbers(twice, PEOPLE[0])
    run(
        twice.database.engine,
        "DELETE FROM pgvoice.segment_embedding AS s USING pgvoice.video AS v"
        " WHERE v.id = s.video_id AND v.key = 'monday' AND s.encoder_id = 1",
    )
    twice.thresholds.refresh()
    monday = (number, "monday", "SPEAKER_00")
    assert monday in _links(twice, "others") - _links(twice, "voices")
    twice.labels.pin_label("monday", "SPEAKER_00", "Ada", new=True)
    assert monday not in _links(twice, "others")
    assert _sound(twice)


# Acts


@pytest.mark.parametrize("answering", ["voices", "others"])
@pytest.mark.parametrize("kind", ACTS)
def test_both_follow_acts_and_their_undoing(twice: VoiceStore, kind: str, answering: str) -> None:
    twice.encoders.make_default(answering)
    before, everything = _both(twice), checksums(twice)
    done = ACTS[kind](twice, _numbers(twice, PEOPLE[0]), _numbers(twice, PEOPLE[1]))
    assert (_both(twice) == before) == (kind == "dismiss")
    twice.acts.undo(done.act)
    assert _both(twice) == before
    assert changed_tables(everything, checksums(twice)) <= {"nearest", "compared_profile"}
    assert _sound(twice)


@pytest.mark.parametrize("kind", ACTS)
def test_an_act_is_undone_for_an_encoder_that_answers_since(once: VoiceStore, kind: str) -> None:
    before = _links(once, "voices")
    done = ACTS[kind](once, number_of(once, PEOPLE[0]), number_of(once, PEOPLE[1]))
    fill_again(once, OTHERS[1], RECORDINGS)
    after = _both(once)
    once.encoders.make_default("others")
    assert _both(once) == after
    once.acts.undo(done.act)
    assert _both(once) == before
    assert _sound(once)


def test_unknown_voices_expire_with_both(twice: VoiceStore) -> None:
    number = _numbers(twice, PEOPLE[0])
    run(
        twice.database.engine,
        "UPDATE pgvoice.unknown_voice SET heard_at = heard_at - interval '400 days'"
        f" WHERE id = {number}",
    )
    twice.voices.link()
    assert number not in {each[0] for each in _both(twice)}
    assert _sound(twice)


def test_no_voice_is_left_once_linking_ends(twice: VoiceStore) -> None:
    twice.voices.disable()
    assert _both(twice) == set()
    assert _sound(twice)


def test_an_act_tells_what_changes_for_the_default_encoder(twice: VoiceStore) -> None:
    number = _numbers(twice, PEOPLE[0])
    alone = twice.voices.name(number, "Ada", consent=CONSENT, dry_run=True)
    twice.labels.label(encoder="others")
    both = twice.voices.name(number, "Ada", consent=CONSENT, dry_run=True)
    assert both == alone
    assert {each.video_count for each in both.moves} == {3}


# Switching


def test_a_switch_there_and_back_changes_no_unknown_voice(twice: VoiceStore) -> None:
    """What links require was measured while recordings came, and is brought up to date."""
    before, members = checksums(twice), _both(twice)
    voices = twice.voices.unknown()
    for _ in range(2):
        twice.encoders.make_default("others")
        assert _both(twice) == members
        assert [each.number for each in twice.voices.unknown()] == [each.number for each in voices]
        twice.encoders.make_default("voices")
        assert twice.voices.unknown() == voices
    measured = {"encoder", "linked_voice", "unknown_voice_mean"}
    assert changed_tables(before, checksums(twice)) <= measured
    assert _sound(twice)


def test_links_made_while_an_encoder_did_not_follow_are_carried_over(twice: VoiceStore) -> None:
    members = _both(twice)
    run(
        twice.database.engine,
        "ALTER TABLE pgvoice.linked_voice DISABLE TRIGGER linked_voice_deleted_followed",
        "DELETE FROM pgvoice.linked_voice WHERE encoder_id = 2",
        "ALTER TABLE pgvoice.linked_voice ENABLE TRIGGER linked_voice_deleted_followed",
    )
    (bad,) = (check for check in twice.upkeep.verify() if check.problems)
    assert (bad.what, bad.problems) == ("unknown voices: the same with every encoder", 9)
    twice.encoders.make_default("others")
    assert _both(twice) == members
    assert _sound(twice)
