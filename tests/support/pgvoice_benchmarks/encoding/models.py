"""The plain models, as published: features and network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import files
from pathlib import Path
from typing import Any, Protocol

import torch
from pgvoice_testkit.encoders.plain_campplus import Campplus
from torch import Tensor, nn
from torchaudio.compliance import kaldi

from pgvoice.hooks.encoders.campplus import campplus
from pgvoice.hooks.encoders.campplus.campplus_topology import MELS
from pgvoice.hooks.encoders.ecapa import ecapa
from pgvoice.hooks.encoders.encoder import Embeddings
from pgvoice.hooks.encoders.waveforms import unit_rows

SAMPLE_RATE = 16_000


class PlainModel(Protocol):
    """A model for batches of one length; `lengths` are the shares without padding.

    On a card its products have the process's precision. SpeechBrain sets that to TF32.
    """

    name: str
    #: The origin of its weights.
    weights: str
    network: nn.Module
    mels: int
    #: Whether it uses `lengths`.
    takes_lengths: bool
    #: By layer name, the number of inputs that are equal in all frames.
    constant_inputs: Mapping[str, int]

    def source(self, folder: Path) -> str:
        """The name of the same model for `make_encoder`; may write weights to the folder."""
        ...

    def frames(self, samples: int) -> int: ...

    def encode(self, samples: Tensor, lengths: Tensor | None = None) -> Embeddings:
        """``(segments, samples)`` to rows of unit length."""
        ...


class PlainEcapa:
    """SpeechBrain's modules in the published topology with seeded random weights."""

    name = "ecapa"
    weights = "seeded random weights in the published topology, which take the same time"
    mels = ecapa.MELS
    takes_lengths = True
    #: The mean and standard deviation beside each frame of the attention.
    constant_inputs: Mapping[str, int] = {"asp.tdnn.conv.conv": 2 * ecapa.TOPOLOGY["channels"][-1]}

    def __init__(self, device: str = "cpu") -> None:
        from speechbrain.lobes.features import Fbank
        from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
        from speechbrain.processing.features import InputNormalization

        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.network: nn.Module = ECAPA_TDNN(**ecapa.TOPOLOGY).eval()
            for part in self.network.modules():
                if isinstance(part, nn.BatchNorm1d):
                    _randomise(part)
        self._device = device
        self.network.to(device)
        self._fbank: Any = Fbank(n_mels=self.mels).to(device)
        self._norm: Any = InputNormalization(norm_type="sentence", std_norm=False).to(device)

    def source(self, folder: Path) -> str:
        torch.save(self.network.state_dict(), folder / ecapa.WEIGHTS_FILE)
        return f"{self.name}:{folder}"

    def frames(self, samples: int) -> int:
        return samples // ecapa.HOP + 1

    @torch.inference_mode()
    def encode(self, samples: Tensor, lengths: Tensor | None = None) -> Embeddings:
        shares = torch.ones(len(samples)) if lengths is None else lengths
        samples, shares = samples.to(self._device), shares.to(self._device)
        vectors = self.network(self._norm(self._fbank(samples), shares), shares)
        return unit_rows(vectors.flatten(1).cpu().numpy())


class PlainCampplus:
    """CAM++ with the published weights, and Kaldi's filter banks."""

    name = "campplus"
    weights = "the published weights"
    mels = MELS
    takes_lengths = False
    constant_inputs: Mapping[str, int] = {}

    def __init__(self, device: str = "cpu") -> None:
        listed = files(campplus.PACKAGE) or []
        path = next(f for f in listed if f.as_posix().endswith(campplus.WEIGHTS_FILE)).locate()
        self.network: nn.Module = Campplus().eval()
        self.network.load_state_dict(torch.load(str(path), weights_only=True))
        self._device = device
        self.network.to(device)

    def source(self, folder: Path) -> str:
        return self.name

    def frames(self, samples: int) -> int:
        """Frames of 25 ms every 10 ms, all within the samples."""
        return (samples - SAMPLE_RATE // 40) // (SAMPLE_RATE // 100) + 1

    @torch.inference_mode()
    def encode(self, samples: Tensor, lengths: Tensor | None = None) -> Embeddings:
        features = torch.stack([self._features(row) for row in samples.to(self._device)])
        return unit_rows(self.network(features).cpu().numpy())

    def _features(self, samples: Tensor) -> Tensor:
        mels: Tensor = kaldi.fbank(
            samples[None], num_mel_bins=self.mels, sample_frequency=SAMPLE_RATE
        )
        return mels - mels.mean(0)


#: Each takes the device to run on.
MODELS: Mapping[str, Callable[[str], PlainModel]] = {
    "ecapa": PlainEcapa,
    "campplus": PlainCampplus,
}


def _randomise(norm: nn.BatchNorm1d) -> None:
    """Scales of either sign, and shifts, as after training."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    with torch.no_grad():
        norm.running_mean.normal_(0, 0.3)
        norm.running_var.uniform_(0.5, 2)
        norm.weight.normal_(0.8, 0.5)
        norm.bias.normal_(0, 0.3)
