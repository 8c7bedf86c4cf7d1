"""A stream: one pass that gives windows, and the same spans as an open recording."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from pgvoice_testkit.audio.audio_files import (
    INDEXED,
    LOSSLESS,
    LOSSY,
    OPEN_ENDED,
    speech_band,
    spread,
    write,
)

from pgvoice.hooks import AudioError, AudioUnreadable
from pgvoice.hooks.audio import stream as streams
from pgvoice.hooks.audio.recording import open_recording
from pgvoice.hooks.audio.stream import AudioStream
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.testing import opened_in_blocks

SECONDS, RATE = 40, 22_050
MS = SECONDS * 1000
#: libsndfile, FFmpeg by blocks, and FFmpeg from the start.
NAMES = ("flac", "mp3 32 kbit/s", "aac 32 kbit/s", "opus", "adts")

Make = Callable[[str], Path]
Windows = list[tuple[int, bytes]]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    @cache
    def made(name: str) -> Path:
        coding = (INDEXED | LOSSY | LOSSLESS | OPEN_ENDED)[name]
        path = tmp_path_factory.mktemp("streams") / f"sound{coding.suffix}"
        rate = 48_000 if name == "opus" else RATE
        return write(path, spread(speech_band(SECONDS, rate), 2), rate, coding)

    return made


def _windows(stream: AudioStream, length: int, step: int, rate: int = 16_000) -> Windows:
    return [(start, window.tobytes()) for start, window in stream.windows(length, step, rate)]


_SPAN = st.tuples(st.integers(0, MS), st.integers(0, 4000)).map(lambda s: (s[0], s[0] + s[1]))


@settings(deadline=None, max_examples=5)
@given(
    spans=st.lists(_SPAN, min_size=1, max_size=5),
    block=st.integers(50, 90_000),
    length=st.integers(200, 12_000),
    step=st.integers(150, 5_000),
    rate=st.sampled_from([8_000, 16_000, RATE]),
)
@pytest.mark.parametrize("name", NAMES)
def test_windows_and_spans_are_the_same_however_the_audio_is_decoded(
    make: Make,
    name: str,
    spans: list[tuple[int, int]],
    block: int,
    length: int,
    step: int,
    rate: int,
) -> None:
    """Spans are cut while windows are read, and equal those of an open recording."""
    with open_recording(make(name)) as recording:
        expected = [(index, wave.tobytes()) for index, wave in recording.cut(spans, rate)]
        plain = _windows(AudioStream(recording), length, step, rate)
    with opened_in_blocks(make(name), block) as recording:
        stream = AudioStream(recording)
        windows, cut = Windows(), list[tuple[int, bytes]]()
        for number, (start, window) in enumerate(stream.windows(length, step, rate)):
            windows.append((start, window.tobytes()))
            if number == 1:
                cut = [(index, wave.tobytes()) for index, wave in stream.cut(spans, rate)]
        if not cut:
            cut = [(index, wave.tobytes()) for index, wave in stream.cut(spans, rate)]
        assert recording.passes == 1
    assert windows == plain
    assert cut == expected


@pytest.mark.parametrize(
    ("length", "step", "starts"),
    [
        (10_000, 5_000, list(range(0, 31_000, 5_000))),
        (10_000, 7_000, [0, 7_000, 14_000, 21_000, 28_000, 35_000]),
        (40_000, 1_000, [0]),
        (60_000, 1_000, [0]),
        (1_000, 15_000, [0, 15_000, 30_000]),
    ],
)
def test_windows_end_with_the_first_that_reaches_the_end(
    make: Make, length: int, step: int, starts: list[int]
) -> None:
    with open_recording(make("flac")) as recording:
        windows = list(AudioStream(recording).windows(length, step, 16_000))
    assert [start for start, _ in windows] == starts
    assert all(len(window) == min(length, MS - start) * 16 for start, window in windows)


def test_windows_are_the_audio(make: Make) -> None:
    """All together they are what a cut of everything gives, but for how its ends are resampled."""
    with open_recording(make("flac")) as recording:
        ((_, whole),) = recording.cut([(0, MS)], 16_000)
        parts = [window for _, window in AudioStream(recording).windows(1000, 1000, 16_000)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=2e-4)


def test_at_the_files_own_rate_they_are_its_samples(make: Make) -> None:
    with open_recording(make("wav")) as recording:
        ((_, whole),) = recording.cut([(0, MS)], RATE)
        parts = [window for _, window in AudioStream(recording).windows(700, 700, RATE)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_samples_that_are_not_finite_are_silence_in_windows_and_nothing_else(
    tmp_path: Path,
) -> None:
    sound = speech_band(6, RATE)
    broken = sound.copy()
    broken[7 * RATE // 2 : 7 * RATE // 2 + 10] = np.nan
    windows = []
    for name, samples in {"whole": sound, "broken": broken}.items():
        soundfile.write(tmp_path / f"{name}.wav", samples, RATE, "FLOAT")
        with open_recording(tmp_path / f"{name}.wav") as recording:
            windows.append([w for _, w in AudioStream(recording).windows(1000, 1000, 16_000)])
            ((_, cut),) = AudioStream(recording).cut([(3_000, 4_000)], 16_000)
            assert np.isnan(cut).all() == (name == "broken")
    for second, (one, other) in enumerate(zip(*windows, strict=True)):
        assert np.isfinite(other).all()
        assert np.allclose(one, other, atol=1e-3) == (second != 3)


def _noise(path: Path, seconds: int, rate: int = 8_000) -> Path:
    """Written bit by bit, so that it can be long."""
    generator = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", rate, 1, "PCM_16") as file:
        for _ in range(seconds):
            file.write(generator.uniform(-0.5, 0.5, rate).astype(np.float32))
    return path


def test_only_the_last_minutes_stay_in_memory(tmp_path: Path) -> None:
    """As many megabytes after an hour as after ten minutes; what was let go of is refused."""
    peaks = []
    for seconds in (600, 3600):
        with open_recording(_noise(tmp_path / f"{seconds}.wav", seconds)) as recording:
            stream = AudioStream(recording)
            tracemalloc.start()
            for _ in stream.windows(10_000, 5_000, 8_000):
                pass
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            late = (seconds * 1000 - streams.KEPT_MS + 10_000, seconds * 1000)
            assert stream.has(*late)
            assert not stream.has(1_000, 2_000)
            with pytest.raises(ValueError, match="no longer in memory"):
                next(stream.cut([(1_000, 2_000)], 8_000))
    assert peaks[1] < 1.1 * peaks[0]


def test_what_is_held_stays(tmp_path: Path) -> None:
    with open_recording(_noise(tmp_path / "long.wav", 600)) as recording:
        spans = [(30_000, 40_000), (200_000, 201_000)]
        expected = [wave.tobytes() for _, wave in recording.cut(spans, 8_000)]
        stream = AudioStream(recording)
        stream.hold(25_000)
        for _ in stream.windows(10_000, 10_000, 8_000):
            pass
        assert stream.has(30_000, 40_000)
        assert stream.has(25_000, 25_000 + streams.KEPT_MS)
        assert not stream.has(20_000, 26_000)
        assert not stream.has(30_000, 300_000), "there is a gap"
        assert [wave.tobytes() for _, wave in stream.cut(spans, 8_000)] == expected
        stream.hold(None)
    with open_recording(tmp_path / "long.wav") as recording:
        stream = AudioStream(recording)
        stream.hold(25_000)
        assert next(stream.cut([(500_000, 501_000)], 8_000))[1].any()
        stream.hold(None)
        assert next(stream.cut([(599_000, 600_000)], 8_000))[1].any()
        assert not stream.has(30_000, 40_000)


def test_progress_goes_up_to_the_length(make: Make) -> None:
    told = list[tuple[int, int]]()
    with open_recording(make("adts")) as recording:
        stream = AudioStream(recording, lambda done, whole: told.append((done, whole)))
        for _ in stream.windows(10_000, 10_000, 16_000):
            pass
        whole = recording.info.duration_ms
    assert told == sorted(told)
    assert told[-1] == (whole, whole)
    assert {of for _, of in told} == {whole}
    assert stream.window_seconds > 0


def test_windows_are_asked_for_once(make: Make) -> None:
    with open_recording(make("flac")) as recording:
        stream = AudioStream(recording)
        next(stream.windows(1000, 1000, 16_000))
        with pytest.raises(ValueError, match="once"):
            next(stream.windows(1000, 1000, 16_000))
        with pytest.raises(ValueError, match="is not a span"):
            next(stream.cut([(3, 2)], 16_000))


@pytest.mark.parametrize("name", ["aac without noise", "flac"])
def test_damage_is_the_same_error_as_in_a_cut(make: Make, tmp_path: Path, name: str) -> None:
    content = bytearray(make(name).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = np.random.default_rng(0).bytes(4000)
    path = tmp_path / f"damaged{make(name).suffix}"
    path.write_bytes(content)
    messages = []
    for read in (
        lambda recording: recording.cut([(0, MS)], 16_000),
        lambda recording: AudioStream(recording).windows(1000, 1000, 16_000),
        lambda recording: AudioStream(recording).cut([(0, MS)], 16_000),
    ):
        with open_recording(path) as recording, pytest.raises(AudioUnreadable) as caught:
            list(read(recording))
        messages.append(str(caught.value))
    assert len(set(messages)) == 1


def _other(path: Path) -> None:
    write(path, spread(speech_band(SECONDS, RATE, 7), 2), RATE, LOSSLESS["wav"])


@pytest.mark.parametrize("change", [_other, Path.unlink])
@pytest.mark.parametrize("reader", ["windows", "cut"])
def test_a_file_that_changes_during_the_pass(
    make: Make, tmp_path: Path, change: Callable[[Path], None], reader: str
) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(make("wav").read_bytes())
    with open_recording(path) as recording:
        stream = AudioStream(recording)
        found: Iterator[tuple[int, Waveform]] = stream.windows(2000, 2000, 16_000)
        next(found)
        change(path)
        if reader == "cut":
            found = stream.cut([(0, 1000)], 16_000)
        with pytest.raises(AudioError, match=r"talk\.wav (changed|does not exist)"):
            list(found)


def test_a_copy_in_its_place_is_the_same(make: Make, tmp_path: Path) -> None:
    path, copy = tmp_path / "talk.wav", tmp_path / "copy.wav"
    for each in (path, copy):
        each.write_bytes(make("wav").read_bytes())
    with open_recording(path) as recording:
        windows = AudioStream(recording).windows(2000, 2000, 16_000)
        next(windows)
        copy.replace(path)
        assert len(list(windows)) == SECONDS // 2 - 1
