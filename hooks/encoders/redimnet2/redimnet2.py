"""ReDimNet2, trained on VoxBlink2 and VoxCeleb2: 192 dimensions, 16 kHz, through ONNX Runtime.

The package redimnet2-onnx (MIT) has the front end and publishes the networks of
https://github.com/PalabraAI/redimnet2 (MIT).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.encoders.lazy import SAMPLE_RATE, batch_seconds
from pgvoice.hooks.encoders.onnx.sessions import devices, open_session
from pgvoice.hooks.encoders.onnx.trial import SAME_ON_DEVICES
from pgvoice.hooks.encoders.redimnet2.release import Released, find_model
from pgvoice.hooks.encoders.waveforms import check_waveforms, unit_rows
from pgvoice.hooks.errors import EncoderUnavailable, needs_extra
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

DIMENSION = 192
#: The longest waveform that the networks take.
MAX_SAMPLES = 30 * SAMPLE_RATE


class _Network(NamedTuple):
    """A session, and what makes its features."""

    session: InferenceSession
    front_end: Any
    input: str
    output: str

    def vector(self, part: Waveform) -> Embeddings:
        """The vector of 1 to 30 s, of unit length; NaN if it is not finite."""
        import torch

        features = self.front_end(torch.tensor(part)).numpy()
        row: Embeddings = unit_rows(self.session.run([self.output], {self.input: features})[0])[0]
        return row


class Redimnet2Encoder:
    """ReDimNet2, one waveform at a time, which is all that its networks take.

    A waveform of more than 30 s gets the mean of the vectors of equal parts, as few as possible.
    """

    default_threshold = Threshold(
        0.5, "a guess that is rather too high, as nobody measured it on conversations"
    )
    #: The networks take no less than a second.
    min_samples = SAMPLE_RATE

    def __init__(self, source: str | None = None, device: str | None = None) -> None:
        """`source` is the name of a model, a folder with the files of a release, or one of them."""
        self._source, self._wanted_device = source, device
        self._lock = Lock()
        self._loaded: tuple[_Network, str] | None = None

    @cached_property
    def model(self) -> Released:
        """The file, which is not opened; raises `EncoderUnavailable` if it is not here."""
        return find_model(self._source)

    @property
    def identity(self) -> EncoderIdentity:
        revision = f"sha256:{self.model.sha256}"
        return EncoderIdentity("redimnet2", revision, "1", DIMENSION, SAMPLE_RATE)

    @property
    def batch_samples(self) -> int:
        return batch_seconds(self.device) * SAMPLE_RATE

    @property
    def device(self) -> str:
        """As for models in ONNX files; imports onnxruntime."""
        return self._loaded[1] if self._loaded else self._devices[0]

    @cached_property
    def _devices(self) -> list[str]:
        return devices(self._wanted_device)

    def load(self) -> None:
        self._load()

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        check_waveforms(waveforms, self.min_samples)
        if not waveforms:
            return np.empty((0, DIMENSION), np.float32)
        network, _ = self._load()
        parts = map(equal_parts, waveforms)
        means = [np.mean([network.vector(part) for part in each], axis=0) for each in parts]
        return unit_rows(np.array(means, np.float32))

    def _load(self) -> tuple[_Network, str]:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._on_the_best(self.model.checked())
            return self._loaded

    def _on_the_best(self, path: Path) -> tuple[_Network, str]:
        """On the first device that works; the last one's error is raised if none does."""
        *better, last = self._devices
        for device in better:
            try:
                return _on(path, device), device
            except EncoderUnavailable:
                continue
        return _on(path, last), last


def equal_parts(waveform: Waveform) -> list[Waveform]:
    """As few parts of at most `MAX_SAMPLES` as there can be; they differ by a sample at most."""
    return np.array_split(waveform, -(-waveform.size // MAX_SAMPLES))


def _on(path: Path, device: str) -> _Network:
    network = _opened(path, device)
    if device != "cpu":
        sound = np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
        apart = np.linalg.norm(network.vector(sound) - _opened(path, "cpu").vector(sound))
        if not apart <= SAME_ON_DEVICES:
            raise EncoderUnavailable(
                f"vectors of {path} on {device} differ by {apart:.2g} from those of a CPU: choose"
                " the device cpu"
            )
    return network


def _opened(path: Path, device: str) -> _Network:
    with needs_extra("redimnet2"):
        from redimnet2_onnx.frontend import ReDimNetFrontend
        from redimnet2_onnx.runtime import validate_session_contract
    session = open_session(path, device)
    try:
        taken, returned = validate_session_contract(session)
    except RuntimeError as error:
        raise EncoderUnavailable(
            f"{path} is no network of ReDimNet2 ({error}): for another model, use onnx:{path}"
        ) from error
    return _Network(session, ReDimNetFrontend().eval(), taken, returned)
