"""Enrollment from files and from spans of a video."""

from __future__ import annotations

from pathlib import Path

import pytest
from counting_encoder import CountingEncoder
from sounds import silence, voice, write

from pgvoice.hooks import (
    AudioNotFound,
    NotEnrollable,
    Recording,
    enroll_recordings,
    enroll_video,
    fill,
)
from pgvoice.store import InvalidSegment, VoiceStore


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
    assert [answer.speaker for answer in store.identify("v")] == ["ann", "bob"]
    (exemplar,) = store.exemplars("bob")
    assert (exemplar.source, exemplar.start, exemplar.end) == (str(high), 0, 3.1)


def test_from_a_span_of_a_file(store: VoiceStore, talk: Path) -> None:
    enroll_recordings(store, CountingEncoder(), "bob", [Recording(talk, (6.02, 8.0))])
    (exemplar,) = store.exemplars("bob")
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
    assert store.speakers() == []


def test_what_cannot_be_heard(store: VoiceStore, talk: Path, tmp_path: Path) -> None:
    with pytest.raises(AudioNotFound):
        enroll_recordings(store, CountingEncoder(), "ann", [Recording(tmp_path / "gone.wav")])
    with pytest.raises(InvalidSegment):
        enroll_recordings(store, CountingEncoder(), "ann", [Recording(talk, (3, 1))])


def test_progress_counts_the_files(store: VoiceStore, talk: Path) -> None:
    told: list[tuple[int, int]] = []
    recordings = [Recording(talk, (0, 2)), Recording(talk, (2, 4))]
    enroll_recordings(
        store, CountingEncoder(), "ann", recordings, progress=lambda *step: told.append(step)
    )
    assert told == [(1, 2), (2, 2)]
