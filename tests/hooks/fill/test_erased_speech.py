"""Fills compute nothing for speech that was erased, and say so."""

from __future__ import annotations

from pathlib import Path

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.hooks import fill
from pgvoice.hooks.ingest.engine import Here
from pgvoice.hooks.ingest.manifest import ManifestRow
from pgvoice.hooks.ingest.running import ingest
from pgvoice.store import VoiceStore

SPANS = [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0)]
#: The same speech, and more, by another diarizer.
SHIFTED = [(0.1, 2.1), (2.1, 3.9), (4.1, 6.0)]


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    return write(tmp_path / "talk.wav", voice(110, 3), voice(220, 3, seed=1))


def _vectors(store: VoiceStore) -> int:
    return sum(each.statuses.get("ok", 0) for each in store.recordings.statistics().holdings)


def test_the_speech_of_somebody_who_was_erased(store: VoiceStore, wav: Path) -> None:
    fill(store, CountingEncoder(), video="v", audio=wav, segments=SPANS)
    store.people.enroll_segments("ann", "v", [SPANS[0]])
    store.privacy.erase_speaker("ann", with_segments=True)
    left = _vectors(store)
    for video in ("v", "another key"):
        encoder = CountingEncoder()
        report = fill(store, encoder, video=video, audio=wav, segments=SHIFTED[:1])
        assert report.run.skipped == {"erased": 1}
        assert (report.run.hits, report.run.filled, encoder.calls) == (0, 0, [])
    assert _vectors(store) == left
    assert not [check for check in store.upkeep.verify() if check.problems]


def test_the_rest_of_a_recording_is_filled(store: VoiceStore, wav: Path) -> None:
    fill(store, CountingEncoder(), video="v", audio=wav, segments=SPANS[:1])
    store.people.enroll_segments("ann", "v", [SPANS[0]])
    store.privacy.erase_speaker("ann", with_segments=True)
    report = fill(store, CountingEncoder(), video="copy", audio=wav, segments=SHIFTED)
    assert (report.run.skipped, report.run.filled) == ({"erased": 1}, 2)
    again = fill(store, CountingEncoder(), video="copy", audio=wav, segments=SHIFTED)
    assert (again.run.skipped, again.run.hits, again.decoded) == ({"erased": 1}, 2, False)


def test_a_recording_that_was_erased(store: VoiceStore, wav: Path) -> None:
    fill(store, CountingEncoder(), video="v", audio=wav, segments=SPANS)
    store.privacy.erase_video("v")
    again = fill(store, CountingEncoder(), video="v", audio=wav, segments=SPANS)
    assert (again.run.skipped, again.decoded) == ({"erased": 3}, False)
    assert store.recordings.stored(["v"]) == {}
    copied = fill(store, CountingEncoder(), video="copy", audio=wav, segments=SPANS)
    assert copied.run.skipped == {"erased": 3}
    assert _vectors(store) == 0
    store.privacy.allow_video("v")
    assert fill(store, CountingEncoder(), video="v", audio=wav, segments=SPANS).run.filled == 3


def test_a_ingest_that_runs_again(store: VoiceStore, wav: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.wav", voice(150, 6))
    rows = [ManifestRow("v", str(wav), tuple(SPANS)), ManifestRow("w", str(other), tuple(SPANS))]
    ingest(Here(store, CountingEncoder), "library", rows)
    erased = store.privacy.erase_video("v")
    assert erased.count("records of ingests") == 1
    report = ingest(Here(store, CountingEncoder), "library", rows)
    assert (report.erased, report.complete, report.filled, report.failed) == (1, 1, 0, [])
    assert report.videos == 2
    (status,) = store.ingests.status()
    assert (status.videos, status.done, status.failed) == (1, 1, 0)
    assert _vectors(store) == 3


def test_a_ingest_of_recordings_with_erased_speech(store: VoiceStore, wav: Path) -> None:
    fill(store, CountingEncoder(), video="v", audio=wav, segments=SPANS[:1])
    store.people.enroll_segments("ann", "v", [SPANS[0]])
    store.privacy.erase_speaker("ann", with_segments=True)
    row = ManifestRow("v", str(wav), tuple(SHIFTED))
    report = ingest(Here(store, CountingEncoder), "library", [row])
    assert (report.filled, report.vectors, report.failed) == (1, 2, [])
    again = ingest(Here(store, CountingEncoder), "library", [row])
    assert (again.complete, again.filled, again.failed) == (1, 0, [])
