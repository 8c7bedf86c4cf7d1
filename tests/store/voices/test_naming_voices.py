"""Naming unknown voices."""

from __future__ import annotations

import pytest
from pgvoice_testkit.servers.databases import run
from pgvoice_testkit.stores.unknown_voices import (
    CONSENT,
    RECORDINGS,
    act_of,
    checksums,
    heard,
    names_in,
    number_of,
    record,
    words_of,
)
from pgvoice_testkit.stores.voices import PEOPLE, STRANGERS, write

from pgvoice.store import (
    ConsentMissing,
    IncoherentExemplars,
    OptedOut,
    SharedExemplars,
    SoundsLikeAnother,
    TooLittleSpeech,
    UnknownVoiceNumber,
    VoiceStore,
)
from pgvoice.store.privacy.consents import Consent


def test_a_name_is_known_everywhere(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    done = library.voices.name(number, "Ada", consent=CONSENT)
    assert (done.number, done.speaker, done.voices, done.left_out) == (number, "Ada", 3, 0)
    for video, people in RECORDINGS.items():
        if PEOPLE[0] in people:
            assert names_in(library, video) == {"Ada", None}
        else:
            assert library.labels.current(video) == []
    changed = [move for move in done.moves if move.to_speaker == "Ada"]
    assert sum(move.video_count for move in changed) >= 3
    assert sum(move.segments for move in changed) >= 12
    assert words_of(library) == [
        (video, True, "Ada", None) for video in ("friday", "monday", "tuesday")
    ]
    assert act_of(library, done.act) == ("name", f"voice {number}", {"speaker": "Ada"})
    assert {
        person for each in library.voices.unknown() for person in heard(library, each.number)
    } == {*PEOPLE[1:5]}
    (consent,) = library.privacy.consents()
    assert consent.consent.evidence == CONSENT


def test_the_exemplars_are_spread_over_recordings(library: VoiceStore) -> None:
    done = library.voices.name(number_of(library, PEOPLE[0]), "Ada", consent=CONSENT)
    assert 3 <= len(done.exemplars) <= 8
    assert {clip.video for clip in done.exemplars} == {"friday", "monday", "tuesday"}
    assert all(2 <= clip.end - clip.start <= 10 for clip in done.exemplars)
    stored = {(each.source, each.start) for each in library.people.exemplars("Ada")}
    assert stored == {(clip.video, clip.start) for clip in done.exemplars}
    (quality,) = library.people.quality("Ada")
    assert quality.outlying == 0
    assert quality.seconds >= 2


def test_a_voice_of_one_recording_can_be_named(library: VoiceStore) -> None:
    done = library.voices.name(number_of(library, PEOPLE[3]), "Dan", consent=CONSENT)
    assert {clip.video for clip in done.exemplars} == {"thursday"}
    assert done.voices == 1
    assert "Dan" in names_in(library, "thursday")


def test_a_rehearsal_shows_the_same_and_changes_nothing(library: VoiceStore) -> None:
    number, before = number_of(library, PEOPLE[0]), checksums(library)
    rehearsed = library.voices.name(number, "Ada", consent=CONSENT, dry_run=True)
    assert rehearsed.act is None
    assert checksums(library) == before
    assert library.people.speakers() == []
    done = library.voices.name(number, "Ada", consent=CONSENT)
    assert (rehearsed.exemplars, rehearsed.moves) == (done.exemplars, done.moves)
    assert (rehearsed.voices, rehearsed.left_out) == (done.voices, done.left_out)


def test_what_is_labelled_elsewhere_gets_the_name_too(library: VoiceStore) -> None:
    # No turns, and so no voices.
    write(library, "sunday", (PEOPLE[5], PEOPLE[0]), seed=9, each=3)
    library.labels.label(["sunday"])
    assert names_in(library, "sunday") == {None}
    library.voices.name(number_of(library, PEOPLE[0]), "Ada", consent=CONSENT)
    assert names_in(library, "sunday") == {"Ada", None}


def test_who_is_not_the_unknown_voice_is_not_the_person(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    library.voices.different(number, "monday")
    library.labels.label()
    library.voices.name(number, "Ada", consent=CONSENT)
    assert names_in(library, "friday") == {"Ada", None}
    assert names_in(library, "monday") == {None}


def test_somebody_who_is_enrolled_gets_more_exemplars(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    library.voices.different(number, "monday")
    monday = next(
        each.number
        for each in library.voices.unknown()
        if {place.video for place in library.voices.show(each.number)} == {"monday"}
        and heard(library, each.number) == {PEOPLE[0]}
    )
    first = library.voices.name(monday, "Ada", consent=CONSENT)
    done = library.voices.name(number, "Ada")
    assert done.exemplars
    assert len(library.people.exemplars("Ada")) == len(first.exemplars) + len(done.exemplars)
    assert names_in(library, "friday") == names_in(library, "monday") == {"Ada", None}


def test_voices_that_do_not_fit_stay_unknown(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    # Linked by mistake.
    run(
        library.database.engine,
        f"UPDATE pgvoice.linked_voice SET unknown_voice_id = {number}"
        f" WHERE unknown_voice_id = {number_of(library, PEOPLE[4])}",
    )
    done = library.voices.name(number, "Ada", consent=CONSENT)
    assert (done.voices, done.left_out) == (3, 1)
    assert number_of(library, PEOPLE[4]) != number
    assert PEOPLE[0] not in names_in(library, "friday")


def test_several_people_are_not_enrolled_as_one(library: VoiceStore) -> None:
    numbers = [number_of(library, person) for person in PEOPLE[1:3]]
    kept = library.voices.same(*numbers).number
    before = checksums(library)
    with pytest.raises(IncoherentExemplars, match=r"voices play \d+.*voices different .*--force"):
        library.voices.name(kept, "Ada", consent=CONSENT)
    assert checksums(library) == before
    # Who says that it is one person is obeyed.
    assert library.voices.name(kept, "Ada", consent=CONSENT, force=True).voices == 4


def test_a_voice_that_does_not_sound_like_the_person_is_refused(library: VoiceStore) -> None:
    library.voices.name(number_of(library, PEOPLE[0]), "Ada", consent=CONSENT)
    number, before = number_of(library, PEOPLE[1]), checksums(library)
    with pytest.raises(
        IncoherentExemplars,
        match=rf"voice {number} does not sound like 'Ada' \(similarity -?0\.\d+, and",
    ):
        library.voices.name(number, "Ada")
    assert checksums(library) == before
    assert library.voices.name(number, "Ada", force=True).voices == 2


def test_somebody_who_is_enrolled_under_another_name_is_refused(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    library.voices.different(number, "monday")
    library.voices.name(number, "Ada", consent=CONSENT)
    monday = number_of(library, PEOPLE[0])
    with pytest.raises(SoundsLikeAnother, match=rf"sounds like 'Ada'.*voices name {monday} 'Ada'"):
        library.voices.name(monday, "Bob", consent=CONSENT)
    assert [each.speaker for each in library.people.speakers()] == ["Ada"]
    assert library.voices.name(monday, "Bob", consent=CONSENT, force=True).speaker == "Bob"


def test_the_same_audio_is_not_enrolled_twice(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    clip = library.voices.clips(number)[0]
    library.people.enroll_segments("Ada", clip.video, [(clip.start, clip.end)], consent=CONSENT)
    if number in [each.number for each in library.voices.unknown()]:
        with pytest.raises((SharedExemplars, SoundsLikeAnother), match=r"'Ada'"):
            library.voices.name(number, "Bob", consent=CONSENT)


def test_too_little_speech_is_refused(library: VoiceStore) -> None:
    record(library, "sunday", (STRANGERS[0], PEOPLE[6]), seed=20, each=1)
    library.voices.link(["sunday"])
    number = next(each.number for each in library.voices.unknown() if each.last_video == "sunday")
    with pytest.raises(TooLittleSpeech, match=r"1.5 s; 2 s are needed. Wait .*--force"):
        library.voices.name(number, "Eve", consent=CONSENT)
    assert library.voices.name(number, "Eve", consent=CONSENT, force=True).voices == 1


def test_a_new_person_needs_a_consent(library: VoiceStore) -> None:
    number, before = number_of(library, PEOPLE[0]), checksums(library)
    library.privacy.require_consent()
    with pytest.raises(ConsentMissing, match="'Ada' has no valid consent"):
        library.voices.name(number, "Ada")
    with pytest.raises(ValueError, match="does not say who agreed"):
        library.voices.name(number, "Ada", consent=Consent(" "))
    assert library.people.speakers() == []
    assert checksums(library)["linked_voice"] == before["linked_voice"]
    assert library.voices.name(number, "Ada", consent=Consent("Ada", purpose="news")).voices == 3
    (stored,) = library.privacy.consents()
    assert (stored.consent.granted_by, stored.consent.purpose) == ("Ada", "news")


def test_whoever_opted_out_is_not_named(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[3])
    library.voices.name(number, "Dan", consent=CONSENT)
    library.privacy.erase_speaker("Dan", with_segments=False, opt_out=True)
    with pytest.raises(OptedOut):
        library.voices.name(number_of(library, PEOPLE[0]), "Dan", consent=CONSENT)


@pytest.mark.parametrize("name", ["", "  ", "\0"])
def test_a_name_has_to_be_one(library: VoiceStore, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        library.voices.name(1, name)


def test_what_was_named_is_no_unknown_voice(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    library.voices.name(number, "Ada", consent=CONSENT)
    with pytest.raises(UnknownVoiceNumber, match=rf"voice {number} is 'Ada' now"):
        library.voices.name(number, "Bob", consent=CONSENT)
    with pytest.raises(UnknownVoiceNumber, match="no unknown voice 77"):
        library.voices.name(77, "Bob", consent=CONSENT)
