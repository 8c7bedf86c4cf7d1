"""The next batch is decoded while the model encodes one; nothing else changes."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.hooks import fill
from pgvoice.hooks.audio.recording import OpenRecording, open_recording
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.errors import AudioUnreadable
from pgvoice.hooks.fill.embedding_pass import THREAD, EmbeddingPass, one_ahead
from pgvoice.store import SegmentKey, VoiceStore

SECONDS = 6
SPANS = [(float(start), start + 1.0) for start in range(SECONDS)]
KEYS = [SegmentKey(1000 * start, 1000 * start + 1000) for start in range(SECONDS)]
#: Two segments.
BATCH = 32_000


class Accelerated(CountingEncoder):
    """Claims to run on an accelerator; calls `before` with the number of each batch."""

    device = "somewhere:0"

    def __init__(self, before: Callable[[int], object] = lambda _batch: None) -> None:
        super().__init__(batch_samples=BATCH)
        self._before = before

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        self._before(len(self.calls))
        return super().encode(waveforms)


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    return write(tmp_path / "talk.wav", *(voice(100 + 30 * n, 1, n) for n in range(SECONDS)))


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> defaultdict[int, threading.Event]:
    """By number of a segment, an event that is set once the segment is decoded."""
    real, done = OpenRecording.cut, defaultdict[int, threading.Event](threading.Event)

    def noted(
        recording: OpenRecording, spans: Sequence[tuple[int, int]], rate: int
    ) -> Iterator[tuple[int, Waveform]]:
        for number, found in enumerate(real(recording, spans, rate)):
            done[number].set()
            yield found

    monkeypatch.setattr(OpenRecording, "cut", noted)
    return done


def _threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith(THREAD)]


def _stored(store: VoiceStore, video: str) -> list[tuple[SegmentKey, str, bytes]]:
    read = store.recordings.read(video, CountingEncoder().identity, KEYS)
    return [
        (key, row.status, np.asarray(row.embedding).tobytes()) for key, row in sorted(read.items())
    ]


def test_the_next_batch_is_decoded_meanwhile_and_no_more(
    store: VoiceStore, wav: Path, cut: defaultdict[int, threading.Event]
) -> None:
    def wait(batch: int) -> None:
        last_of_next = min(2 * batch + 3, SECONDS - 1)
        assert cut[last_of_next].wait(10)
        assert not cut[last_of_next + 1].is_set()

    report = fill(store, Accelerated(wait), video="v", audio=wav, segments=SPANS)
    assert (report.run.filled, report.encoder_calls) == (SECONDS, 3)
    assert _threads() == []
    fill(store, CountingEncoder(batch_samples=BATCH), video="plain", audio=wav, segments=SPANS)
    assert _stored(store, "v") == _stored(store, "plain")


def test_on_a_processor_and_for_a_single_batch_there_is_no_thread(wav: Path) -> None:
    def alone(_batch: int) -> None:
        assert _threads() == []

    encoder = Accelerated(alone)
    encoder.device = "cpu"
    with open_recording(wav) as recording:
        assert len(list(EmbeddingPass(encoder, recording).rows(KEYS))) == 3
        assert len(list(EmbeddingPass(Accelerated(alone), recording).rows(KEYS[:2]))) == 1


def test_what_goes_wrong_leaves_no_thread_and_what_was_done(store: VoiceStore, wav: Path) -> None:
    def fail(batch: int) -> None:
        if batch == 1:
            raise MemoryError("no memory left")

    with pytest.raises(MemoryError) as error:
        fill(store, Accelerated(fail), video="v", audio=wav, segments=SPANS)
    # While the error is at hand, and with it all that it happened in.
    assert _threads() == []
    assert error.value.args == ("no memory left",)
    assert len(_stored(store, "v")) == 2
    assert fill(store, Accelerated(), video="v", audio=wav, segments=SPANS).run.filled == 4


def test_audio_that_breaks_off_is_told_after_what_was_heard(
    store: VoiceStore, wav: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = OpenRecording.cut

    def broken(
        recording: OpenRecording, spans: Sequence[tuple[int, int]], rate: int
    ) -> Iterator[tuple[int, Waveform]]:
        for number, found in enumerate(real(recording, spans, rate)):
            if number == 3:
                raise AudioUnreadable("broken in the middle")
            yield found

    monkeypatch.setattr(OpenRecording, "cut", broken)
    encoder = Accelerated()
    with pytest.raises(AudioUnreadable, match="in the middle"):
        fill(store, encoder, video="v", audio=wav, segments=SPANS)
    assert (encoder.calls, _threads(), len(_stored(store, "v"))) == ([2], [], 2)


def test_whoever_stops_in_the_middle_ends_the_thread() -> None:
    stopped, begun = threading.Event(), threading.Event()

    def numbers() -> Iterator[int]:
        yield 1
        begun.set()
        assert stopped.wait(10)

    ahead = one_ahead(numbers(), stopped.set)
    assert next(ahead) == 1
    assert begun.wait(10)
    ahead.close()
    assert _threads() == []
