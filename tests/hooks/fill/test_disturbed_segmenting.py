"""Fills from audio alone, and what goes wrong meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pgvoice_testkit.audio.conversations import write_turns
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.encoders.disturbing_encoder import DisturbedEncoder
from pgvoice_testkit.segmenters.counting_segmenter import (
    CountingSegmenter,
)
from pgvoice_testkit.stores.exact_rows import Bits
from pgvoice_testkit.stores.segmented import FOUND_BY, SECONDS, TURNS, rows, segment
from sqlalchemy import create_engine, text

from pgvoice.hooks import (
    AudioTruncated,
    EncoderUnavailable,
    SegmenterAudio,
    SegmenterFailed,
    SegmenterUnavailable,
    fill,
)
from pgvoice.hooks.fill import recovery
from pgvoice.hooks.results import FillReport
from pgvoice.hooks.turns import snap_turns
from pgvoice.store import AudioChanged, SegmentKey, Turn, VoiceStore
from pgvoice.store.errors import ConnectionLost, VideoErased
from pgvoice.store.recordings.turns import TurnSource


class Wrong(CountingSegmenter):
    def __init__(self, *wrong: Turn) -> None:
        super().__init__()
        self._wrong = wrong

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        yield from self._wrong


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        ([Turn(3, 2, "A")], "no span of time"),
        ([Turn(float("nan"), 2, "A")], "no span of time"),
        ([Turn(4, 6, "A"), Turn(2, 3, "A")], "at 2 s after one at 4 s"),
        ([Turn(4, 6)], "without a label"),
    ],
)
def test_what_is_no_turn_is_an_error_and_no_turn_is_stored(
    store: VoiceStore, talk: Path, turns: Sequence[Turn], message: str
) -> None:
    with pytest.raises(SegmenterFailed, match=message):
        segment(store, talk, segmenter=Wrong(*turns))
    assert store.recordings.turn_source("v") is None


def test_what_cannot_be_used_leaves_the_store_as_it_was(
    store: VoiceStore, talk: Path, tmp_path: Path
) -> None:
    class NoWeights(CountingSegmenter):
        def load(self) -> None:
            raise SegmenterUnavailable("no weights")

    class Away(CountingEncoder):
        def load(self) -> None:
            raise EncoderUnavailable("no weights")

    short = tmp_path / "short.wav"
    short.write_bytes(talk.read_bytes()[:-10_000])
    for options, error in (
        ({"segmenter": NoWeights()}, SegmenterUnavailable),
        ({"encoder": Away()}, EncoderUnavailable),
        ({"audio": short}, AudioTruncated),
    ):
        with pytest.raises(error):
            segment(store, **({"audio": talk} | options))
    assert (store.recordings.videos(), store.encoders.list()) == ([], [])


def test_stored_turns_stay_as_they_are_or_are_given(store: VoiceStore, talk: Path) -> None:
    with pytest.raises(ValueError, match="give segments"):
        segment(store, talk, on_turns="add")


def test_changed_audio(store: VoiceStore, talk: Path, tmp_path: Path) -> None:
    segment(store, talk)
    other = write_turns(tmp_path / "other.wav", TURNS[3:], SECONDS)
    segmenter = CountingSegmenter("other")
    with pytest.raises(AudioChanged):
        segment(store, other, segmenter=segmenter)
    assert segmenter.calls == 0, "it is noticed before anything is segmented"
    assert store.recordings.turn_source("v") == TurnSource(None, FOUND_BY)
    segment(store, other, segmenter=segmenter, on_audio_change="replace")
    assert store.recordings.turns("v") == TURNS[3:]


def test_stored_turns_of_audio_that_is_replaced_are_found_anew(
    store: VoiceStore, talk: Path, tmp_path: Path
) -> None:
    segment(store, talk)
    other = write_turns(tmp_path / "other.wav", TURNS[3:], SECONDS)
    encoder = CountingEncoder("other")
    with pytest.raises(AudioChanged):
        segment(store, other, encoder=encoder)
    report = segment(store, other, encoder=encoder, on_audio_change="replace")
    assert (store.recordings.turns("v"), report.segmenter) == (TURNS[3:], FOUND_BY)


def test_erased_speech_is_not_computed(store: VoiceStore, talk: Path) -> None:
    """Under no key; the rest of the recording is."""
    segment(store, talk, video="first", encoder=CountingEncoder(dimension=256))
    overlapped = store.recordings.overlaps("first")
    keys = [key for key in snap_turns(TURNS, 100).keys if key and key not in overlapped]
    store.people.enroll_segments("ann", "first", [max(keys, key=lambda key: key[1] - key[0])])
    store.privacy.erase_speaker("ann", with_segments=True)
    report = segment(store, talk, encoder=CountingEncoder(dimension=256))
    assert report.run.skipped["erased"] > 1
    assert report.run.filled > 1
    assert (report.run.hits, report.passes) == (0, 1)
    assert not [check for check in store.upkeep.verify() if check.problems]
    again = segment(store, "no such file", encoder=CountingEncoder(dimension=256))
    assert (again.run.skipped["erased"], again.decoded) == (report.run.skipped["erased"], False)


def test_an_erased_recording_is_not_opened(store: VoiceStore, talk: Path) -> None:
    segment(store, talk)
    store.privacy.erase_video("v")
    segmenter = CountingSegmenter()
    report = segment(store, "no such file", segmenter=segmenter)
    assert (report.run.skipped, report.decoded, segmenter.calls) == ({"erased": 1}, False, 0)
    assert store.recordings.stored(["v"]) == {}


def _end_connections(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    engine.dispose()


@pytest.mark.parametrize("at", [0, 15, 40])
def test_the_database_goes_away_in_the_middle(
    store: VoiceStore,
    talk: Path,
    given: dict[SegmentKey, Bits],
    at: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The segmenter waits meanwhile, and nothing is decoded again."""
    monkeypatch.setattr(recovery, "RETRY_SECONDS", (0.0,) * 5)
    url = store.database.url
    encoder = DisturbedEncoder(lambda: _end_connections(url), at)  # type: ignore[arg-type]
    segmenter = CountingSegmenter()
    report = segment(store, talk, encoder=encoder, segmenter=segmenter)
    assert rows(store, "v") == given
    assert (segmenter.calls, report.passes, report.run.hits) == (1, 1, 0)
    assert store.recordings.turns("v") == TURNS


@pytest.mark.parametrize("at", ["the first segment", "the end of the audio"])
def test_a_recording_that_is_erased_meanwhile_stays_erased(
    store: VoiceStore, store_url: str, talk: Path, at: str
) -> None:
    def erase() -> None:
        with VoiceStore.open(store_url) as other:
            other.privacy.erase_video("v")

    def at_end(done: int, whole: int) -> None:
        if done == whole:
            erase()

    first = at == "the first segment"
    encoder = DisturbedEncoder(erase, 0) if first else CountingEncoder()
    segmenter = CountingSegmenter(labels_are_people=False)
    on_segmenting = None if first else at_end
    with pytest.raises(VideoErased):
        segment(store, talk, encoder=encoder, segmenter=segmenter, on_segmenting=on_segmenting)
    assert store.recordings.stored(["v"]) == {}


def test_an_error_while_the_audio_is_decoded_does_not_end_the_turns_early(
    store: VoiceStore, talk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even one that is worth another attempt: that starts from the beginning."""
    monkeypatch.setattr(recovery, "RETRY_SECONDS", (0.0,))
    failures = [ConnectionLost("gone")]

    def fail_once(done: int, whole: int) -> None:
        if done > whole // 2 and failures:
            raise failures.pop()

    report = segment(store, talk, on_segmenting=fail_once)
    assert (store.recordings.turns("v"), report.passes) == (TURNS, 2)


def test_several_at_once_do_the_work_once(store_url: str, talk: Path) -> None:
    encoders = [CountingEncoder() for _ in range(3)]
    segmenters = [CountingSegmenter() for _ in encoders]
    start = threading.Barrier(len(encoders))

    def run(encoder: CountingEncoder, segmenter: CountingSegmenter) -> None:
        with VoiceStore.open(store_url) as store:
            start.wait()
            fill(store, encoder, video="v", audio=talk, segmenter=segmenter)

    threads = [
        threading.Thread(target=run, args=each) for each in zip(encoders, segmenters, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.calls for each in segmenters) == [0, 0, 1]
    assert sum(bool(each.calls) for each in encoders) == 1
    with VoiceStore.open(store_url) as store:
        assert store.recordings.turns("v") == TURNS


def test_plugins_are_told_once(
    store: VoiceStore, talk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = list[FillReport]()
    monkeypatch.setattr("pgvoice.hooks.plugins.calls.after_fill", told.append)
    report = segment(store, talk)
    assert told == [report]
