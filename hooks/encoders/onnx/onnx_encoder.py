"""``onnx:/folder-or-file``: a speaker model in an ONNX file, through ONNX Runtime."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.encoders.lazy import batch_seconds
from pgvoice.hooks.encoders.onnx.front_ends import features
from pgvoice.hooks.encoders.onnx.graph_file import read_graph
from pgvoice.hooks.encoders.onnx.model import Model, find_model, read_model
from pgvoice.hooks.encoders.onnx.sessions import devices, open_session
from pgvoice.hooks.encoders.onnx.trial import check_device, run, try_out
from pgvoice.hooks.encoders.waveforms import check_waveforms, unit_rows
from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from pgvoice.hooks.encoders.onnx.signature import Array

logger = logging.getLogger(__name__)

#: Seconds of audio of one length for one run: activations take a hundred times as much memory.
RUN_SECONDS = 60


class _Loaded(NamedTuple):
    """A session that was tried out."""

    session: InferenceSession
    device: str
    #: Whether waveforms of one length may be encoded together.
    together: bool


class OnnxEncoder:
    """An encoder whose rows never depend on their neighbours: equal lengths, or one by one."""

    def __init__(self, source: str | Path, device: str | None = None) -> None:
        """`source` is an ONNX file, or a folder with exactly one; nothing is read yet."""
        self._source = source
        self._wanted_device = device
        self._lock = Lock()
        self._loaded: _Loaded | None = None

    @cached_property
    def model(self) -> Model:
        """What is known of the model; raises `EncoderUnavailable` if that is not enough."""
        return read_model(find_model(self._source))

    @property
    def identity(self) -> EncoderIdentity:
        return self.model.identity

    @property
    def default_threshold(self) -> Threshold:
        return self.model.threshold

    @property
    def min_samples(self) -> int:
        return self.model.min_samples

    @property
    def batch_samples(self) -> int:
        return batch_seconds(self.device) * self.identity.sample_rate

    @property
    def device(self) -> str:
        """``cpu``, ``cuda:0``, ``coreml``, ``directml`` or ``openvino``; imports onnxruntime."""
        return self._loaded.device if self._loaded else self._devices[0]

    @cached_property
    def _devices(self) -> list[str]:
        return devices(self._wanted_device)

    def load(self) -> None:
        self._load()

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        check_waveforms(waveforms, self.min_samples)
        vectors = np.empty((len(waveforms), self.identity.dimension), np.float32)
        if not waveforms:
            return vectors
        session, _, together = self._load()
        rows = [features(waveform, self.model.front_end) for waveform in waveforms]
        for places in _runs(rows, waveforms, self.identity.sample_rate if together else 0):
            vectors[places] = run(session, self.model, np.stack([rows[at] for at in places]))
        return unit_rows(vectors)

    def _load(self) -> _Loaded:
        with self._lock:
            if self._loaded is None:
                self._check_unchanged()
                self._loaded = self._on_the_best()
            return self._loaded

    def _check_unchanged(self) -> None:
        """Raise `EncoderUnavailable` if the file is no longer the one of the identity."""
        if f"sha256:{read_graph(self.model.path).sha256}" != self.identity.revision:
            raise EncoderUnavailable(f"{self.model.path} was replaced meanwhile: start again")

    def _on_the_best(self) -> _Loaded:
        """On the first device that works; the last one's error is raised if none does."""
        *better, last = self._devices
        for device in better:
            try:
                return self._on(device)
            except EncoderUnavailable as error:
                logger.warning("not on %s: %s", device, error)
        return self._on(last)

    def _on(self, device: str) -> _Loaded:
        session = open_session(self.model.path, device)
        together = try_out(session, self.model)
        if device != "cpu":
            check_device(session, open_session(self.model.path, "cpu"), self.model)
        return _Loaded(session, device, together)


def _runs(rows: Sequence[Array], waveforms: Sequence[Waveform], rate: int) -> Iterator[list[int]]:
    """The places of the rows of each run: of one length, up to `RUN_SECONDS`; one each for 0 Hz."""
    by_length = dict[int, list[int]]()
    for place, row in enumerate(rows):
        by_length.setdefault(len(row), []).append(place)
    for places in by_length.values():
        most = max(1, RUN_SECONDS * rate // waveforms[places[0]].size)
        for start in range(0, len(places), most):
            yield places[start : start + most]
