"""Audio: one pass, exact positions, waveforms that depend only on their own span."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from pgvoice_testkit.audio.audio_files import (
    LOSSLESS,
    LOSSY,
    OPEN_ENDED,
    Channels,
    Coding,
    copy_packets,
    speech_band,
    spread,
    write,
    write_video,
)
from pgvoice_testkit.audio.hearing import cut, probe

from pgvoice.hooks import AudioError, AudioNotFound, AudioTruncated, AudioUnreadable
from pgvoice.hooks.audio.recording import open_recording
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.errors import EncoderUnavailable

SECONDS = 3.0
RATES = (8_000, 16_000, 22_050, 44_100, 48_000)
#: Opus is always decoded at this rate.
OPUS_RATE = 48_000

Make = Callable[..., Path]


@cache
def sound(rate: int, channels: int) -> Channels:
    """Samples that 16 bits represent exactly."""
    samples = np.round(spread(speech_band(SECONDS, rate), channels) * 2**15)
    return (np.clip(samples, -(2**15), 2**15 - 1) / 2**15).astype(np.float32)


def mono(samples: Channels) -> Waveform:
    mean: Waveform = samples.astype(np.float64).mean(axis=0).astype(np.float32)
    return mean


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """A file of `SECONDS` of sound in a coding; made once."""

    @cache
    def made(name: str, rate: int = 48_000, channels: int = 2) -> Path:
        coding = (LOSSY | OPEN_ENDED | LOSSLESS)[name]
        path = tmp_path_factory.mktemp("audio") / f"sound{coding.suffix}"
        return write(path, sound(rate, channels), rate, coding)

    return made


def one(path: Path, span: tuple[int, int], rate: int) -> Waveform:
    ((_, waveform),) = cut(path, [span], rate)
    return waveform


def lag(heard: Waveform, expected: Waveform) -> int:
    """By how many samples `heard` is later."""
    size = 2 * len(expected)
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(expected, size))
    place = int(np.argmax(np.fft.irfft(product, size)))
    return place if place < size // 2 else place - size


# What is in a file


@pytest.mark.parametrize("name", [*LOSSY, *LOSSLESS])
def test_probe_tells_what_a_file_is(make: Make, name: str) -> None:
    path = make(name)
    info = probe(path)
    assert (info.sample_rate, info.channels) == (48_000, 2)
    assert info.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    # Matroska counts whole milliseconds and does not say where AAC's padding starts.
    assert info.duration_ms == pytest.approx(3000, abs=22 if "mka" in name else 1)


def _shapes() -> list[tuple[str, int, int]]:
    """Codec, rate and channels, in the combinations that each codec supports."""
    names = ("wav", "flac", "alac", "mp3", "m4a", "opus", "vorbis")
    return [
        (name, rate, channels)
        for name, rate, channels in product(names, RATES, (1, 2, 6))
        if not (name == "mp3" and channels == 6)
        and not (name == "opus" and rate in (22_050, 44_100))
    ]


@pytest.mark.parametrize(("name", "rate", "channels"), _shapes())
def test_rates_and_channels(make: Make, name: str, rate: int, channels: int) -> None:
    path = make(name, rate, channels)
    info = probe(path)
    assert info.channels == channels
    assert info.sample_rate == (OPUS_RATE if name == "opus" else rate)
    assert info.duration_ms == 3000
    heard = one(path, (0, 3000), rate)
    expected = mono(sound(rate, channels))
    assert len(heard) == len(expected)
    assert lag(heard, expected) == 0
    assert np.corrcoef(heard, expected)[0, 1] > 0.9


def test_many_channels(tmp_path: Path) -> None:
    """Each with its own samples; their pointers do not all fit into the frame's header."""
    sounds = np.stack([speech_band(1, 16_000, seed) for seed in range(16)])
    path = write(tmp_path / "room.wv", sounds, 16_000, Coding(".wv", "wavpack", "wv"))
    assert probe(path).channels == 16
    np.testing.assert_allclose(one(path, (0, 1000), 16_000), mono(sounds), atol=1e-6)


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_samples_are_exact(make: Make, name: str) -> None:
    expected = mono(sound(44_100, 2))
    if name == "wav 8 bit":
        samples, _ = soundfile.read(make(name, 44_100), dtype="float32", always_2d=True)
        expected = mono(samples.T)
    spans = [(0, 1000), (333, 334), (1001, 2999), (2999, 3000)]
    for index, waveform in cut(make(name, 44_100), spans, 44_100):
        start, stop = (round(ms * 44.1) for ms in spans[index])
        assert waveform.dtype == np.float32
        np.testing.assert_array_equal(waveform, expected[start:stop])


@pytest.mark.parametrize("name", [*LOSSY, "vorbis in webm"])
def test_lossy_spans_are_where_they_belong(make: Make, tmp_path: Path, name: str) -> None:
    path = (
        copy_packets(make("vorbis"), tmp_path / "sound.webm", "webm")
        if name == "vorbis in webm"
        else make(name)
    )
    expected = mono(sound(48_000, 2))
    for span in [(0, 700), (1230, 2230), (2300, 3000)]:
        start, stop = span[0] * 48, span[1] * 48
        assert lag(one(path, span, 48_000), expected[start:stop]) == 0


@pytest.mark.parametrize("name", OPEN_ENDED)
def test_without_a_length_the_encoders_delay_stays(make: Make, name: str) -> None:
    path = make(name)
    assert probe(path).duration_ms == pytest.approx(3000, abs=100)
    assert lag(one(path, (0, 3000), 48_000), mono(sound(48_000, 2))) in (1024, 1105)


def test_sound_of_a_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "film.mp4", sound(44_100, 2))
    assert probe(path).duration_ms == 3000
    assert lag(one(path, (0, 3000), 44_100), mono(sound(44_100, 2))) == 0


def test_not_a_number_stays_not_a_number(tmp_path: Path) -> None:
    samples = sound(16_000, 1).copy()
    samples[0, 16_500] = np.nan
    path = write(tmp_path / "nan.wav", samples, 16_000, LOSSLESS["wav float"])
    assert np.isnan(one(path, (1000, 2000), 16_000)).sum() == 1
    assert np.isnan(one(path, (1000, 2000), 8_000)).all()
    assert np.isfinite(one(path, (0, 1000), 8_000)).all()


def test_the_name_decides_nothing(make: Make, tmp_path: Path) -> None:
    for name, false_name in [
        ("wav", "a.mp3"),
        ("mp3", "b.wav"),
        ("wav", "c.raw"),
        ("m4a", "d: e?.f"),
        ("opus", "ü ☃"),
    ]:
        renamed = tmp_path / false_name
        renamed.write_bytes(make(name).read_bytes())
        assert probe(renamed) == probe(make(name))
        np.testing.assert_array_equal(
            one(renamed, (500, 900), 16_000), one(make(name), (500, 900), 16_000)
        )


def test_channels_may_change_on_the_way(make: Make, tmp_path: Path) -> None:
    joined = tmp_path / "joined.mp3"
    parts = [make("mp3 without count", 48_000, channels) for channels in (2, 1)]
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    first, second = (one(part, (0, 10_000), 48_000) for part in parts)
    heard = one(joined, (0, 10_000), 48_000)
    # FFmpeg loses the frame that follows the second part's tags.
    assert len(heard) == len(first) + len(second) - 1152
    np.testing.assert_array_equal(heard[: len(first)], first)
    np.testing.assert_allclose(heard[-48_000:], second[-48_000:], atol=1e-6)


# Spans


def test_spans_in_any_order_repeated_overlapping_and_past_the_end(make: Make) -> None:
    spans = [(2500, 3500), (0, 500), (9000, 9500), (100, 600), (0, 500), (700, 700), (3000, 3100)]
    for name in ("wav", "opus"):
        found = dict(cut(make(name), spans, 16_000))
        assert sorted(found) == list(range(len(spans)))
        assert [len(found[i]) for i in range(len(spans))] == [8000, 8000, 0, 8000, 8000, 0, 0]


@pytest.mark.parametrize("name", ["wav", "mp3"])
def test_a_span_comes_when_its_end_has_passed(make: Make, name: str) -> None:
    spans = [(2000, 2900), (0, 2950), (0, 100), (1500, 1700)]
    assert [index for index, _ in cut(make(name), spans, 16_000)] == [2, 3, 0, 1]


def test_a_span_that_is_none(make: Make) -> None:
    for span in [(-100, 100), (200, 100)]:
        with pytest.raises(ValueError, match="is not a span"):
            list(cut(make("wav"), [span], 16_000))


def test_no_spans(make: Make) -> None:
    assert not list(cut(make("mp3"), [], 16_000))


@given(
    start=st.integers(0, 2400),
    duration=st.integers(1, 600),
    rate=st.sampled_from([8_000, 11_025, 16_000, 44_100]),
)
@settings(deadline=None, max_examples=60)
def test_length_is_that_of_the_span(make: Make, start: int, duration: int, rate: int) -> None:
    for native in (22_050, 48_000):
        waveform = one(make("wav", native), (start, start + duration), rate)
        assert len(waveform) == (duration * rate + 500) // 1000


_SPAN = st.tuples(st.integers(0, 3200), st.integers(0, 1500)).map(lambda s: (s[0], s[0] + s[1]))


@given(spans=st.lists(_SPAN, min_size=1, max_size=5), rate=st.sampled_from([16_000, 48_000]))
@settings(deadline=None, max_examples=25)
@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "m4a", "opus", "vorbis"])
def test_a_waveform_depends_on_its_span_alone(
    make: Make, name: str, spans: list[tuple[int, int]], rate: int
) -> None:
    for index, waveform in cut(make(name), spans, rate):
        assert waveform.tobytes() == one(make(name), spans[index], rate).tobytes()


@pytest.mark.parametrize("name", ["wav", "mp3", "m4a", "opus", "fragmented mp4", "mka"])
def test_an_open_recording_can_be_cut_again(make: Make, name: str) -> None:
    spans = [(2500, 3000), (100, 600)]
    with open_recording(make(name)) as recording:
        first, stopped, again = (recording.cut(spans, 16_000) for _ in range(3))
        expected = [(index, waveform.tobytes()) for index, waveform in first]
        next(stopped)
        assert [(index, waveform.tobytes()) for index, waveform in again] == expected
    assert expected == [
        (index, waveform.tobytes()) for index, waveform in cut(make(name), spans, 16_000)
    ]


def test_six_channels_in_any_block(make: Make) -> None:
    whole = one(make("flac", 48_000, 6), (0, 3000), 48_000)
    for index, waveform in cut(make("flac", 48_000, 6), [(i, i + 1) for i in range(50)], 48_000):
        assert waveform.tobytes() == whole[index * 48 : index * 48 + 48].tobytes()


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "m4a"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, name: str) -> None:
    """Ten minutes are 38 MB of samples; every second of them is a span."""
    coding = LOSSLESS.get(name) or LOSSY[name]
    samples = np.tile(sound(16_000, 1), 200)
    path = write(tmp_path / f"long{coding.suffix}", samples, 16_000, coding)
    one(path, (0, 1000), 8_000)
    spans = [(second * 1000, second * 1000 + 1000) for second in range(600)]
    tracemalloc.start()
    count = sum(len(waveform) for _, waveform in cut(path, spans, 8_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 600 * 8_000
    assert peak < 4e6


# What is wrong with a file


def test_no_file(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.wav", tmp_path):
        with pytest.raises(AudioNotFound, match=str(path)):
            probe(path)
        with pytest.raises(AudioNotFound):
            next(cut(path, [(0, 1)], 16_000))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 5000,
        b"what was said, in words\n" * 400,
        np.random.default_rng(0).bytes(100_000),
        b"\xff\xfb\x90\x00" * 30,
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nsound.aac\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile sound.aac\n",
        *(magic.ljust(size, b"\0") for magic in (b"RIFF", b"fLaC", b"OggS") for size in (4, 99)),
        *(b"\x1a\x45\xdf\xa3".ljust(size, b"\0") for size in (4, 99)),
        *(b"\0\0\0\x08ftyp".ljust(size, b"\0") for size in (8, 99)),
        *(form.ljust(99, b"\0") for form in (b"FORM", b"caff", b"riff", b"RF64", b"ID3")),
    ],
)
def test_not_audio(make: Make, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "sound.aac").write_bytes(make("adts").read_bytes())
    path = tmp_path / "file.wav"
    path.write_bytes(content)
    for use in (probe, lambda path: next(cut(path, [(0, 1)], 16_000))):
        with pytest.raises((AudioUnreadable, AudioTruncated), match=str(path)):
            use(path)


def test_a_header_without_samples(tmp_path: Path) -> None:
    path = write(tmp_path / "none.wav", np.zeros((1, 0), np.float32), 16_000, LOSSLESS["wav"])
    with pytest.raises(AudioUnreadable, match="no audio"):
        probe(path)


def test_a_video_without_sound(tmp_path: Path) -> None:
    with pytest.raises(AudioUnreadable, match="give a file with sound"):
        probe(write_video(tmp_path / "silent.mp4", None))


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="may read everything")
def test_a_file_that_may_not_be_read(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "secret.wav"
    path.write_bytes(make("wav").read_bytes())
    path.chmod(0)
    with pytest.raises(AudioUnreadable, match="check who may read it"):
        probe(path)


@pytest.mark.parametrize("share", [0.5, 0.95])
@pytest.mark.parametrize("name", [*LOSSY, *LOSSLESS])
def test_a_file_cut_short(make: Make, tmp_path: Path, name: str, share: float) -> None:
    whole = make(name).read_bytes()
    path = tmp_path / f"part{make(name).suffix}"
    path.write_bytes(whole[: int(len(whole) * share)])
    for use in (probe, lambda path: list(cut(path, [(0, 3000)], 16_000))):
        with pytest.raises(AudioTruncated, match="download it again"):
            use(path)


@pytest.mark.parametrize("name", ["adts", "mp3 without count", "mpegts"])
def test_without_a_length_a_cut_file_is_a_shorter_one(
    make: Make, tmp_path: Path, name: str
) -> None:
    whole = make(name).read_bytes()
    path = tmp_path / f"part{make(name).suffix}"
    path.write_bytes(whole[: len(whole) // 2])
    assert probe(path).duration_ms == pytest.approx(1500, abs=100)
    assert len(one(path, (0, 3000), 16_000)) == pytest.approx(24_000, abs=1600)


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 0x7FFFF000, 0x80000000 - 36])
def test_a_streamed_wav_ends_where_the_file_ends(make: Make, tmp_path: Path, length: int) -> None:
    content = bytearray(make("wav", 16_000).read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = struct.pack("<I", length)
    path = tmp_path / "streamed.wav"
    path.write_bytes(content)
    assert probe(path).duration_ms == 3000
    np.testing.assert_array_equal(
        one(path, (1000, 3000), 16_000), one(make("wav", 16_000), (1000, 3000), 16_000)
    )


def test_a_flac_of_unknown_length(make: Make, tmp_path: Path) -> None:
    content = bytearray(make("flac", 16_000).read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path = tmp_path / "streamed.flac"
    path.write_bytes(content)
    assert probe(path).duration_ms == 3000
    np.testing.assert_array_equal(
        one(path, (1000, 3000), 16_000), one(make("flac", 16_000), (1000, 3000), 16_000)
    )


@pytest.mark.parametrize("name", ["flac", "alac", "m4a"])
def test_damage_in_the_middle(make: Make, tmp_path: Path, name: str) -> None:
    content = bytearray(make(name).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = np.random.default_rng(0).bytes(4000)
    path = tmp_path / f"damaged{make(name).suffix}"
    path.write_bytes(content)
    probe(path)
    with pytest.raises(AudioUnreadable, match=r"at \d\.\d s"):
        list(cut(path, [(0, 3000)], 16_000))


def test_a_rate_that_changes(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "joined.mp3"
    parts = [make("mp3 without count", rate) for rate in (48_000, 44_100)]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(AudioUnreadable, match="changes from 48000 to 44100 Hz at 3"):
        list(cut(path, [(0, 6000)], 16_000))


# What it needs


@pytest.mark.parametrize(("missing", "name"), [("av", "mp3"), ("soundfile", "wav")])
def test_a_missing_extra_reads_as_its_remedy(
    make: Make, monkeypatch: pytest.MonkeyPatch, missing: str, name: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(EncoderUnavailable, match=r'pip install "pgvoice\[extract\]"'):
        probe(make(name))


def test_importing_imports_nothing_heavy() -> None:
    heavy = "{'av', 'soundfile', 'librosa', 'soxr', 'torch'}"
    code = f"import sys, pgvoice.hooks.audio; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_errors_of_audio_are_one_kind() -> None:
    for error in (AudioNotFound, AudioTruncated, AudioUnreadable):
        assert issubclass(error, AudioError)
