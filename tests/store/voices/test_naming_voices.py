"""Naming unknown voices, and saying which are the same, or nobody's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pgvoice_testkit.servers.databases import plain, role, run
from pgvoice_testkit.stores.unknown_voices import RECORDINGS, enroll_near, heard, number_of, record
from pgvoice_testkit.stores.voices import PEOPLE, STRANGERS, write
from sqlalchemy import text

from pgvoice.store import (
    Change,
    ConsentMissing,
    IncoherentExemplars,
    OptedOut,
    SharedExemplars,
    SoundsLikeAnother,
    TooLittleSpeech,
    UnknownVideo,
    UnknownVoiceNumber,
    VoiceStore,
)
from pgvoice.store.privacy.consents import Consent

CONSENT = "form of 3 May"


def _sums(store: VoiceStore) -> dict[str, str]:
    return {each.table: each.checksum for each in store.upkeep.checksums()}


def _changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """The tables that differ, besides those that keep what was done."""
    differing = {table for table in before if before[table] != after[table]}
    return differing - {"act", "act_change", "audit_event", "audit_head", "audit_link"}


def _names(store: VoiceStore, video: str) -> set[str | None]:
    return {each.speaker for each in store.labels.current(video)}


def _words(store: VoiceStore) -> list[tuple[object, ...]]:
    with store.database.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT v.key, w.holds, s.name, w.unknown_voice_id FROM pgvoice.verdict AS w"
                " JOIN pgvoice.video AS v ON v.id = w.video_id"
                " LEFT JOIN pgvoice.speaker AS s ON s.id = w.speaker_id ORDER BY w.id"
            )
        )
        return [tuple(row) for row in rows]


def _act(store: VoiceStore, number: int | None) -> tuple[object, ...]:
    with store.database.engine.connect() as connection:
        row = connection.execute(
            text("SELECT kind, subject, details FROM pgvoice.act WHERE id = :id"), {"id": number}
        )
        return tuple(row.one())


# Naming


def test_a_name_is_known_everywhere(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    done = library.voices.name(number, "Ada", consent=CONSENT)
    assert (done.number, done.speaker, done.voices, done.left_out) == (number, "Ada", 3, 0)
    for video, people in RECORDINGS.items():
        if PEOPLE[0] in people:
            assert _names(library, video) == {"Ada", None}
        else:
            assert library.labels.current(video) == []
    changed = [move for move in done.moves if move.to_speaker == "Ada"]
    assert sum(move.video_count for move in changed) >= 3
    assert sum(move.segments for move in changed) >= 12
    assert _words(library) == [
        (video, True, "Ada", None) for video in ("friday", "monday", "tuesday")
    ]
    assert _act(library, done.act) == ("name", f"voice {number}", {"speaker": "Ada"})
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
    assert "Dan" in _names(library, "thursday")


def test_a_rehearsal_shows_the_same_and_changes_nothing(library: VoiceStore) -> None:
    number, before = number_of(library, PEOPLE[0]), _sums(library)
    rehearsed = library.voices.name(number, "Ada", consent=CONSENT, dry_run=True)
    assert rehearsed.act is None
    assert _sums(library) == before
    assert library.people.speakers() == []
    done = library.voices.name(number, "Ada", consent=CONSENT)
    assert (rehearsed.exemplars, rehearsed.moves) == (done.exemplars, done.moves)
    assert (rehearsed.voices, rehearsed.left_out) == (done.voices, done.left_out)


def test_what_is_labelled_elsewhere_gets_the_name_too(library: VoiceStore) -> None:
    # No turns, and so no voices.
    write(library, "sunday", (PEOPLE[5], PEOPLE[0]), seed=9, each=3)
    library.labels.label(["sunday"])
    assert _names(library, "sunday") == {None}
    library.voices.name(number_of(library, PEOPLE[0]), "Ada", consent=CONSENT)
    assert _names(library, "sunday") == {"Ada", None}


def test_who_is_not_the_unknown_voice_is_not_the_person(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    library.voices.different(number, "monday")
    library.labels.label()
    library.voices.name(number, "Ada", consent=CONSENT)
    assert _names(library, "friday") == {"Ada", None}
    assert _names(library, "monday") == {None}


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
    assert _names(library, "friday") == _names(library, "monday") == {"Ada", None}


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
    assert PEOPLE[0] not in _names(library, "friday")


def test_several_people_are_not_enrolled_as_one(library: VoiceStore) -> None:
    numbers = [number_of(library, person) for person in PEOPLE[1:3]]
    kept = library.voices.same(*numbers).number
    before = _sums(library)
    with pytest.raises(IncoherentExemplars, match=r"voices play \d+.*voices different .*--force"):
        library.voices.name(kept, "Ada", consent=CONSENT)
    assert _sums(library) == before
    # Who says that it is one person is obeyed.
    assert library.voices.name(kept, "Ada", consent=CONSENT, force=True).voices == 4


def test_a_voice_that_does_not_sound_like_the_person_is_refused(library: VoiceStore) -> None:
    library.voices.name(number_of(library, PEOPLE[0]), "Ada", consent=CONSENT)
    number, before = number_of(library, PEOPLE[1]), _sums(library)
    with pytest.raises(
        IncoherentExemplars,
        match=rf"voice {number} does not sound like 'Ada' \(similarity -?0\.\d+, and",
    ):
        library.voices.name(number, "Ada")
    assert _sums(library) == before
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
    number, before = number_of(library, PEOPLE[0]), _sums(library)
    library.privacy.require_consent()
    with pytest.raises(ConsentMissing, match="'Ada' has no valid consent"):
        library.voices.name(number, "Ada")
    with pytest.raises(ValueError, match="does not say who agreed"):
        library.voices.name(number, "Ada", consent=Consent(" "))
    assert library.people.speakers() == []
    assert _sums(library)["linked_voice"] == before["linked_voice"]
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


# Dismissing


def test_a_dismissed_voice_is_not_listed_but_goes_on_linking(library: VoiceStore) -> None:
    number, before = number_of(library, PEOPLE[0]), _sums(library)
    assert library.voices.dismiss(number, "tv", dry_run=True).act is None
    assert _sums(library) == before
    done = library.voices.dismiss(number, "tv")
    assert (done.number, done.voices, done.moves) == (number, 3, ())
    assert _act(library, done.act) == ("dismiss", f"voice {number}", {"why": "tv"})
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
    before = _sums(library)
    rehearsed = library.voices.same(second, first, dry_run=True)
    assert _sums(library) == before
    done = library.voices.same(second, first, second)
    assert (rehearsed.number, rehearsed.voices) == (done.number, done.voices) == (first, 4)
    assert heard(library, first) == {PEOPLE[1], PEOPLE[2]}
    assert _words(library) == [
        (video, True, None, first) for video in ("monday", "thursday", "thursday", "tuesday")
    ]
    assert _act(library, done.act)[:2] == ("same", f"voices {first}, {second}")
    # The word outlives what is computed.
    library.voices.link()
    assert heard(library, first) == {PEOPLE[1], PEOPLE[2]}


@pytest.mark.parametrize("numbers", [(), (1,), (1, 1)])
def test_one_voice_is_not_the_same_as_itself(library: VoiceStore, numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="only one unknown voice"):
        library.voices.same(*numbers)


def test_all_of_the_same_must_live(library: VoiceStore) -> None:
    before = _sums(library)
    with pytest.raises(UnknownVoiceNumber, match="no unknown voice 88"):
        library.voices.same(1, 2, 88)
    assert _sums(library) == before


def test_a_recording_is_taken_out(library: VoiceStore) -> None:
    number, before = number_of(library, PEOPLE[0]), _sums(library)
    rehearsed = library.voices.different(number, "tuesday", dry_run=True)
    assert (rehearsed.act, rehearsed.voices) == (None, 1)
    assert _sums(library) == before
    done = library.voices.different(number, "tuesday")
    assert (done.number, done.voices) == (number, 1)
    assert _words(library) == [
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


# Undoing


@pytest.mark.parametrize("kind", ["name", "dismiss", "same", "different", "accept", "reject"])
def test_each_is_one_act_that_can_be_undone(library: VoiceStore, kind: str) -> None:
    number, other = (number_of(library, person) for person in PEOPLE[:2])
    enroll_near(library, "Bob", PEOPLE[0], 0.42)
    before = _sums(library)
    acts: dict[str, Callable[[], Change]] = {
        "name": lambda: library.voices.name(other, "Ada", consent=CONSENT),
        "dismiss": lambda: library.voices.dismiss(number, "tv"),
        "same": lambda: library.voices.same(number, other),
        "different": lambda: library.voices.different(number, "monday"),
        "accept": lambda: library.voices.accept(number),
        "reject": lambda: library.voices.reject(number),
    }
    done = acts[kind]()
    assert {each.kind for each in library.acts.list()} == {"enroll", kind}
    assert _sums(library)["verdict"] != before["verdict"] or kind == "dismiss"
    library.acts.undo(done.act)
    assert _changed(before, _sums(library)) <= {"nearest", "compared_profile"}
    assert [each for each in library.upkeep.verify() if each.problems] == []


# Who may


def test_admins_may_do_it_all(library: VoiceStore) -> None:
    url = library.database.url
    number, other = (number_of(library, person) for person in PEOPLE[:2])
    with role(url, "admin_of_voices") as login:
        run(library.database.engine, "GRANT pgvoice_admin TO admin_of_voices")
        with VoiceStore.open(plain(login)) as store:
            store.voices.enable(days=9)
            named = store.voices.name(number, "Ada", consent=CONSENT)
            store.voices.dismiss(other, "tv")
            store.acts.undo()
            store.acts.undo(named.act)
            assert {each.number for each in store.voices.unknown()} >= {number, other}
            assert store.voices.same(number, other).voices == 5
            assert store.voices.different(min(number, other), "friday").voices == 1
            assert store.voices.disable() >= 5


def test_sql_is_enough(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    with library.database.engine.begin() as connection:
        row = connection.execute(
            text(
                "SELECT voices, left_out, jsonb_array_length(exemplars) FROM"
                " pgvoice.name_voice(:number, 'Ada', granted_by => 'Ada')"
            ),
            {"number": number},
        ).one()
    assert row == (3, 0, 5)
    assert _names(library, "friday") == {"Ada", None}


# Several encoders


@pytest.fixture
def twice(library: VoiceStore) -> VoiceStore:
    """The library with all vectors once more, of a second encoder."""
    run(
        library.database.engine,
        "INSERT INTO pgvoice.encoder (name, revision, preprocessing, dimension, sample_rate,"
        " default_threshold, threshold_source) SELECT 'second', revision, preprocessing, dimension,"
        " sample_rate, default_threshold, threshold_source FROM pgvoice.encoder",
        "INSERT INTO pgvoice.segment_embedding (video_id, start_ms, end_ms, encoder_id, dimension,"
        " embedding, status) SELECT video_id, start_ms, end_ms, (SELECT max(id) FROM"
        " pgvoice.encoder), dimension, embedding, status FROM pgvoice.segment_embedding",
    )
    library.voices.link()
    return library


def test_a_name_holds_for_every_encoder(twice: VoiceStore) -> None:
    number = number_of(twice, PEOPLE[0])
    assert len(twice.voices.show(number)) == 2 * len(twice.voices.show(number, encoder="second"))
    assert len(twice.voices.clips(number)) == 3
    done = twice.voices.name(number, "Ada", consent=CONSENT)
    assert (done.voices, len(done.exemplars)) == (3, 5)
    assert len(twice.people.exemplars("Ada")) == 10
    for encoder in ("voices", "second"):
        names = {label.speaker for label in twice.labels.current("friday", encoder=encoder)}
        assert names == {"Ada", None}
    named = [move for move in done.moves if move.to_speaker == "Ada"]
    assert sum(move.segments for move in named) <= 3 * 6


def test_whom_one_encoder_suggests_is_rejected_for_every_encoder(twice: VoiceStore) -> None:
    number = number_of(twice, PEOPLE[0])
    enroll_near(twice, "Ada", PEOPLE[0], 0.42)
    assert [each.number for each in twice.voices.suggestions()] == [number]
    twice.voices.reject(number)
    run(
        twice.database.engine,
        "INSERT INTO pgvoice.enrollment (speaker_id, encoder_id, dimension, embedding, start_ms,"
        " end_ms, audio_sha256, source) SELECT speaker_id, (SELECT max(id) FROM pgvoice.encoder),"
        " dimension, embedding, start_ms, end_ms, audio_sha256, source FROM pgvoice.enrollment",
        "SELECT pgvoice_internal.refresh_profile(s.id, e.id) FROM pgvoice.speaker AS s"
        " CROSS JOIN pgvoice.encoder AS e",
    )
    assert twice.voices.suggestions() == []
    assert twice.voices.unknown(encoder="second")[0].nearest is None
