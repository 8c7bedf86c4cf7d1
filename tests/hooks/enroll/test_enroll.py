"""Enrollment from files and from spans of a video."""

from __future__ import annotations

from pathlib import Path

import pytest
from pgvoice_testkit.audio.sounds import silence, voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.hooks import (
    AudioNotFound,
    NotEnrollable,
    Recording,
    enroll_recordings,
    enroll_video,
    fill,
)
from pgvoice.store import (
    IncoherentExemplars,
    InvalidSegment,
    TooLittleSpeech,
    VoiceStore,
)


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return write(tmp_path / "talk.wav", voice(110, 5), voice(330, 5, seed=1), silence(2))


def test_from_files_then_named_in_a_video(store: VoiceStore, talk: Path, tmp_path: Path) -> None:
    encoder = CountingEncoder()
    low = [write(tmp_path / f"low{n}.wav", voice(110, 3, seed=n)) for n in (5, 6)]
    high = write(tmp_path / "high.wav", voice(330, 3.14, seed=7))
    enrolled = enroll_recordings(store, encoder, "ann", [Recording(path) for path in low])
    assert (enrolled.added, enrolled.exemplars) == (2, 2)
    enroll_recordings(store, encoder, "bob", [Recording(high)])
    fill(store, encoder, video="v", audio=talk, segments=[(0, 4), (6, 9)])
    assert [answer.speaker for answer in store.answers.identify("v")] == ["ann", "bob"]
    (exemplar,) = store.people.exemplars("bob")
    assert (exemplar.source, exemplar.start, exemplar.end) == (str(high), 0, 3)


def test_from_a_span_of_a_file(store: VoiceStore, talk: Path) -> None:
    enroll_recordings(store, CountingEncoder(), "bob", [Recording(talk, (6.02, 8.0))])
    (exemplar,) = store.people.exemplars("bob")
    assert (exemplar.start, exemplar.end) == (6.0, 8.0)


def test_from_a_video_fills_only_what_is_missing(store: VoiceStore, talk: Path) -> None:
    encoder = CountingEncoder()
    fill(store, encoder, video="v", audio=talk, segments=[(0, 2)])
    enrolled = enroll_video(store, encoder, "ann", "v", [(0, 2), (2, 4)], audio=talk)
    assert (enrolled.added, sum(encoder.calls)) == (2, 2)


def test_the_same_file_again_changes_nothing(store: VoiceStore, talk: Path) -> None:
    for _ in range(2):
        enrolled = enroll_recordings(store, CountingEncoder(), "ann", [Recording(talk, (0, 2))])
    assert (enrolled.added, enrolled.known, enrolled.exemplars) == (0, 1, 1)


@pytest.mark.parametrize(
    ("span", "status"), [((10, 12), "silent"), ((0, 0.2), "too_short"), ((30, 33), "out_of_range")]
)
def test_nobody_is_enrolled_without_speech(
    store: VoiceStore, talk: Path, span: tuple[float, float], status: str
) -> None:
    recordings = [Recording(talk, (0, 2)), Recording(talk, span)]
    with pytest.raises(NotEnrollable, match=f"is {status}"):
        enroll_recordings(store, CountingEncoder(), "ann", recordings)
    assert store.people.speakers() == []


def test_what_cannot_be_heard(store: VoiceStore, talk: Path, tmp_path: Path) -> None:
    with pytest.raises(AudioNotFound):
        enroll_recordings(store, CountingEncoder(), "ann", [Recording(tmp_path / "gone.wav")])
    with pytest.raises(InvalidSegment):
        enroll_recordings(store, CountingEncoder(), "ann", [Recording(talk, (3, 1))])


def test_progress_counts_the_files(store: VoiceStore, talk: Path) -> None:
    told: list[tuple[int, int]] = []
    other = write(talk.parent / "other.wav", voice(110, 2, seed=3))
    recordings = [Recording(talk, (0, 2)), Recording(other), Recording(talk, (2, 4))]
    enroll_recordings(
        store, CountingEncoder(), "ann", recordings, progress=lambda *step: told.append(step)
    )
    assert told == [(1, 2), (2, 2)]


def test_a_long_recording_is_heard_in_windows(store: VoiceStore, tmp_path: Path) -> None:
    file = write(tmp_path / "ann.wav", voice(110, 7.1))
    encoder = CountingEncoder(batch_samples=10**9)
    enrolled = enroll_recordings(store, encoder, "ann", [Recording(file)])
    # The middle, both ends, and the exemplars.
    assert (enrolled.added, encoder.calls) == (4, [1, 2, 4])
    spans = sorted((e.start, e.end, e.quality) for e in store.people.exemplars("ann"))
    assert spans == [(0, 3, 1), (1.5, 4.5, 1), (3, 6, 1), (4.1, 7.1, 1)]
    assert store.people.speakers()[0].seconds == 7.1


def test_windows_without_speech_are_left_out(store: VoiceStore, tmp_path: Path) -> None:
    hum = 0.02 * voice(50, 9)
    file = write(tmp_path / "ann.wav", voice(110, 4), hum, voice(110, 3.5, seed=2))
    enrolled = enroll_recordings(store, CountingEncoder(), "ann", [Recording(file)])
    found = sorted((e.start, e.quality) for e in store.people.exemplars("ann"))
    # 3 to 6 s has a third of speech; 4.5 to 12 s has less.
    assert [start for start, _ in found] == [0, 1.5, 3, 12, 13.5]
    assert found[1][1] == pytest.approx(2.5 / 3, abs=0.04)
    assert enrolled.exemplars == 5


def test_only_the_spans_are_heard(store: VoiceStore, talk: Path) -> None:
    enroll_recordings(store, CountingEncoder(), "bob", [Recording(talk, (5.5, 10))])
    assert {(e.start, e.end) for e in store.people.exemplars("bob")} == {(5.5, 8.5), (7, 10)}


def test_too_little_speech_is_refused_and_says_what_was_there(
    store: VoiceStore, tmp_path: Path
) -> None:
    encoder = CountingEncoder()
    short = write(tmp_path / "short.wav", voice(110, 1.2), silence(0.5))
    with pytest.raises(
        TooLittleSpeech, match=r"'ann': 1\.2 s in .*short.wav; 2 s are needed.*--min-speech"
    ):
        enroll_recordings(store, encoder, "ann", [Recording(short)])
    assert store.people.speakers() == []
    assert enroll_recordings(store, encoder, "ann", [Recording(short)], min_speech=1).added == 1
    more = write(tmp_path / "more.wav", voice(110, 1, seed=4))
    # What somebody is enrolled with counts.
    assert enroll_recordings(store, encoder, "ann", [Recording(more)]).exemplars == 2


def test_two_voices_in_one_file_are_refused(store: VoiceStore, tmp_path: Path) -> None:
    both = write(tmp_path / "both.wav", voice(110, 6), voice(900, 6))
    for spans, why in (
        ([None], r"both.wav, 0 to 12 s, does not sound like one person \(0 to 4.8 s sounds like"),
        ([(0, 6), (6, 8.9)], r"both.wav 6 to 8.9 s.*others have a similarity of 0\.[567]"),
    ):
        recordings = [Recording(both, span) for span in spans]
        with pytest.raises(IncoherentExemplars, match=why):
            enroll_recordings(store, CountingEncoder(), "ann", recordings)
        assert store.people.speakers() == []


def test_a_span_nearly_without_speech(store: VoiceStore, tmp_path: Path) -> None:
    file = write(tmp_path / "ann.wav", voice(110, 4), 0.02 * voice(50, 4))
    recordings = [Recording(file, (0, 4)), Recording(file, (4.5, 7.5))]
    with pytest.raises(NotEnrollable, match=r"4.5 to 7.5 s, is nearly without speech"):
        enroll_recordings(store, CountingEncoder(), "ann", recordings)
