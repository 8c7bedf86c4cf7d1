"""Tests that every encoder and every segmenter must pass; authors of plugins inherit them.

    class TestMine(EncoderConformance):
        def make_encoder(self) -> Encoder:
            return MyEncoder()

Pytest collects such a class like any other.
"""

from __future__ import annotations

import gc
import math
import sys
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pgvoice.hooks.audio.decoder import Decoder, Range
from pgvoice.hooks.audio.recording import OpenRecording, open_decoder, stamp_of
from pgvoice.hooks.audio.stream import AudioStream
from pgvoice.hooks.encoders.encoder import Embeddings, Encoder, Waveform
from pgvoice.hooks.segmenters.segmenter import Segmenter
from pgvoice.hooks.turns import Turn

#: Lengths of the test waveforms; some are equal or nearly so, for encoders that batch such ones.
SECONDS = (0.7, 3.1, 1.0, 2.4, 1.0, 1.004)
#: Each is this many times as loud as the one before, or as quiet.
LOUDER = 8
#: The lengths and the number of waveforms of each, for a batch of many.
CROWD_SECONDS, CROWD = (0.7, 0.85, 1.0), 6


class EncoderConformance(ABC):
    """The promises of `pgvoice.hooks.Encoder`; every test calls `make_encoder`."""

    #: The largest distance between two vectors of length 1 that count as equal.
    tolerance = 1e-4

    @abstractmethod
    def make_encoder(self) -> Encoder:
        """A new encoder, as the plugin's factory creates it: without its weights."""

    @pytest.fixture
    def encoder(self) -> Encoder:
        return self.make_encoder()

    @pytest.fixture
    def waveforms(self, encoder: Encoder) -> list[Waveform]:
        return self.make_waveforms(encoder)

    def make_waveforms(self, encoder: Encoder) -> list[Waveform]:
        """Synthetic voices of several lengths and pitches."""
        rate, shortest = encoder.identity.sample_rate, encoder.min_samples
        lengths = [max(shortest, round(rate * seconds)) for seconds in SECONDS]
        voices = [voice(length, rate, 90 + 45 * place) for place, length in enumerate(lengths)]
        return [sound / np.float32(LOUDER ** (place % 2)) for place, sound in enumerate(voices)]

    def test_identity_and_settings_need_no_weights(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A fill with nothing missing needs neither torch nor `load`."""
        with monkeypatch.context() as without_torch:
            without_torch.setitem(sys.modules, "torch", None)
            encoder = self.make_encoder()
            without_torch.setattr(type(encoder), "load", _refuse)
            without_torch.setattr(type(encoder), "encode", _refuse)
            identity, threshold = encoder.identity, encoder.default_threshold
            shortest = encoder.min_samples
        assert identity == self.make_encoder().identity
        assert identity.name, "the identity needs a name"
        assert identity.revision, "the identity needs a revision: a hash of the weights"
        assert not identity.is_imported, "the preprocessing is that of imported vectors"
        assert identity.dimension > 0
        assert -1 <= threshold.similarity <= 1
        assert threshold.source, "the threshold needs a source"
        assert 0 < shortest <= identity.sample_rate, "a waveform of a second must be long enough"

    def test_it_is_an_encoder(self, encoder: Encoder) -> None:
        assert isinstance(encoder, Encoder)
        assert encoder.device
        assert encoder.batch_samples >= encoder.min_samples
        encoder.load()
        encoder.load()

    def test_sample_rate(self, encoder: Encoder) -> None:
        """`encode` gets audio at this rate."""
        assert isinstance(encoder.identity.sample_rate, int)
        assert 8_000 <= encoder.identity.sample_rate <= 48_000

    def test_shape_and_dtype(self, encoder: Encoder, waveforms: list[Waveform]) -> None:
        rows = encoder.encode(waveforms)
        assert rows.shape == (len(waveforms), encoder.identity.dimension)
        assert rows.dtype == np.float32
        assert encoder.encode([]).shape == (0, encoder.identity.dimension)

    def test_unit_length(self, encoder: Encoder, waveforms: list[Waveform]) -> None:
        lengths = np.linalg.norm(encoder.encode(waveforms).astype(np.float64), axis=1)
        assert np.abs(lengths - 1).max() < 1e-5, f"rows of the lengths {lengths}"

    def test_a_row_depends_on_its_own_waveform_alone(
        self, encoder: Encoder, waveforms: list[Waveform]
    ) -> None:
        """Padding a batch fails here: it changes the vectors of short waveforms."""
        alone = np.concatenate([encoder.encode([waveform]) for waveform in waveforms])
        self._same(encoder.encode(waveforms), alone, "in a batch")

    def test_a_row_is_the_same_among_many(self, encoder: Encoder) -> None:
        """Also in a batch of many equal lengths, which some models take at once."""
        rate, shortest = encoder.identity.sample_rate, encoder.min_samples
        lengths = [max(shortest, round(rate * seconds)) for seconds in CROWD_SECONDS * CROWD]
        crowd = [voice(length, rate, 90 + 15 * place) for place, length in enumerate(lengths)]
        alone = np.concatenate([encoder.encode([waveform]) for waveform in crowd])
        self._same(encoder.encode(crowd), alone, "among many")

    def test_a_broken_neighbour_spoils_nothing(
        self, encoder: Encoder, waveforms: list[Waveform]
    ) -> None:
        """A waveform that overflows the model gets a row of NaN, and the others get their own."""
        broken = waveforms[2] * np.float32(1e30)
        with np.errstate(all="ignore"):
            rows = encoder.encode([*waveforms, broken])
        self._same(rows[:-1], encoder.encode(waveforms), "beside a waveform that overflows")
        row = rows[-1]
        assert np.isfinite(row).all() or np.isnan(row).all(), "a row is partly NaN"

    def test_order(self, encoder: Encoder, waveforms: list[Waveform]) -> None:
        forwards = encoder.encode(waveforms)
        self._same(encoder.encode(waveforms[::-1])[::-1], forwards, "in another order")

    def test_the_same_again(self, encoder: Encoder, waveforms: list[Waveform]) -> None:
        first = encoder.encode(waveforms)
        self._same(encoder.encode(waveforms), first, "a second time")
        self._same(self.make_encoder().encode(waveforms), first, "with a new encoder")

    def test_different_sounds_differ(self, encoder: Encoder, waveforms: list[Waveform]) -> None:
        rows = encoder.encode(waveforms)
        products = rows @ rows.T - 2 * np.eye(len(rows), dtype=np.float32)
        assert products.max() < 1 - 1e-5, "two waveforms have the same vector"

    def test_waveforms_stay_as_they_are(self, encoder: Encoder, waveforms: list[Waveform]) -> None:
        before = [waveform.copy() for waveform in waveforms]
        encoder.encode(waveforms)
        for waveform, copy in zip(waveforms, before, strict=True):
            assert np.array_equal(waveform, copy), "encode changed its input"

    def test_the_shortest(self, encoder: Encoder, waveforms: list[Waveform]) -> None:
        """`min_samples` are enough; one less raises `ValueError`, also in a batch."""
        shortest = waveforms[0][: encoder.min_samples]
        assert np.isfinite(encoder.encode([shortest])).all()
        with pytest.raises(ValueError, match=r"."):
            encoder.encode([waveforms[1], shortest[:-1]])

    def _same(self, rows: Embeddings, others: Embeddings, when: str) -> None:
        distance = np.linalg.norm(rows - others, axis=1).max()
        assert np.isfinite(distance), f"{when}, a vector is not finite"
        assert distance <= self.tolerance, f"{when}, a vector moves by {distance:.2g}"


def voice(samples: int, sample_rate: int, pitch: float) -> Waveform:
    """A buzz with a voice's overtones and a little noise, in [-1, 1]."""
    time = np.arange(samples) / sample_rate
    overtones = [np.sin(2 * np.pi * pitch * n * time) / n for n in range(1, 12)]
    noise = np.random.default_rng(round(pitch)).normal(0, 0.02, samples)
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 3 * time)
    sound: Waveform = (0.2 * swell * np.sum(overtones, axis=0) + noise).astype(np.float32)
    return sound


def _refuse(self: object, *given: object) -> Embeddings:
    raise AssertionError(f"{type(self).__name__} loads its model for its identity")


class SegmenterConformance(ABC):
    """The promises of `pgvoice.hooks.Segmenter`; every test calls `make_segmenter`."""

    @abstractmethod
    def make_segmenter(self) -> Segmenter:
        """A new segmenter, as the plugin's factory creates it: without its weights."""

    def make_recording(self, folder: Path) -> Path:
        """A file with speech of at least two people, half a minute or more.

        By default two buzzing voices; a segmenter that finds no speech in these needs another one.
        """
        return write_conversation(folder / "conversation.wav")

    @pytest.fixture
    def segmenter(self) -> Segmenter:
        return self.make_segmenter()

    @pytest.fixture
    def recording(self, tmp_path: Path) -> Path:
        return self.make_recording(tmp_path)

    def test_identity_needs_no_weights(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A fill of a recording that was segmented needs neither torch nor `load`."""
        with monkeypatch.context() as without_torch:
            without_torch.setitem(sys.modules, "torch", None)
            segmenter = self.make_segmenter()
            without_torch.setattr(type(segmenter), "load", _refuse)
            without_torch.setattr(type(segmenter), "turns", _refuse)
            identity, people = segmenter.identity, segmenter.labels_are_people
        again = self.make_segmenter().identity
        assert (identity, str(identity)) == (again, str(again))
        assert identity.name, "the identity needs a name"
        assert identity.revision, "the identity needs a revision: a hash of the weights"
        assert isinstance(people, bool)

    def test_it_is_a_segmenter(self, segmenter: Segmenter) -> None:
        assert isinstance(segmenter, Segmenter)
        assert segmenter.device
        segmenter.load()
        segmenter.load()

    def test_turns_are_valid(self, segmenter: Segmenter, recording: Path) -> None:
        with opened_in_blocks(recording) as opened:
            turns = list(segmenter.turns(AudioStream(opened)))
            seconds = opened.info.duration_ms / 1000
        assert turns, "no turn is found: return a recording with speech from make_recording"
        for turn in turns:
            assert math.isfinite(turn.start), turn
            assert math.isfinite(turn.end), turn
            assert 0 <= turn.start < turn.end <= seconds + ROUNDING, turn
            assert turn.label, "a turn needs a label"
        starts = [turn.start for turn in turns]
        assert starts == sorted(starts), "turns must come in the order of their starts"

    def test_the_same_again(self, segmenter: Segmenter, recording: Path) -> None:
        first = _turns_of(segmenter, recording)
        assert _turns_of(segmenter, recording) == first, "a second time, other turns are found"
        other = self.make_segmenter()
        assert _turns_of(other, recording) == first, "a new segmenter finds other turns"

    @pytest.mark.parametrize("samples", [997, 300_000])
    def test_blocks_do_not_matter(
        self, segmenter: Segmenter, recording: Path, samples: int
    ) -> None:
        """How many samples are decoded at once must not show."""
        first = _turns_of(segmenter, recording)
        assert _turns_of(segmenter, recording, samples) == first, "other blocks give other turns"

    def test_silence_has_no_turns(self, segmenter: Segmenter, tmp_path: Path) -> None:
        soundfile.write(tmp_path / "silence.wav", np.zeros(25 * RATE, np.float32), RATE)
        assert _turns_of(segmenter, tmp_path / "silence.wav") == []

    @pytest.mark.parametrize("seconds", [0.05, 0.9, 3.3])
    def test_a_short_recording(self, segmenter: Segmenter, tmp_path: Path, seconds: float) -> None:
        path = tmp_path / "short.wav"
        soundfile.write(path, voice(round(seconds * RATE), RATE, 120), RATE)
        assert all(
            0 <= turn.start < turn.end <= seconds + ROUNDING for turn in _turns_of(segmenter, path)
        )

    def test_windows_are_not_kept(self, segmenter: Segmenter, tmp_path: Path) -> None:
        """Memory must not grow with the recording."""
        with opened_in_blocks(write_conversation(tmp_path / "long.wav", times=8)) as opened:
            audio = _Watched(opened)
            for _ in segmenter.turns(audio):
                pass
        assert audio.kept_ms is None, (
            f"the window at {audio.kept_ms / 1000:.0f} s was still in memory"
            f" {MOST_KEPT_MS / 1000:.0f} s later"
        )


#: Hz, of the recordings that are made.
RATE = 16_000
#: Lengths are whole milliseconds.
ROUNDING = 0.001
#: How far back windows may stay in memory.
MOST_KEPT_MS = 120_000


class _Watched(AudioStream):
    """A stream that watches which of its windows are still in memory."""

    #: The first window that stayed too long.
    kept_ms: int | None = None

    def windows(
        self, length_ms: int, step_ms: int, sample_rate: int
    ) -> Iterator[tuple[int, Waveform]]:
        alive = dict[int, weakref.ref[Waveform]]()
        for start_ms, window in super().windows(length_ms, step_ms, sample_rate):
            alive[start_ms] = weakref.ref(window)
            yield start_ms, window
            del window
            if self.kept_ms is None:
                alive = {start: each for start, each in alive.items() if each() is not None}
                self._check(alive, start_ms - MOST_KEPT_MS)

    def _check(self, alive: Mapping[int, weakref.ref[Waveform]], before_ms: int) -> None:
        if alive and min(alive) < before_ms:
            gc.collect()
            kept = [start for start, window in alive.items() if window() is not None]
            self.kept_ms = next((start for start in kept if start < before_ms), None)


def _turns_of(segmenter: Segmenter, path: Path, samples: int | None = None) -> list[Turn]:
    with opened_in_blocks(path, samples) as opened:
        return list(segmenter.turns(AudioStream(opened)))


@contextmanager
def opened_in_blocks(path: Path, samples: int | None = None) -> Iterator[OpenRecording]:
    """An open recording that is decoded in blocks of so many samples, or as usual."""
    with open_decoder(path) as decoder:
        yield OpenRecording(path, _Blocks(decoder, samples) if samples else decoder, stamp_of(path))


class _Blocks:
    """A decoder whose blocks have another size."""

    def __init__(self, decoder: Decoder, samples: int) -> None:
        self._decoder, self._samples = decoder, samples
        self.sample_rate, self.channels = decoder.sample_rate, decoder.channels
        self.count_samples, self.close = decoder.count_samples, decoder.close

    def blocks(self, wanted: Sequence[Range]) -> Iterator[tuple[int, Waveform]]:
        whole = [Range(wanted[0].start, wanted[-1].stop)] if wanted else []
        start, waiting = None, np.empty(0, np.float32)
        for position, block in self._decoder.blocks(whole):
            start = position if start is None else start
            waiting = np.concatenate([waiting, block])
            while len(waiting) >= self._samples:
                yield start, waiting[: self._samples]
                start, waiting = start + self._samples, waiting[self._samples :]
        if start is not None and len(waiting):
            yield start, waiting


def write_conversation(path: Path, times: int = 1) -> Path:
    """Write 37 seconds, so many times: two voices in turn, pauses, and one moment of both."""
    ada, bob = (voice(12 * RATE, RATE, pitch) for pitch in (110, 190))
    sound = np.zeros(37 * RATE, np.float32)
    for who, start, end in (
        (ada, 1, 9),
        (bob, 10, 17),
        (ada, 16, 22),
        (bob, 25, 28),
        (ada, 30, 36),
    ):
        sound[start * RATE : end * RATE] += who[: (end - start) * RATE]
    soundfile.write(path, np.clip(np.tile(sound, times), -1, 1), RATE)
    return path
