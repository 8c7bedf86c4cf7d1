"""Saying which unknown voices are the same, and which are nobody to name."""

from __future__ import annotations

import pytest
from pgvoice_testkit.stores.unknown_voices import (
    act_of,
    checksums,
    heard,
    number_of,
    record,
    words_of,
)
from pgvoice_testkit.stores.voices import PEOPLE

from pgvoice.store import (
    UnknownVideo,
    UnknownVoiceNumber,
    VoiceStore,
)

# Dismissing


def test_a_dismissed_voice_is_not_listed_but_goes_on_linking(library: VoiceStore) -> None:
    number, before = number_of(library, PEOPLE[0]), checksums(library)
    assert library.voices.dismiss(number, "tv", dry_run=True).act is None
    assert checksums(library) == before
    done = library.voices.dismiss(number, "tv")
    assert (done.number, done.voices, done.moves) == (number, 3, ())
    assert act_of(library, done.act) == ("dismiss", f"voice {number}", {"why": "tv"})
    assert number not in [each.number for each in library.voices.unknown()]
    record(library, "saturday", (PEOPLE[0], PEOPLE[5]), seed=9)
    library.voices.link(["saturday"])
    (found,) = library.voices.unknown(dismissed=True)
    assert (found.number, found.dismissed_as, found.voices) == (number, "tv", 4)
    library.voices.dismiss(number, "music")
    assert library.voices.unknown(dismissed=True)[0].dismissed_as == "music"
    with pytest.raises(ValueError, match="why"):
        library.voices.dismiss(number, " ")


# The same, and different


def test_the_older_one_is_left(library: VoiceStore) -> None:
    first, second = sorted(number_of(library, person) for person in PEOPLE[1:3])
    before = checksums(library)
    rehearsed = library.voices.same(second, first, dry_run=True)
    assert checksums(library) == before
    done = library.voices.same(second, first, second)
    assert (rehearsed.number, rehearsed.voices) == (done.number, done.voices) == (first, 4)
    assert heard(library, first) == {PEOPLE[1], PEOPLE[2]}
    assert words_of(library) == [
        (video, True, None, first) for video in ("monday", "thursday", "thursday", "tuesday")
    ]
    assert act_of(library, done.act)[:2] == ("same", f"voices {first}, {second}")
    # The word outlives what is computed.
    library.voices.link()
    assert heard(library, first) == {PEOPLE[1], PEOPLE[2]}


@pytest.mark.parametrize("numbers", [(), (1,), (1, 1)])
def test_one_voice_is_not_the_same_as_itself(library: VoiceStore, numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="only one unknown voice"):
        library.voices.same(*numbers)


def test_all_of_the_same_must_live(library: VoiceStore) -> None:
    before = checksums(library)
    with pytest.raises(UnknownVoiceNumber, match="no unknown voice 88"):
        library.voices.same(1, 2, 88)
    assert checksums(library) == before


def test_a_recording_is_taken_out(library: VoiceStore) -> None:
    number, before = number_of(library, PEOPLE[0]), checksums(library)
    rehearsed = library.voices.different(number, "tuesday", dry_run=True)
    assert (rehearsed.act, rehearsed.voices) == (None, 1)
    assert checksums(library) == before
    done = library.voices.different(number, "tuesday")
    assert (done.number, done.voices) == (number, 1)
    assert words_of(library) == [
        ("friday", True, None, number),
        ("monday", True, None, number),
        ("tuesday", False, None, number),
    ]
    for _ in range(2):
        assert {each.video for each in library.voices.show(number)} == {"friday", "monday"}
        (other,) = [
            each.number
            for each in library.voices.unknown()
            if each.number != number and PEOPLE[0] in heard(library, each.number)
        ]
        assert [each.video for each in library.voices.show(other)] == ["tuesday"]
        library.voices.link()
    # A newer word counts.
    assert library.voices.same(number, other).number == number
    assert len(library.voices.show(number)) == 3


def test_there_must_be_something_to_part(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[3])
    with pytest.raises(ValueError, match=rf"voice {number} is only heard in 'thursday'"):
        library.voices.different(number, "thursday")
    with pytest.raises(ValueError, match=rf"voice {number} is not heard in 'monday'"):
        library.voices.different(number, "monday")
    with pytest.raises(UnknownVideo):
        library.voices.different(number, "never")
