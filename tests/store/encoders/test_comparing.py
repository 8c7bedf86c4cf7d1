"""Two encoders compared: labels that a switch would change, and what people confirmed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest
from pgvoice_testkit.servers.databases import plain, role, run
from pgvoice_testkit.stores.second_encoder import OTHERS, enroll_both, fill_again, spans_of
from pgvoice_testkit.stores.unknown_voices import RECORDINGS
from pgvoice_testkit.stores.voices import PEOPLE

from pgvoice.store import LabelMove, UnknownEncoder, VoiceStore
from pgvoice.store.encoders.comparing import Confirmed

#: Everybody says as much under a label: six segments of 1.5, 3 and 6 s, 21 s in all.
SPOKEN = 21.0
Segment = tuple[str, int, int]
Said = tuple[str | None, str | None]


def _say(
    store: VoiceStore, video: str, person: str, name: str | None, *, holds: bool = True
) -> None:
    label = f"SPEAKER_{RECORDINGS[video].index(person):02}"
    store.labels.pin_label(video, label, name, holds=holds, new=True)


def _label_both(store: VoiceStore) -> None:
    for encoder in ("voices", "others"):
        store.labels.label(encoder=encoder)


def _current(store: VoiceStore, encoder: str) -> dict[Segment, Said]:
    return {
        (video, each.start_ms, each.end_ms): (each.speaker, each.reason)
        for video in RECORDINGS
        for each in store.labels.current(video, encoder=encoder)
    }


def _compared(store: VoiceStore, videos: Iterable[str]) -> Counter[tuple[str | None, ...]]:
    """The moves by the labels of both encoders; whatever is not labelled is filled in `videos`."""
    old, new = _current(store, "voices"), _current(store, "others")
    moves = Counter[tuple[str | None, ...]]()
    for segment in old.keys() | new.keys():
        lacking = "not labelled" if segment[0] in videos else "missing"
        before, after = old.get(segment, (None, None)), new.get(segment, (None, lacking))
        if before != after:
            moves[*before, *after] += 1
    return moves


def _counted(moves: Iterable[LabelMove]) -> Counter[tuple[str | None, ...]]:
    return Counter(
        {
            (each.from_speaker, each.from_reason, each.to_speaker, each.to_reason): each.segments
            for each in moves
        }
    )


# Labels that change


def test_moves_are_the_differences_of_the_stored_labels(twice: VoiceStore) -> None:
    enroll_both(twice, "Ada", "monday", PEOPLE[0])
    enroll_both(twice, "Bea", "thursday", PEOPLE[1])
    _say(twice, "friday", PEOPLE[4], "Cyd")
    _label_both(twice)
    agreed = _counted(twice.encoders.changes("others", like="voices"))
    assert agreed == _compared(twice, RECORDINGS)
    # With the other encoder alone, so that most of her segments lose their name.
    twice.labels.label(encoder="others", speakers=["Bea"])
    moves = twice.encoders.changes("others", like="voices")
    assert _counted(moves) == _compared(twice, RECORDINGS) != agreed
    lost = [each for each in moves if each.from_speaker == "Ada"]
    assert {video for each in lost for video in each.videos} == {"monday", "tuesday", "friday"}
    assert sum(each.seconds for each in lost) >= 3 * SPOKEN - 3
    assert not [each for each in moves if "pinned" in (each.from_reason, each.to_reason)]


def test_what_is_not_labelled_moves_to_nobody(once: VoiceStore) -> None:
    fill_again(once, OTHERS[1], RECORDINGS, ["monday", "tuesday"])
    enroll_both(once, "Ada", "monday", PEOPLE[0])
    once.labels.label(encoder="voices")
    once.labels.label(["monday"], encoder="others")
    moves = once.encoders.changes("others", like="voices")
    assert _counted(moves) == _compared(once, {"monday", "tuesday"})
    assert {each.to_reason for each in moves if each.from_speaker == "Ada"} >= {
        "missing",
        "not labelled",
    }
    back = once.encoders.changes("voices", like="others")
    assert {each.from_reason for each in back if each.to_speaker == "Ada"} == {None}


def test_labels_are_compared_that_are_current(twice: VoiceStore) -> None:
    """Not those of turns that were replaced, nor of a person who was removed since."""
    enroll_both(twice, "Ada", "monday", PEOPLE[0])
    _label_both(twice)
    twice.recordings.store_turns("tuesday", (twice.recordings.turns("tuesday") or [])[:2])
    twice.people.remove("Ada")
    moves = twice.encoders.changes("others", like="voices")
    assert _counted(moves) == _compared(twice, RECORDINGS)


# What people confirmed


def test_named_speech_is_right_wrong_or_unnamed(twice: VoiceStore) -> None:
    enroll_both(twice, "Ada", "monday", PEOPLE[0])
    enroll_both(twice, "Bea", "monday", PEOPLE[1])
    assert twice.encoders.confirmed("others") == Confirmed(0, 0, 0, 0, 0, 0, 0)
    _say(twice, "tuesday", PEOPLE[0], "Ada")
    _say(twice, "thursday", PEOPLE[1], "Ada")
    _say(twice, "friday", PEOPLE[4], "Bea")
    for encoder in ("voices", "others"):
        found = twice.encoders.confirmed(encoder)
        assert (found.segments, found.seconds) == (18, 3 * SPOKEN)
        assert found.right + found.wrong + found.unnamed == pytest.approx(3 * SPOKEN)
        assert found.right >= SPOKEN - 3
        assert found.wrong >= SPOKEN - 3
        assert found.unnamed >= SPOKEN
        assert (found.denied, found.denied_named) == (0, 0)


def test_exemplars_are_no_evidence_of_themselves(twice: VoiceStore) -> None:
    """Her profile is of two voices, so that each is near to it only because it is in it."""
    own, other = spans_of(twice, "monday", PEOPLE[0])[2], spans_of(twice, "thursday", PEOPLE[1])[2]
    for video, span in (("monday", own), ("thursday", other)):
        twice.people.enroll_segments("Ada", video, [span], encoder="voices", force=True)
    twice.encoders.carry("others", like="voices")
    for encoder in ("voices", "others"):
        assert twice.answers.identify("monday", [own], encoder=encoder)[0].speaker == "Ada"
    twice.labels.pin("monday", own, "Ada")
    for encoder in ("voices", "others"):
        assert twice.encoders.confirmed(encoder) == Confirmed(1, 6, 0, 0, 6, 0, 0)


def test_denied_speech_gets_the_name_all_the_same(twice: VoiceStore) -> None:
    enroll_both(twice, "Ada", "monday", PEOPLE[0])
    enroll_both(twice, "Bea", "monday", PEOPLE[1])
    _say(twice, "tuesday", PEOPLE[0], "Ada", holds=False)
    _say(twice, "friday", PEOPLE[0], "Bea", holds=False)
    _say(twice, "thursday", PEOPLE[1], None)
    _say(twice, "thursday", PEOPLE[3], None)
    for encoder in ("voices", "others"):
        found = twice.encoders.confirmed(encoder)
        assert (found.segments, found.seconds, found.denied) == (0, 0, 4 * SPOKEN)
        assert 2 * (SPOKEN - 3) <= found.denied_named <= 2 * SPOKEN


def test_people_are_judged_who_are_enrolled_from_other_speech(twice: VoiceStore) -> None:
    enroll_both(twice, "Ada", "monday", PEOPLE[0], most=1)
    _say(twice, "monday", PEOPLE[0], "Ada")
    _say(twice, "friday", PEOPLE[4], "by name alone")
    for encoder in ("voices", "others"):
        found = twice.encoders.confirmed(encoder)
        assert (found.segments, found.seconds) == (5, SPOKEN - 1.5)


def test_recordings_that_are_not_filled_do_not_count(once: VoiceStore) -> None:
    fill_again(once, OTHERS[1], RECORDINGS, ["monday"])
    enroll_both(once, "Ada", "monday", PEOPLE[0])
    _say(once, "tuesday", PEOPLE[0], "Ada")
    assert once.encoders.confirmed("voices").seconds == SPOKEN
    assert once.encoders.confirmed("others").seconds == 0


def test_a_profile_that_an_encoder_lacks_is_a_loss(once: VoiceStore) -> None:
    spans = spans_of(once, "monday", PEOPLE[0])
    once.people.enroll_segments("Ada", "monday", spans, encoder="voices", force=True)
    fill_again(once, OTHERS[1], RECORDINGS)
    _say(once, "tuesday", PEOPLE[0], "Ada")
    assert once.encoders.confirmed("others").unnamed == SPOKEN
    assert once.encoders.confirmed("voices").unnamed < SPOKEN


def test_readers_may_ask_for_both(twice: VoiceStore) -> None:
    enroll_both(twice, "Ada", "monday", PEOPLE[0])
    _say(twice, "tuesday", PEOPLE[0], "Ada")
    _label_both(twice)
    expected = twice.encoders.changes("others"), twice.encoders.confirmed("others")
    with role(twice.database.url, "reader_of_both") as login:
        run(twice.database.engine, "GRANT pgvoice_reader TO reader_of_both")
        with VoiceStore.open(plain(login)) as store:
            asked = store.encoders.changes("others"), store.encoders.confirmed("others")
            assert asked == expected
            with pytest.raises(UnknownEncoder):
                store.encoders.confirmed("nobody")
