"""Enrollment from files and from spans of a video."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from pgvoice_testkit.audio.sounds import RATE, silence, voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.hooks import (
    AudioNotFound,
    NotEnrollable,
    Recording,
    enroll_recordings,
    enroll_video,
    fill,
)
from pgvoice.hooks.enroll.hearing import MAX_WINDOWS
from pgvoice.hooks.enroll.speech import Speech, frames, spread, windows
from pgvoice.store import (
    IncoherentExemplars,
    InvalidSegment,
    SegmentKey,
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
    assert (enrolled.added, encoder.calls) == (4, [4])
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
    with pytest.raises(
        IncoherentExemplars, match=r"both.wav 6 to 9 s.*others have a similarity of 0\.[567]"
    ):
        enroll_recordings(store, CountingEncoder(), "ann", [Recording(both)])
    assert store.people.speakers() == []


def test_a_span_nearly_without_speech(store: VoiceStore, tmp_path: Path) -> None:
    file = write(tmp_path / "ann.wav", voice(110, 4), 0.02 * voice(50, 4))
    recordings = [Recording(file, (0, 4)), Recording(file, (4.5, 7.5))]
    with pytest.raises(NotEnrollable, match=r"4.5 to 7.5 s, is nearly without speech"):
        enroll_recordings(store, CountingEncoder(), "ann", recordings)


@pytest.mark.parametrize(
    ("span", "starts"),
    [
        ((0, 700), [0]),
        ((200, 3200), [200]),
        ((0, 3700), [0]),
        ((0, 3750), [0, 750]),
        ((1000, 7000), [1000, 2500, 4000]),
        ((0, 7100), [0, 1500, 3000, 4100]),
    ],
)
def test_windows(span: tuple[int, int], starts: list[int]) -> None:
    found = windows(SegmentKey(*span))
    assert [window.start_ms for window in found] == starts
    assert all(window.duration_ms == min(3000, span[1] - span[0]) for window in found)


def test_many_windows_are_thinned_evenly() -> None:
    found = windows(SegmentKey(0, 3_600_000))
    thinned = spread(found, MAX_WINDOWS)
    assert (len(found), len(thinned)) == (2399, 200)
    assert (thinned[0], thinned[-1]) == (found[0], found[-1])
    gaps = {b.start_ms - a.start_ms for a, b in itertools.pairwise(thinned)}
    assert gaps <= {18_000, 19_500}
    assert spread(found[:3], MAX_WINDOWS) == found[:3]


def test_frames_are_levels_of_a_tenth_of_a_second() -> None:
    loud, quiet = np.full(RATE // 10, 0.5, np.float32), np.full(RATE // 10 + 7, 0.1, np.float32)
    assert frames(np.concatenate([loud, quiet]), RATE) == pytest.approx([0.5, 0.1])
    assert frames(loud[:50], RATE) == pytest.approx([0.5])


def test_speech_is_what_comes_near_the_loud_parts() -> None:
    talk = np.concatenate([voice(110, 3), 0.02 * voice(110, 2.2), silence(0.8), voice(110, 3)])
    keys = [SegmentKey(start, start + 3000) for start in (0, 1500, 3000, 6000)]
    cut = {key: talk[key.start_ms * 16 : key.end_ms * 16] for key in keys}
    speech = Speech({key: frames(waveform, RATE) for key, waveform in cut.items()})
    assert speech.shares == {keys[0]: 1, keys[1]: 0.5, keys[3]: 1}
    assert speech.milliseconds == 6000


def test_nothing_heard_is_no_speech() -> None:
    assert (Speech({}).shares, Speech({}).milliseconds) == ({}, 0)
