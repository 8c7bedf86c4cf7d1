"""Ends of spans that belong to somebody else are left out, and named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pgvoice_testkit.audio.sounds import silence, voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.hooks import Recording, enroll_recordings, enroll_video, fill
from pgvoice.hooks.enroll.ends import ForeignEnd, kept, parts
from pgvoice.store import (
    IncoherentExemplars,
    SegmentKey,
    TooLittleSpeech,
    Turn,
    VoiceStore,
)

LOW, HIGH = 110, 900


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A low voice to 8 s, a high one to 10 s, and silence."""
    return write(tmp_path / "talk.wav", voice(LOW, 8), voice(HIGH, 2), silence(0.4))


def _spans(store: VoiceStore, name: str) -> list[tuple[float, float]]:
    return sorted((exemplar.start, exemplar.end) for exemplar in store.people.exemplars(name))


def test_an_end_by_somebody_else_is_left_out_and_told(store: VoiceStore, talk: Path) -> None:
    enrolled = enroll_recordings(store, CountingEncoder(), "ann", [Recording(talk)])
    (left_out,) = enrolled.left_out
    assert left_out.given == SegmentKey(0, 10_400)
    # The silence says nothing; the border lies up to half a second beyond the voice.
    assert 7400 <= left_out.part.start_ms <= 8000
    assert (left_out.part.end_ms, left_out.sounds_like) == (10_400, None)
    assert str(left_out).endswith(
        f"talk.wav 0-10.4: left out {left_out.part.start_s:g}-10.4, it sounds like someone else"
    )
    assert max(end for _, end in _spans(store, "ann")) <= left_out.part.start_s


@pytest.mark.parametrize("pitches", [(HIGH, LOW, LOW), (HIGH, LOW, HIGH), (LOW, LOW, LOW)])
def test_heads_and_both_ends(store: VoiceStore, tmp_path: Path, pitches: tuple[int, ...]) -> None:
    head, middle, tail = pitches
    file = write(
        tmp_path / "talk.wav", voice(head, 1.5), voice(middle, 7, seed=1), voice(tail, 1.5, seed=2)
    )
    enrolled = enroll_recordings(store, CountingEncoder(), "ann", [Recording(file)])
    foreign = [pitch != LOW for pitch in (head, tail)]
    assert len(enrolled.left_out) == sum(foreign)
    first, last = min(_spans(store, "ann"))[0], max(end for _, end in _spans(store, "ann"))
    assert 1.5 <= first <= 2 if foreign[0] else first == 0
    assert 8 <= last <= 8.5 if foreign[1] else last == 10


def test_it_is_told_who_is_left_out(store: VoiceStore, talk: Path, tmp_path: Path) -> None:
    encoder = CountingEncoder()
    fill(store, encoder, video="talk", audio=talk, segments=[Turn(8, 10, "S1"), Turn(0, 8, "S0")])
    (by_label,) = enroll_recordings(store, encoder, "ann", [Recording(talk)]).left_out
    assert by_label.sounds_like == "S1 of 'talk'"
    bob = write(tmp_path / "bob.wav", voice(HIGH, 3, seed=5))
    enroll_recordings(store, encoder, "bob", [Recording(bob)])
    copy = write(tmp_path / "copy.wav", voice(LOW, 8, seed=3), voice(HIGH, 2, seed=4))
    (by_name,) = enroll_recordings(store, encoder, "ann", [Recording(copy)]).left_out
    assert by_name.sounds_like == "bob"


def test_a_span_may_end_after_the_audio(store: VoiceStore, talk: Path) -> None:
    recordings = [Recording(talk, (0, 11.2))]
    (left_out,) = enroll_recordings(store, CountingEncoder(), "ann", recordings).left_out
    assert 7400 <= left_out.part.start_ms <= 8000


def test_force_leaves_nothing_out(store: VoiceStore, talk: Path) -> None:
    encoder = CountingEncoder(batch_samples=10**9)
    enrolled = enroll_recordings(store, encoder, "ann", [Recording(talk)], force=True)
    assert (enrolled.left_out, enrolled.added, len(encoder.calls)) == ((), 6, 1)
    assert [event.action for event in store.privacy.audit()][:1] == ["skip checks"]


def test_what_is_left_must_be_enough(store: VoiceStore, tmp_path: Path) -> None:
    file = write(tmp_path / "short.wav", voice(LOW, 2.4), voice(HIGH, 0.8))
    with pytest.raises(TooLittleSpeech, match=r"2\.[0-9] s in .*left out 2\.[0-9]-3.2, it sounds"):
        enroll_recordings(store, CountingEncoder(), "ann", [Recording(file)], min_speech=2.5)
    assert store.people.speakers() == []


def test_a_middle_by_others_is_refused(store: VoiceStore, tmp_path: Path) -> None:
    file = write(tmp_path / "mixed.wav", voice(LOW, 4), voice(HIGH, 4), voice(LOW, 4, seed=2))
    with pytest.raises(IncoherentExemplars, match="one person"):
        enroll_recordings(store, CountingEncoder(), "ann", [Recording(file)])


@pytest.mark.parametrize("is_stored", [False, True])
def test_spans_of_a_video_are_cut_before_they_are_filled(
    store: VoiceStore, talk: Path, is_stored: bool
) -> None:
    encoder = CountingEncoder()
    if is_stored:
        fill(store, encoder, video="v", audio=talk, segments=[(0, 10)])
    (left_out,) = enroll_video(store, encoder, "ann", "v", [(0, 10)], audio=talk).left_out
    cut = left_out.part.start_s
    assert (7.5 <= cut <= 8, _spans(store, "ann")) == (True, [(0, cut)])
    fill(store, encoder, video="v", audio=talk, segments=[(0, 10)], on_turns="ignore")
    # Without the file, stored segments are taken as they are.
    again = enroll_video(store, encoder, "ann", "v", [(0, 10)], audio="gone.wav")
    assert (again.left_out, again.added) == ((), 1)


def test_short_spans_have_no_ends() -> None:
    found = parts([SegmentKey(0, 2900), SegmentKey(3000, 9000)])
    assert list(found) == [SegmentKey(3000, 9000)]
    (of,) = found.values()
    assert of.keys == [SegmentKey(3000, 5400), SegmentKey(4500, 7500), SegmentKey(6600, 9000)]


def test_an_end_of_a_long_span_is_limited() -> None:
    (of,) = parts([SegmentKey(0, 3_600_000)]).values()
    assert (of.head.duration_ms, of.tail.duration_ms, len(of.middle)) == (15_000, 15_000, 20)


@pytest.mark.parametrize(
    ("ends", "left"),
    [
        ([(0, 1234)], (1300, 6000)),
        ([(4777, 6000)], (0, 4700)),
        ([(0, 1000), (5000, 6000)], (1000, 5000)),
        ([(0, 2000), (4000, 6000)], None),
    ],
)
def test_what_is_kept(ends: list[tuple[int, int]], left: tuple[int, int] | None) -> None:
    nobody = np.zeros(16, np.float32)
    foreign = [ForeignEnd(SegmentKey(*end), nobody) for end in ends]
    assert kept(SegmentKey(0, 6000), foreign, 100) == left
