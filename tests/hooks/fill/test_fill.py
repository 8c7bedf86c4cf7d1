"""Fill computes what is missing and nothing else, in one pass; every segment gets a status."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pgvoice_testkit.audio.sounds import silence, voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.stores.exact_rows import Bits, all_bits
from sqlalchemy import event

from pgvoice.hooks import (
    AudioError,
    AudioNotFound,
    AudioTruncated,
    AudioUnreadable,
    EncoderUnavailable,
    InvalidSegments,
    fill,
)
from pgvoice.hooks.audio import recording
from pgvoice.hooks.audio.decoder import Decoder, Range
from pgvoice.hooks.audio.recording import open_decoder
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.store import AudioChanged, EncoderIdentity, SegmentKey, VoiceStore
from pgvoice.store.recordings.recordings import Recordings

SECONDS = 12
SEGMENTS = [(0.0, 2.0), (2.0, 4.5), (4.5, 6.0), (6.0, 9.0), (9.0, 12.0)]


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    return write(tmp_path / "talk.wav", voice(110, 6), voice(220, 6, seed=1))


@pytest.fixture
def audio_uses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every opening of a decoder, and every pass of one."""
    uses: list[str] = []
    real = open_decoder

    @contextmanager
    def counted(path: Path) -> Iterator[Decoder]:
        uses.append("open")
        with real(path) as decoder:
            blocks = decoder.blocks

            def noted(wanted: Sequence[Range]) -> Iterator[tuple[int, Waveform]]:
                uses.append("decode")
                return blocks(wanted)

            monkeypatch.setattr(decoder, "blocks", noted)
            yield decoder

    monkeypatch.setattr(recording, "open_decoder", counted)
    return uses


def _rows(
    store: VoiceStore, encoder: CountingEncoder, segments: Iterable[tuple[float, float]] = SEGMENTS
) -> dict[SegmentKey, Bits]:
    keys = [SegmentKey(round(start * 1000), round(end * 1000)) for start, end in segments]
    return all_bits(store.recordings.read("v", encoder.identity, keys))


def test_a_first_fill_computes_everything(store: VoiceStore, wav: Path) -> None:
    encoder = CountingEncoder()
    report = fill(store, encoder, video="v", audio=wav, segments=SEGMENTS)
    assert (report.run.requested, report.run.hits, report.run.filled) == (5, 0, 5)
    assert (report.missing, report.decoded, report.run.device) == (5, True, "cpu")
    assert sum(encoder.calls) == 5
    assert len(_rows(store, encoder)) == 5


def test_a_second_fill_does_nothing(store: VoiceStore, wav: Path, audio_uses: list[str]) -> None:
    encoder = CountingEncoder()
    fill(store, encoder, video="v", audio=wav, segments=SEGMENTS)
    before = _rows(store, encoder)
    encoder = CountingEncoder()
    audio_uses.clear()
    report = fill(store, encoder, video="v", audio="no such file", segments=SEGMENTS)
    assert (encoder.calls, encoder.loads, audio_uses) == ([], 0, [])
    assert (report.missing, report.run.hits, report.decoded) == (0, 5, False)
    assert (report.encoder_calls, report.run.device) == (0, None)
    assert _rows(store, encoder) == before
    assert store.recordings.statistics().all_time.rate == 0.5


def test_only_what_is_missing_is_computed(
    store: VoiceStore, wav: Path, audio_uses: list[str]
) -> None:
    encoder = CountingEncoder()
    fill(store, encoder, video="v", audio=wav, segments=SEGMENTS[:3])
    encoder.calls.clear()
    report = fill(store, encoder, video="v", audio=wav, segments=SEGMENTS)
    assert (report.run.hits, report.run.filled, sum(encoder.calls)) == (3, 2, 2)
    assert audio_uses == ["open", "decode"] * 2


def test_rounded_times_are_found_again(store: VoiceStore, wav: Path) -> None:
    encoder = CountingEncoder()
    fill(store, encoder, video="v", audio=wav, segments=[(0.1234, 2.6789)])
    report = fill(store, encoder, video="v", audio=wav, segments=[(0.0951, 2.7449)])
    assert (report.run.hits, sum(encoder.calls)) == (1, 1)


def test_the_vector_is_of_the_snapped_span(store: VoiceStore, wav: Path) -> None:
    encoder = CountingEncoder()
    fill(store, encoder, video="v", audio=wav, segments=[(0.1234, 2.6789)])
    fill(store, encoder, video="w", audio=wav, segments=[(0.1, 2.7)])
    key = SegmentKey(100, 2700)
    one, other = (
        store.recordings.read(video, encoder.identity, [key])[key].embedding for video in "vw"
    )
    assert one is not None
    assert other is not None
    assert one.tobytes() == other.tobytes()


def test_company_and_order_do_not_matter(store: VoiceStore, wav: Path) -> None:
    encoder = CountingEncoder()
    fill(store, encoder, video="v", audio=wav, segments=SEGMENTS)
    together = _rows(store, encoder)
    for segment in reversed(SEGMENTS):
        fill(store, encoder, video="w", audio=wav, segments=[segment])
    apart = store.recordings.read("w", encoder.identity, list(together))
    assert all_bits(apart) == together


def test_repeats_overlaps_and_disorder(store: VoiceStore, wav: Path) -> None:
    encoder = CountingEncoder()
    segments = [(6, 9), (0, 2), (1, 3), (0, 2), (0.01, 1.99), (0, 12)]
    report = fill(store, encoder, video="v", audio=wav, segments=segments)
    assert (report.run.requested, report.run.filled, sum(encoder.calls)) == (4, 4, 4)


def test_every_segment_has_an_answer(store: VoiceStore, tmp_path: Path) -> None:
    path = write(
        tmp_path / "talk.wav",
        voice(110, 70),
        silence(5),
        np.full(16_000, np.nan, np.float32),
        voice(110, 4.2),
    )
    statuses = {
        (0.0, 2.0): "ok",
        (3.0, 3.2): "too_short",
        (4.0, 4.0): "too_short",
        (0.0, 65.0): "partial",
        (71.0, 74.0): "silent",
        (74.5, 75.5): "non_finite",
        (79.0, 80.9): "partial",
        (80.0, 80.9): "too_short",
        (79.0, 82.0): "out_of_range",
        (81.0, 82.0): "out_of_range",
        (500.0, 502.0): "out_of_range",
    }
    encoder = CountingEncoder()
    report = fill(store, encoder, video="v", audio=path, segments=list(statuses))
    rows = _rows(store, encoder, statuses)
    assert {(k.start_s, k.end_s): status for k, (status, _) in rows.items()} == statuses
    assert report.run.skipped == {
        "non_finite": 1,
        "out_of_range": 3,
        "silent": 1,
        "too_short": 3,
    }
    assert report.run.filled == sum(encoder.calls) == 3
    again = fill(store, encoder, video="v", audio=path, segments=list(statuses))
    assert (again.missing, sum(encoder.calls)) == (0, 3)


def test_a_long_segment_is_its_first_minute(store: VoiceStore, tmp_path: Path) -> None:
    path = write(tmp_path / "talk.wav", voice(110, 70))
    encoder = CountingEncoder()
    fill(store, encoder, video="v", audio=path, segments=[(1, 61), (1, 70)])
    minute, longer = _rows(store, encoder, [(1, 61), (1, 70)]).values()
    assert (minute[0], longer[0]) == ("ok", "partial")
    assert minute[1] == longer[1]


def test_a_vector_that_is_not_finite_is_a_status(store: VoiceStore, wav: Path) -> None:
    class Overflowing(CountingEncoder):
        def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
            rows = super().encode(waveforms)
            rows[0] = np.nan
            return rows

    encoder = Overflowing()
    report = fill(store, encoder, video="v", audio=wav, segments=SEGMENTS[:3])
    assert report.run.skipped == {"non_finite": 1}
    assert report.run.filled == 2


@pytest.mark.parametrize(
    "bad", [(3.0, 1.0), (-2.0, 1.0), (math.nan, 1.0), (0.0, math.inf), ("x", 1.0)]
)
def test_no_span_of_time_is_named_and_the_others_are_filled(
    store: VoiceStore, wav: Path, bad: tuple[float, float]
) -> None:
    encoder = CountingEncoder()
    with pytest.raises(InvalidSegments, match=r"1 invalid.*segment 1 \(") as caught:
        fill(store, encoder, video="v", audio=wav, segments=[(0, 2), bad, (2, 4)])
    assert isinstance(caught.value, ValueError)
    assert caught.value.report.run.filled == 2
    assert fill(store, encoder, video="v", audio=wav, segments=[(0, 2), (2, 4)]).missing == 0


def test_nothing_asked_nothing_done(store: VoiceStore) -> None:
    report = fill(store, CountingEncoder(), video="v", audio="none", segments=[])
    assert (report.run.requested, report.decoded) == (0, False)
    assert store.recordings.statistics().last_fill is None


def test_what_is_too_short_needs_no_audio(store: VoiceStore) -> None:
    report = fill(store, CountingEncoder(), video="v", audio="none", segments=[(0, 0.3)])
    assert (report.run.skipped, report.decoded) == ({"too_short": 1}, False)


def _gone(_whole: bytes) -> bytes | None:
    return None


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (_gone, AudioNotFound),
        (lambda whole: b"", AudioUnreadable),
        (lambda whole: b"this is a letter, not a voice\n" * 100, AudioUnreadable),
        (lambda whole: whole[: len(whole) // 2], AudioTruncated),
    ],
)
def test_a_file_that_cannot_be_used_leaves_the_store_as_it_was(
    store: VoiceStore,
    wav: Path,
    damage: Callable[[bytes], bytes | None],
    error: type[AudioError],
) -> None:
    damaged = damage(wav.read_bytes())
    wav.unlink()
    if damaged is not None:
        wav.write_bytes(damaged)
    with pytest.raises(error, match=r"talk\.wav"):
        fill(store, CountingEncoder(), video="v", audio=wav, segments=SEGMENTS)
    assert (store.recordings.statistics().holdings, store.encoders.list()) == ([], [])


def test_an_encoder_that_cannot_be_loaded_leaves_nothing(store: VoiceStore, wav: Path) -> None:
    """Otherwise the store would have two encoders and could no longer choose one by itself."""

    class Away(CountingEncoder):
        def load(self) -> None:
            raise EncoderUnavailable("no weights")

    with pytest.raises(EncoderUnavailable):
        fill(store, Away("away"), video="v", audio=wav, segments=SEGMENTS)
    assert (store.recordings.statistics().holdings, store.encoders.list()) == ([], [])


def test_a_warm_fill_asks_what_is_missing_and_compares_the_turns(
    store: VoiceStore, wav: Path
) -> None:
    fill(store, CountingEncoder(), video="v", audio=wav, segments=SEGMENTS)
    statements: list[str] = []
    event.listen(
        store.database.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: statements.append(statement.split()[0]),
    )
    fill(store, CountingEncoder(), video="v", audio="none", segments=SEGMENTS)
    # What is missing, the turns, the record, and the voices if they changed.
    assert statements == ["SELECT", "SELECT", "INSERT", "SELECT"]


def test_out_of_memory_is_an_error_and_what_was_done_stays(store: VoiceStore, wav: Path) -> None:
    class Exhausted(CountingEncoder):
        def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
            if len(self.calls) == 1:
                raise MemoryError("no memory left")
            return super().encode(waveforms)

    encoder = Exhausted(batch_samples=32_000)
    with pytest.raises(MemoryError):
        fill(store, encoder, video="v", audio=wav, segments=SEGMENTS)
    assert {status for status, _ in _rows(store, encoder).values()} == {"ok"}
    report = fill(store, CountingEncoder(), video="v", audio=wav, segments=SEGMENTS)
    assert (report.run.hits, report.run.filled) == (1, 4)


def test_changed_audio(store: VoiceStore, wav: Path, tmp_path: Path) -> None:
    encoder = CountingEncoder()
    fill(store, encoder, video="v", audio=wav, segments=SEGMENTS[:2])
    other = write(tmp_path / "other.wav", voice(300, SECONDS))
    with pytest.raises(AudioChanged):
        fill(store, encoder, video="v", audio=other, segments=SEGMENTS)
    kept = fill(
        store, encoder, video="v", audio=other, segments=SEGMENTS[:3], on_audio_change="keep"
    )
    assert kept.run.filled == 1
    third = write(tmp_path / "third.wav", voice(400, SECONDS))
    replaced = fill(
        store, encoder, video="v", audio=third, segments=SEGMENTS, on_audio_change="replace"
    )
    assert (replaced.run.hits, replaced.run.filled) == (0, 5)


def test_a_cold_fill_asks_twice_what_is_missing(
    store: VoiceStore, wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it takes the lock and while it has it; also if a replacement deletes rows."""
    asked: list[int] = []
    real = Recordings.missing

    def counted(
        recordings: Recordings,
        video: str,
        encoder: EncoderIdentity,
        keys: Sequence[SegmentKey],
        *turns: Any,
    ) -> list[SegmentKey]:
        asked.append(len(keys))
        return real(recordings, video, encoder, keys, *turns)

    monkeypatch.setattr(Recordings, "missing", counted)
    fill(store, CountingEncoder(), video="v", audio=wav, segments=SEGMENTS[:2])
    assert asked == [2, 2]
    other = write(tmp_path / "other.wav", voice(300, SECONDS))
    fill(
        store,
        CountingEncoder(),
        video="v",
        audio=other,
        segments=SEGMENTS,
        on_audio_change="replace",
    )
    assert asked == [2, 2, 5, 5]


@pytest.mark.parametrize("change", ["other", "shorter", "gone"])
def test_a_file_that_changes_while_it_is_open_stores_no_vectors(
    store: VoiceStore, wav: Path, change: str
) -> None:
    """It changes after it was hashed, while the model is being loaded."""

    class Slow(CountingEncoder):
        def load(self) -> None:
            super().load()
            if self.loads > 1:
                return
            if change == "other":
                write(wav, voice(330, SECONDS))
            elif change == "shorter":
                wav.write_bytes(wav.read_bytes()[:-1000])
            else:
                wav.unlink()

    encoder = Slow()
    with pytest.raises(AudioError, match=r"talk\.wav (changed|does not exist)"):
        fill(store, encoder, video="v", audio=wav, segments=SEGMENTS)
    assert (encoder.calls, _rows(store, encoder)) == ([], {})


def test_a_file_that_is_replaced_by_a_copy_is_the_same(store: VoiceStore, wav: Path) -> None:
    class Slow(CountingEncoder):
        def load(self) -> None:
            copy = wav.with_name("copy.wav")
            copy.write_bytes(wav.read_bytes())
            copy.replace(wav)

    assert fill(store, Slow(), video="v", audio=wav, segments=SEGMENTS).run.filled == 5


def test_progress_counts_up_to_what_is_missing(store: VoiceStore, wav: Path) -> None:
    told: list[tuple[int, int]] = []
    encoder = CountingEncoder(batch_samples=32_000)
    fill(
        store,
        encoder,
        video="v",
        audio=wav,
        segments=[*SEGMENTS, (3.0, 3.1)],
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(0, 6), (2, 6), (3, 6), (5, 6), (6, 6)]


def test_two_fills_at_once_do_the_work_once(store_url: str, wav: Path) -> None:
    encoders = [CountingEncoder(batch_samples=32_000) for _ in range(4)]
    start = threading.Barrier(4)

    def run(encoder: CountingEncoder) -> None:
        with VoiceStore.open(store_url) as store:
            start.wait()
            fill(store, encoder, video="v", audio=wav, segments=SEGMENTS)

    threads = [threading.Thread(target=run, args=(encoder,)) for encoder in encoders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sum(encoder.calls) for encoder in encoders) == [0, 0, 0, 5]
    with VoiceStore.open(store_url) as store:
        assert (
            store.recordings.statistics().all_time.requested,
            store.recordings.statistics().all_time.hits,
        ) == (20, 15)


def test_encoders_live_side_by_side(store: VoiceStore, wav: Path) -> None:
    small, wide = CountingEncoder("small", dimension=8), CountingEncoder("wide", dimension=256)
    for encoder in (small, wide):
        assert fill(store, encoder, video="v", audio=wav, segments=SEGMENTS).run.filled == 5
    assert [e.identity.dimension for e in store.encoders.list()] == [8, 256]


def test_a_warm_fill_imports_nothing_heavy(store: VoiceStore, store_url: str, wav: Path) -> None:
    support = Path(__file__).parents[2] / "support"
    fill(store, CountingEncoder(), video="v", audio=wav, segments=SEGMENTS)
    script = f"""
import sys
sys.path.insert(0, {str(support)!r})
from pgvoice_testkit.stores.exact_rows import Bits, all_bits
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice.hooks import fill
from pgvoice.store import VoiceStore
with VoiceStore.open({store_url!r}) as store:
    report = fill(store, CountingEncoder(), video="v", audio="none", segments={SEGMENTS!r})
heavy = {{"torch", "torchaudio", "speechbrain", "librosa", "soundfile", "av", "alembic"}}
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


OVERLAPPING = [(0.0, 5.0, "A"), (2.0, 3.0, "B"), (4.5, 6.0, "B"), (6.0, 9.0, None)]
CLEAN = [(0.0, 2.0), (3.0, 4.5), (5.0, 6.0)]


def test_turns_that_others_overlap_are_filled_with_their_clean_parts(
    store: VoiceStore, wav: Path, audio_uses: list[str]
) -> None:
    encoder = CountingEncoder()
    report = fill(store, encoder, video="v", audio=wav, segments=OVERLAPPING)
    assert (report.run.requested, report.run.filled, sum(encoder.calls)) == (7, 7, 7)
    assert report.clean_parts == 3
    spans = [(start, end) for start, end, _ in OVERLAPPING] + CLEAN
    rows = _rows(store, encoder, spans)
    assert len(rows) == 7
    alone = CountingEncoder()
    fill(store, alone, video="w", audio=wav, segments=CLEAN)
    keys = [SegmentKey(round(start * 1000), round(end * 1000)) for start, end in CLEAN]
    apart = all_bits(store.recordings.read("w", alone.identity, keys))
    assert apart == {key: rows[key] for key in keys}
    audio_uses.clear()
    again = fill(store, CountingEncoder(), video="v", audio="none", segments=OVERLAPPING)
    assert (again.missing, again.run.hits, again.decoded, audio_uses) == (0, 7, False, [])


def test_a_turn_that_is_added_changes_the_clean_parts_of_others(
    store: VoiceStore, wav: Path
) -> None:
    encoder = CountingEncoder()
    fill(store, encoder, video="v", audio=wav, segments=OVERLAPPING)
    added = fill(store, encoder, video="v", audio=wav, segments=[(1.0, 1.2, "C")], on_turns="add")
    assert (added.run.skipped, added.run.filled) == ({"too_short": 1}, 2)
    ignored = fill(
        store, encoder, video="v", audio="none", segments=[(0.0, 5.0, "C")], on_turns="ignore"
    )
    assert (ignored.missing, ignored.clean_parts) == (0, 3)
