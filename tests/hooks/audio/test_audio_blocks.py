"""Blocks: a seek gives the samples of a whole decode, and only nearby packets are decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from av import AudioStream, Packet
from hypothesis import given, settings
from hypothesis import strategies as st
from pgvoice_testkit.audio.audio_files import (
    INDEXED,
    LOSSY,
    OPEN_ENDED,
    Channels,
    speech_band,
    spread,
    write,
)
from pgvoice_testkit.audio.hearing import cut, probe

from pgvoice.hooks import AudioUnreadable
from pgvoice.hooks.audio.blocks import BLOCK_PACKETS, BlockDecoder
from pgvoice.hooks.audio.decoder import Range
from pgvoice.hooks.audio.recording import open_decoder
from pgvoice.hooks.audio.sequential import SequentialDecoder
from pgvoice.hooks.encoders.encoder import Waveform

SECONDS = 70
#: At which 1024 packets are 33 s of AAC and 37 s of mp3.
RATE = 32_000
MS = SECONDS * 1000

Make = Callable[[str], Path]


@cache
def sound() -> Channels:
    return spread(speech_band(SECONDS, RATE), 2)


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """A file of three blocks; made once."""

    @cache
    def made(name: str) -> Path:
        coding = (INDEXED | LOSSY | OPEN_ENDED)[name]
        path = tmp_path_factory.mktemp("blocks") / f"sound{coding.suffix}"
        return write(path, sound(), RATE, coding)

    return made


@pytest.fixture(scope="module")
def whole(make: Make) -> Callable[[str], Waveform]:
    """All of a file's audio, from one pass."""

    @cache
    def heard(name: str) -> Waveform:
        ((_, waveform),) = cut(make(name), [(0, MS + 1000)], RATE)
        return waveform

    return heard


def undivided(path: Path) -> Waveform:
    decoder = SequentialDecoder(path)
    parts = [part for _, part in decoder.blocks([Range(0, 10**9)])]
    decoder.close()
    return np.concatenate(parts)


_SPAN = st.tuples(st.integers(0, MS), st.integers(1, 3000)).map(lambda s: (s[0], s[0] + s[1]))


@given(spans=st.lists(_SPAN, min_size=1, max_size=4))
@settings(deadline=None, max_examples=20)
@pytest.mark.parametrize("name", INDEXED)
def test_a_seek_gives_the_samples_of_the_whole(
    make: Make,
    whole: Callable[[str], Waveform],
    name: str,
    spans: list[tuple[int, int]],
) -> None:
    for index, waveform in cut(make(name), spans, RATE):
        start, stop = (ms * RATE // 1000 for ms in spans[index])
        assert waveform.tobytes() == whole(name)[start:stop].tobytes()


@pytest.mark.parametrize("name", INDEXED)
def test_around_the_start_of_a_block(
    make: Make, whole: Callable[[str], Waveform], name: str
) -> None:
    with open_decoder(make(name)) as decoder:
        assert isinstance(decoder, BlockDecoder)
        edge = decoder._position(BLOCK_PACKETS)
    for start, stop in [(edge - 1, edge), (edge, edge + 1), (edge - 5, edge + 5)]:
        with open_decoder(make(name)) as decoder:
            found = list(decoder.blocks([Range(start, stop)]))
        position, heard = found[0][0], np.concatenate([part for _, part in found])
        part = heard[start - position : stop - position]
        assert part.tobytes() == whole(name)[start:stop].tobytes()


@pytest.mark.parametrize("name", [n for n in INDEXED if "aac 32" not in n])
def test_blocks_are_an_undivided_decode(
    make: Make, whole: Callable[[str], Waveform], name: str
) -> None:
    assert whole(name).tobytes() == undivided(make(name)).tobytes()


def test_substituted_noise_is_as_strong(make: Make, whole: Callable[[str], Waveform]) -> None:
    """Encoded at 32 kbit/s the file is largely such noise, and never twice the same."""
    heard, expected = whole("aac 32 kbit/s"), undivided(make("aac 32 kbit/s"))
    assert heard.shape == expected.shape
    seconds = [np.array_split(samples, SECONDS) for samples in (heard, expected)]
    levels = [np.log10([np.mean(part**2) for part in parts]) * 10 for parts in seconds]
    np.testing.assert_allclose(levels[0], levels[1], atol=0.5)


@pytest.mark.parametrize("name", INDEXED)
def test_the_length_is_known_without_decoding(
    make: Make, whole: Callable[[str], Waveform], name: str
) -> None:
    decoder = SequentialDecoder(make(name))
    counted = decoder.count_samples()
    decoder.close()
    with open_decoder(make(name)) as blocks:
        assert blocks.count_samples() == counted
    assert probe(make(name)).duration_ms == round(counted * 1000 / RATE)
    assert 0 <= len(whole(name)) - counted < 1024


@pytest.mark.parametrize("name", INDEXED)
def test_little_is_decoded_for_little(make: Make, name: str) -> None:
    """Spans in two blocks; of the second block only the first fifth is needed."""
    with open_decoder(make(name)) as decoder:
        assert isinstance(decoder, BlockDecoder)
        read = count_reads(decoder)
        list(decoder.blocks([Range(0, 10), Range(42 * RATE, 42 * RATE + 10)]))
    assert len(read) < BLOCK_PACKETS // 2


def count_reads(decoder: BlockDecoder) -> list[int]:
    """A list that collects the sizes of the packets read from now on."""
    sizes, read = list[int](), decoder._index.read

    def counted(first: int) -> Iterator[Packet[AudioStream]]:
        for packet in read(first):
            sizes.append(packet.size)
            yield packet

    decoder._index = replace(decoder._index, read=counted)
    return sizes


@pytest.mark.parametrize("name", ["fragmented mp4", "adts", "mpegts", "mka"])
def test_what_has_no_index_is_decoded_from_its_start(make: Make, name: str) -> None:
    with open_decoder(make(name)) as decoder:
        assert isinstance(decoder, SequentialDecoder)


@pytest.mark.parametrize("name", ["mp3", "mp3 without count"])
@pytest.mark.parametrize(
    "tail", [b"APETAGEX" + bytes(56), b"TAG" + bytes(125), bytes(7)], ids=["APE", "ID3v1", "zeros"]
)
def test_tags_behind_an_mp3(make: Make, tmp_path: Path, name: str, tail: bytes) -> None:
    path = tmp_path / "tagged.mp3"
    path.write_bytes(make(name).read_bytes() + tail)
    with open_decoder(path) as decoder:
        assert isinstance(decoder, BlockDecoder) == tail.startswith(b"TAG")
    for span in [(0, 500), (MS - 500, MS + 100)]:
        heard, expected = (next(cut(file, [span], RATE))[1] for file in (path, make(name)))
        assert heard.tobytes() == expected.tobytes()


def test_damage_is_met_where_it_is_wanted(make: Make, tmp_path: Path) -> None:
    content = bytearray(make("aac without noise").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = np.random.default_rng(0).bytes(4000)
    path = tmp_path / "damaged.m4a"
    path.write_bytes(content)
    assert len(next(cut(path, [(68_000, 69_000)], RATE))[1]) == RATE
    with pytest.raises(AudioUnreadable, match=r"at 3\d\.\d s"):
        list(cut(path, [(0, MS)], RATE))
