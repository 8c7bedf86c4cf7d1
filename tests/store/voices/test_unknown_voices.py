"""Which unknown voices there are, where they are heard, and who they may be."""

from __future__ import annotations

import pytest
from pgvoice_testkit.servers.databases import run
from pgvoice_testkit.stores.unknown_voices import RECORDINGS, enroll_near, heard, number_of
from pgvoice_testkit.stores.voices import PEOPLE
from sqlalchemy import text

from pgvoice.store import (
    LinkingDisabled,
    NoSuggestion,
    UnknownEncoder,
    UnknownVideo,
    UnknownVoiceNumber,
    VoiceStore,
)
from pgvoice.store.voices import linking

#: Seconds that somebody speaks in a recording.
EACH = 21.0


# What there is


def test_everybody_is_one_unknown_voice(unchanged: VoiceStore) -> None:
    found = unchanged.voices.unknown()
    people = {each.number: heard(unchanged, each.number) for each in found}
    assert sorted(map(sorted, people.values())) == [[person] for person in sorted(PEOPLE[:5])]


def test_those_with_the_most_speech_come_first(unchanged: VoiceStore) -> None:
    found = unchanged.voices.unknown()
    assert [each.seconds for each in found] == [3 * EACH, 2 * EACH, 2 * EACH, EACH, EACH]
    first = found[0]
    assert (first.voices, first.recordings, first.dismissed_as) == (3, 3, None)
    assert (first.nearest, first.similarity, first.suggested) == (None, None, False)
    assert first.last_video in RECORDINGS
    assert found == unchanged.voices.unknown(encoder="voices")


def test_they_come_in_pages(unchanged: VoiceStore) -> None:
    found = unchanged.voices.unknown()
    pages = [unchanged.voices.unknown(limit=2, skip=skip) for skip in (0, 2, 4, 6)]
    assert [voice for page in pages for voice in page] == found
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert unchanged.voices.unknown(encoder="voices", limit=1) == found[:1]


def test_it_says_where_a_voice_is_heard(unchanged: VoiceStore) -> None:
    found = unchanged.voices.show(number_of(unchanged, PEOPLE[0]))
    assert [(each.video, each.label, each.first_start) for each in found] == [
        ("friday", "SPEAKER_01", 24.0),
        ("monday", "SPEAKER_00", 0.0),
        ("tuesday", "SPEAKER_01", 24.0),
    ]
    for each in found:
        assert (each.segments, each.seconds, each.source) == (6, EACH, each.video)
        assert each.clip is not None
        assert 3 <= each.clip[1] - each.clip[0] <= 8
        assert each.similarity is not None
        assert 0.9 < each.similarity <= 1


def test_there_is_a_clip_of_each_recording_the_most_typical_first(unchanged: VoiceStore) -> None:
    number = number_of(unchanged, PEOPLE[0])
    similarity = {each.video: each.similarity or 0 for each in unchanged.voices.show(number)}
    clips = unchanged.voices.clips(number)
    assert [clip.video for clip in clips] == sorted(similarity, key=lambda it: -similarity[it])
    assert len(clips) == 3
    assert all(0 <= clip.start < clip.end and clip.source == clip.video for clip in clips)


def test_a_number_that_never_was_is_unknown(unchanged: VoiceStore) -> None:
    with pytest.raises(UnknownVoiceNumber, match=r"no unknown voice 99 in the store: `pgvoice voi"):
        unchanged.voices.show(99)
    with pytest.raises(UnknownEncoder):
        unchanged.voices.show(1, encoder="nobody's")


# Who it may be


def test_whoever_is_near_is_suggested(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    enroll_near(library, "Ada", PEOPLE[0], 0.42)
    enroll_near(library, "Bob", PEOPLE[7], 1)
    (found,) = library.voices.suggestions()
    assert (found.number, found.speaker, found.rival) == (number, "Ada", "Bob")
    assert found.similarity == pytest.approx(0.42, abs=0.05)
    assert found.rival_similarity is not None
    assert found.rival_similarity < 0.3
    assert (found.seconds, found.recordings) == (3 * EACH, 3)
    listed = {each.number: each for each in library.voices.unknown()}
    assert (listed[number].nearest, listed[number].suggested) == ("Ada", True)
    assert [each.number for each in listed.values() if each.suggested] == [number]


def test_somebody_enrolled_since_is_suggested_too(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[1])
    enroll_near(library, "Bob", PEOPLE[1], 1)
    with library.database.engine.connect() as connection:
        found = connection.execute(text("SELECT number, speaker FROM pgvoice.suggestions()")).all()
    left = [each.number for each in library.voices.unknown()]
    assert found == [(number, "Bob")] or number not in left


def test_whoever_is_far_is_not(library: VoiceStore) -> None:
    enroll_near(library, "Ada", PEOPLE[0], 0.2)
    assert library.voices.suggestions() == []
    assert library.voices.unknown()[0].nearest == "Ada"
    with pytest.raises(NoSuggestion, match=r"nobody is suggested for voice \d+: .*voices name"):
        library.voices.accept(number_of(library, PEOPLE[0]))


def test_a_rejected_suggestion_does_not_come_back(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    enroll_near(library, "Ada", PEOPLE[0], 0.42)
    assert library.voices.reject(number, dry_run=True).act is None
    assert [each.number for each in library.voices.suggestions()] == [number]
    done = library.voices.reject(number)
    assert (done.number, done.voices) == (number, 3)
    assert done.act is not None
    assert library.voices.suggestions() == []
    with pytest.raises(NoSuggestion):
        library.voices.reject(number)
    # Nobody else is enrolled.
    assert library.voices.unknown()[0].nearest is None
    assert heard(library, number) == {PEOPLE[0]}


def test_an_accepted_suggestion_is_a_name(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    enroll_near(library, "Ada", PEOPLE[0], 0.42)
    rehearsed = library.voices.accept(number, dry_run=True)
    done = library.voices.accept(number)
    assert (rehearsed.moves, rehearsed.voices) == (done.moves, done.voices)
    # Too unlike the profile to make one with it: only the word is stored.
    assert (done.speaker, done.voices, done.left_out, done.exemplars) == ("Ada", 3, 0, ())
    assert number not in [each.number for each in library.voices.unknown()]
    with pytest.raises(UnknownVoiceNumber, match=rf"voice {number} is 'Ada' now \(named on 2"):
        library.voices.show(number)


# Whether it happens


def test_it_is_off_until_it_is_enabled(store: VoiceStore) -> None:
    assert store.voices.settings() == linking.LinkingSettings(enabled=False, rate=0.01, days=365)
    with pytest.raises(LinkingDisabled, match="voices enable"):
        store.voices.link()
    assert (store.voices.unknown(), store.voices.suggestions()) == ([], [])


def test_enabling_links_what_is_stored(library: VoiceStore) -> None:
    assert library.voices.disable() == 5
    assert not library.voices.settings().enabled
    assert library.voices.unknown() == []
    assert library.voices.disable() == 0
    seen: list[tuple[int, int]] = []
    done = library.voices.enable(days=30, rate=0.02, progress=lambda *each: seen.append(each))
    assert done == linking.Linking(recordings=4, voices=9, unknown_voices=5)
    assert seen == [(4, 4)]
    assert library.voices.settings() == linking.LinkingSettings(enabled=True, rate=0.02, days=30)
    # Numbers are never used again.
    assert min(each.number for each in library.voices.unknown()) > 5
    assert library.voices.link(["monday"], encoder="voices").unknown_voices == 5
    with pytest.raises(UnknownVideo):
        library.voices.link(["sunday"])


@pytest.mark.parametrize(
    ("wrong", "said"), [({"rate": 0.5}, "rate of false links"), ({"days": 0}, "days")]
)
def test_settings_out_of_range_are_refused(
    library: VoiceStore, wrong: dict[str, float], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        library.voices.enable(**wrong)  # type: ignore[arg-type]
    assert library.voices.settings() == linking.LinkingSettings(enabled=True, rate=0.01, days=365)


def test_what_ended_says_what_it_is_now(library: VoiceStore) -> None:
    first, second = (number_of(library, person) for person in PEOPLE[1:3])
    library.voices.same(first, second)
    kept, gone = sorted((first, second))
    with pytest.raises(UnknownVoiceNumber, match=rf"voice {gone} is voice {kept} now \(merged on"):
        library.voices.show(gone)
    library.voices.name(kept, "Ada", consent="form", force=True)
    for number in (kept, gone):
        with pytest.raises(UnknownVoiceNumber, match=rf"voice {number} is 'Ada' now"):
            library.voices.dismiss(number, "tv")
    library.people.remove("Ada")
    with pytest.raises(UnknownVoiceNumber, match="the person was removed since"):
        library.voices.show(kept)


@pytest.mark.parametrize(
    ("ended", "said"), [("expired", "expired on 2026-01-02"), ("gone", "no recording has voice 3")]
)
def test_what_is_not_heard_any_more_says_so(library: VoiceStore, ended: str, said: str) -> None:
    run(
        library.database.engine,
        f"UPDATE pgvoice.unknown_voice SET ended_as = '{ended}', ended_at = '2026-01-02'"
        " WHERE id = 3",
    )
    with pytest.raises(UnknownVoiceNumber, match=said):
        library.voices.clips(3)
