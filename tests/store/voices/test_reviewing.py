"""The queue of unknown voices to decide next, and what helps to decide about one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pgvoice_testkit.servers.databases import run
from pgvoice_testkit.stores.filled import OTHER_ENCODER, X, put
from pgvoice_testkit.stores.unknown_voices import CONSENT, RECORDINGS, enroll_near, number_of
from pgvoice_testkit.stores.voices import PEOPLE
from sqlalchemy import text

from pgvoice.store import Turn, UnknownEncoder, UnknownVoiceNumber, VoiceStore
from pgvoice.store.voices.reviewing import QueuedVoice, QueueSize

#: Seconds that somebody speaks in a recording.
EACH = 21.0


def _rank(voice: QueuedVoice) -> float:
    return voice.speech_seconds * voice.uncertainty


def _numbers(voices: list[QueuedVoice]) -> list[int]:
    return [voice.number for voice in voices]


# Uncertainty


@pytest.mark.parametrize(
    ("similarity", "rival", "uncertainty"),
    [
        pytest.param(None, None, 1, id="nobody is enrolled"),
        pytest.param(0.39, None, 1, id="below the threshold of a suggestion"),
        pytest.param(0.4, None, 1, id="just at it"),
        pytest.param(0.45, None, 0.75, id="half way to a name"),
        pytest.param(0.5, None, 0.5, id="as near as a name"),
        pytest.param(0.9, 0.1, 0.5, id="nearer than a name"),
        pytest.param(0.5, 0.5, 1, id="a rival is as near"),
        pytest.param(0.5, 0.6, 1, id="a rival is nearer"),
        pytest.param(0.5, 0.45, 0.75, id="a rival is half as far away as the thresholds are"),
        pytest.param(0.45, 0.4, 0.875, id="both"),
    ],
)
def test_uncertainty_falls_with_the_similarity_and_the_lead(
    store: VoiceStore, similarity: float | None, rival: float | None, uncertainty: float
) -> None:
    with store.database.engine.connect() as connection:
        asked = {"similarity": similarity, "rival": rival}
        found = connection.scalar(
            text("SELECT pgvoice.uncertainty(:similarity, 0.4, 0.5, :rival)"), asked
        )
        same = connection.scalar(
            text("SELECT pgvoice.uncertainty(:similarity, 0.4, 0.4, :rival)"), asked
        )
    assert found == pytest.approx(uncertainty)
    assert 0.5 <= same <= 1


# The queue


def test_those_who_speak_longest_come_first_while_nobody_is_suggested(
    unchanged: VoiceStore,
) -> None:
    queue = unchanged.voices.queue()
    assert [voice.speech_seconds for voice in queue] == [3 * EACH, 2 * EACH, 2 * EACH, EACH, EACH]
    assert {(voice.uncertainty, voice.suggested, voice.rival) for voice in queue} == {
        (1, False, None)
    }
    listed = {voice.number: voice for voice in unchanged.voices.unknown()}
    for voice in queue:
        same = listed[voice.number]
        assert (voice.voices, voice.seconds, voice.last_video, voice.heard_at) == (
            *(same.voices, same.seconds, same.last_video, same.heard_at),
        )
    assert unchanged.voices.left() == QueueSize(5, 9 * EACH)


def test_what_is_nearly_sure_comes_later(library: VoiceStore) -> None:
    first, *_ = library.voices.queue()
    enroll_near(library, "Ada", PEOPLE[0], 0.42)
    enroll_near(library, "Bob", PEOPLE[7], 1)
    queue = library.voices.queue()
    (suggested,) = (voice for voice in queue if voice.suggested)
    assert (suggested.number, suggested.nearest, suggested.rival) == (first.number, "Ada", "Bob")
    assert suggested.rival_similarity is not None
    assert 0.5 <= suggested.uncertainty < 1
    assert queue == sorted(queue, key=lambda voice: (-_rank(voice), -voice.number))
    assert library.voices.card(first.number).voice == suggested


def test_the_first_of_the_queue_are_those_of_the_whole_queue(library: VoiceStore) -> None:
    for person, similarity in zip(PEOPLE[:4], (0.55, 0.5, 0.45, 0.4), strict=True):
        enroll_near(library, f"like {person}", person, similarity)
    whole = library.voices.queue(limit=None)
    assert any(voice.suggested for voice in whole)
    for limit in range(len(whole) + 2):
        assert library.voices.queue(limit=limit) == whole[:limit]
    assert library.voices.queue(encoder="voices") == whole


def test_what_was_answered_or_skipped_is_left_out(library: VoiceStore) -> None:
    first, second, third, *others = _numbers(library.voices.queue())
    library.voices.dismiss(first, "tv")
    library.voices.name(second, "Ada", consent=CONSENT, force=True)
    left = set(others) & set(_numbers(library.voices.queue()))
    assert _numbers(library.voices.queue(skip=[third])) == [n for n in others if n in left]
    assert library.voices.left(skip=[third]).voices == len(left)
    assert library.voices.card(first).voice.dismissed_as == "tv"
    with pytest.raises(UnknownVoiceNumber, match="is 'Ada' now"):
        library.voices.card(second)


def test_questions_out_of_range_are_refused(unchanged: VoiceStore) -> None:
    with pytest.raises(ValueError, match="max_rows"):
        unchanged.voices.queue(limit=-1)
    with pytest.raises(UnknownEncoder):
        unchanged.voices.queue(encoder="nobody's")
    with pytest.raises(UnknownVoiceNumber, match="no unknown voice 99"):
        unchanged.voices.card(99)


def test_all_speech_counts_overlapped_or_not(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[4])
    (before,) = (voice for voice in library.voices.queue() if voice.number == number)
    turns = library.recordings.turns("friday") or []
    (label,) = {place.label for place in library.voices.show(number)}
    last = max(turn.end for turn in turns)
    more = [Turn(last, last + 4, label), Turn(last, last + 4, "SPEAKER_01")]
    library.recordings.store_turns("friday", [*turns, *more])
    library.thresholds.refresh()
    (after,) = (voice for voice in library.voices.queue() if voice.number == number)
    assert (before.seconds, before.speech_seconds) == (EACH, EACH)
    assert (after.seconds, after.speech_seconds) == (EACH, EACH + 4)
    assert not any(check.problems for check in library.upkeep.verify())


# A card


def test_a_card_has_clips_people_and_other_voices(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    library.people.enroll_segments("Cleo", "monday", [(26, 29)], force=True)
    enroll_near(library, "Ada", PEOPLE[0], 0.42)
    card = library.voices.card(number)
    assert card.clips == tuple(library.voices.clips(number))
    assert {clip.video for clip in card.clips} == {"monday", "tuesday", "friday"}
    ada, cleo = card.people
    assert (ada.speaker, ada.suggested, ada.sample) == ("Ada", True, None)
    assert (ada.similarity, card.voice.nearest) == (card.voice.similarity, "Ada")
    assert (cleo.speaker, cleo.suggested) == ("Cleo", False)
    assert cleo.sample is not None
    assert (cleo.sample.video, cleo.sample.start, cleo.sample.end) == ("monday", 26, 29)
    others = [each.number for each in card.others]
    assert len(others) == 3
    assert number not in others
    assert list(card.others) == sorted(card.others, key=lambda each: -each.similarity)
    listed = {voice.number: voice for voice in library.voices.queue()}
    for other in card.others:
        voice = listed[other.number]
        assert (other.recordings, other.seconds, other.speech_seconds) == (
            *(voice.recordings, voice.seconds, voice.speech_seconds),
        )
    assert card.turns == ()


def test_an_encoder_that_has_not_heard_a_voice_has_no_card_of_it(library: VoiceStore) -> None:
    put(library, "another", {(0, 1): X}, OTHER_ENCODER)
    number = library.voices.queue(limit=1)[0].number
    alone = rf"voice {number} was heard with voices@\S+ alone, not with toy@sha256:fedcba987654"
    for ask in (library.voices.card, library.voices.show, library.voices.clips):
        with pytest.raises(UnknownVoiceNumber, match=alone):
            ask(number, encoder=OTHER_ENCODER)


def test_whom_a_person_denied_is_not_on_the_card(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    enroll_near(library, "Ada", PEOPLE[0], 0.42)
    library.voices.reject(number)
    assert library.voices.card(number).people == ()


def test_what_was_dismissed_is_no_other_voice(library: VoiceStore) -> None:
    number, *others = _numbers(library.voices.queue())
    library.voices.dismiss(others[0], "tv")
    assert {each.number for each in library.voices.card(number, limit=9).others} == set(others[1:])


def test_a_card_has_what_is_said_near_the_clip_and_the_longest_turns(library: VoiceStore) -> None:
    run(library.database.engine, "UPDATE pgvoice.setting SET keep_text = true")
    for video in RECORDINGS:
        turns = library.recordings.turns(video) or []
        library.recordings.store_turns(
            video, [replace(turn, text=f"{video} {turn.start}") for turn in turns]
        )
    library.thresholds.refresh()
    number = number_of(library, PEOPLE[0])
    card = library.voices.card(number, limit=2)
    (clip, *_), near = card.clips, [turn for turn in card.turns if turn.near_clip]
    assert {turn.video for turn in near} == {clip.video}
    assert all(turn.start < clip.end + 10 and turn.end > clip.start - 10 for turn in near)
    assert any(turn.is_voice and turn.start <= clip.start < turn.end for turn in near)
    assert all(turn.text == f"{turn.video} {turn.start}" for turn in card.turns)
    longest = card.turns[len(near) :]
    assert [(turn.is_voice, turn.end - turn.start) for turn in longest] == [(True, 6)] * 2


# Readers


def test_a_reader_gets_two_digits_and_what_follows_from_them(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    enroll_near(library, "Ada", PEOPLE[0], 0.42)
    enroll_near(library, "Bob", PEOPLE[7], 1)
    asked = (
        "SELECT similarity, rival_similarity FROM pgvoice.review_queue() WHERE suggested",
        f"SELECT similarity FROM pgvoice.voice_people({number})",
        f"SELECT similarity FROM pgvoice.similar_voices({number})",
        f"SELECT similarity FROM pgvoice.voice_clips({number})",
    )
    with library.database.engine.begin() as connection:
        exact = connection.scalar(text("SELECT uncertainty FROM pgvoice.review_queue() LIMIT 1"))
        connection.execute(text("SET LOCAL ROLE pgvoice_reader"))
        for question in asked:
            for row in connection.execute(text(question)):
                assert all(value == round(value, 2) for value in row)
        shown = connection.scalar(
            text("SELECT uncertainty FROM pgvoice.review_queue() WHERE suggested")
        )
    assert shown != exact
    assert 0.5 <= shown <= 1
