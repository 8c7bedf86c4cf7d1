"""Fixtures for the encoders: SpeechBrain's ECAPA with seeded weights, and speech."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from pgvoice_testkit.audio.shared_recordings import SPEECH
from pgvoice_testkit.processes import lazy_modules

from pgvoice.hooks.encoders.ecapa.ecapa import TOPOLOGY
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform

SAMPLE_RATE = 16_000
CLIPS = SPEECH / "librispeech-test-other"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Short products gain little from threads, which wait for each other on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Clip(NamedTuple):
    speaker: str
    waveform: Waveform


@pytest.fixture(scope="session")
def clips() -> list[Clip]:
    """Ten clips of each of ten speakers; skips if there are none."""
    paths = sorted(CLIPS.glob("*/*.flac"))
    if not paths:
        pytest.skip("needs LibriSpeech test-other in ../shared/speech")
    return [Clip(path.parent.name, _read(path)) for path in paths]


@pytest.fixture(scope="session")
def segments() -> list[Waveform]:
    """32 segments of 0.5 to 5 s of real speech, or of noise shaped like it."""
    rng = np.random.default_rng(0)
    paths = sorted(CLIPS.glob("*/*.flac"))[::3][:32]
    sizes = rng.lognormal(np.log(24_000), 0.6, 32).clip(8_000, 80_000).astype(int)
    sources = [_read(path) for path in paths] or [_noise(rng, 80_000) for _ in range(32)]
    return [source[:size] for source, size in zip(sources, sizes, strict=False)]


def _read(path: Path) -> Waveform:
    waveform: Waveform = soundfile.read(path, dtype="float32")[0]
    return waveform


def _noise(rng: np.random.Generator, samples: int) -> Waveform:
    """White noise whose loudness changes every 60 ms, like syllables."""
    loudness = np.repeat(rng.uniform(0.01, 1, samples // 960 + 1), 960)[:samples]
    return (0.1 * loudness * rng.standard_normal(samples)).astype(np.float32)


@pytest.fixture
def make_noise() -> Callable[[int, int], Waveform]:
    """Noise shaped like speech, by seed and samples."""
    return lambda seed, samples: _noise(np.random.default_rng(seed), samples)


class Reference(NamedTuple):
    """SpeechBrain's own modules, which run one segment at a time."""

    model: Any
    fbank: Any
    norm: Any

    def features(self, waveform: Waveform) -> torch.Tensor:
        """``(1, frames, mels)``."""
        features: torch.Tensor = self.norm(self.fbank(torch.tensor(waveform)[None]), torch.ones(1))
        return features

    def encode(self, waveforms: list[Waveform]) -> Embeddings:
        """Rows of unit length."""
        with torch.inference_mode():
            rows = [self.model(self.features(w), torch.ones(1)).flatten() for w in waveforms]
        return torch.nn.functional.normalize(torch.stack(rows)).numpy()


def make_reference(**topology: Any) -> Reference:
    """Seeded weights; normalisations scale by either sign, and shift, as after training."""
    from speechbrain.lobes.features import Fbank
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
    from speechbrain.processing.features import InputNormalization

    lazy_modules.calm()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = ECAPA_TDNN(**topology)
        for norm in (part for part in model.modules() if isinstance(part, torch.nn.BatchNorm1d)):
            _randomise(norm)
    norm = InputNormalization(norm_type="sentence", std_norm=False)
    return Reference(model.eval(), Fbank(n_mels=topology["input_size"]), norm)


def _randomise(norm: Any) -> None:
    with torch.no_grad():
        norm.running_mean.normal_(0, 0.3)
        norm.running_var.uniform_(0.5, 2)
        norm.weight.normal_(0.8, 0.5)
        norm.bias.normal_(0, 0.3)


@pytest.fixture(scope="session")
def reference_of() -> Callable[..., Reference]:
    return make_reference


@pytest.fixture(scope="session")
def official() -> Reference:
    """The published topology with seeded weights."""
    return make_reference(**TOPOLOGY)


@pytest.fixture(scope="session")
def weights_folder(official: Reference, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the weights of `official` in a file named as on the hub."""
    folder = tmp_path_factory.mktemp("ecapa")
    torch.save(official.model.state_dict(), folder / "embedding_model.ckpt")
    return folder


@pytest.fixture(scope="session")
def expected(official: Reference, segments: list[Waveform]) -> NDArray[np.float32]:
    """`segments` encoded by SpeechBrain one by one."""
    return official.encode(segments)
