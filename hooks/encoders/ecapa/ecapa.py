"""SpeechBrain's ECAPA-TDNN, trained on VoxCeleb: 192 dimensions, 16 kHz.

The weights come from the hub or from a folder, and are loaded into a topology that is built here:
the YAML that lies beside them on the hub can run any code and is never read.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.encoders.lazy import SAMPLE_RATE, LazyEncoder
from pgvoice.hooks.encoders.waveforms import check_waveforms, unit_rows
from pgvoice.hooks.encoders.weights import digest, fit_weights, read_weights
from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.hooks.extras import needs_extra
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold

if TYPE_CHECKING:
    from pgvoice.hooks.encoders.ecapa.ecapa_network import PackedEcapa

HUB_NAME = "speechbrain/spkrec-ecapa-voxceleb"
HUB_REVISION = "0f99f2d0ebe89ac095bcc5903c4dd8f72b367286"
HUB_SHA256 = "0575cb64845e6b9a10db9bcb74d5ac32b326b8dc90352671d345e2ee3d0126a2"
WEIGHTS_FILE = "embedding_model.ckpt"

DIMENSION = 192
MELS = 80
#: Samples from one feature frame to the next.
HOP = 160
#: As in the hyperparameters that were published with the weights.
TOPOLOGY: dict[str, Any] = {
    "input_size": MELS,
    "channels": [1024, 1024, 1024, 1024, 3072],
    "kernel_sizes": [5, 3, 3, 3, 1],
    "dilations": [1, 2, 3, 4, 1],
    "attention_channels": 128,
    "lin_neurons": DIMENSION,
}
THRESHOLD = Threshold(
    0.25, "default of SpeechBrain's SpeakerRecognition.verify_batch (speechbrain 1.1.2)"
)


class EcapaEncoder(LazyEncoder["PackedEcapa"]):
    """Segments of any length are packed end to end; each vector is that of encoding it alone."""

    def __init__(self, source: str | Path | None = None, device: str | None = None) -> None:
        """`source` is a folder that holds ``embedding_model.ckpt``; without it, the hub."""
        self._folder = None if source is None else Path(source)
        super().__init__(device)

    @cached_property
    def identity(self) -> EncoderIdentity:
        """The same for the same weights, wherever they lie; a local file is read for its hash."""
        sha256 = HUB_SHA256 if self._folder is None else digest(self._local_file(self._folder))
        return EncoderIdentity("ecapa", f"sha256:{sha256}", "1", DIMENSION, SAMPLE_RATE)

    @property
    def default_threshold(self) -> Threshold:
        return THRESHOLD

    @property
    def min_samples(self) -> int:
        """A segment's frames must outnumber those that the widest convolution reflects."""
        widest = max(
            step * (taps - 1) // 2
            for taps, step in zip(TOPOLOGY["kernel_sizes"], TOPOLOGY["dilations"], strict=True)
        )
        return int(widest) * HOP

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        check_waveforms(waveforms, self.min_samples)
        if not waveforms:
            return np.empty((0, DIMENSION), np.float32)
        return unit_rows(self.network().encode(waveforms).numpy())

    def _load(self) -> PackedEcapa:
        with needs_extra("extract"):
            import torch
            from speechbrain.lobes.features import Fbank
            from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

            from pgvoice.hooks.encoders.ecapa.ecapa_network import PackedEcapa
        path = _fetched() if self._folder is None else self._local_file(self._folder)
        state = read_weights(path, self.identity.revision.removeprefix("sha256:"))
        with torch.device("meta"):
            model = ECAPA_TDNN(**TOPOLOGY)
        fit_weights(model, state, path)
        return PackedEcapa(model, Fbank(n_mels=MELS), self.device)

    @staticmethod
    def _local_file(folder: Path) -> Path:
        path = folder / WEIGHTS_FILE
        if not path.is_file():
            raise EncoderUnavailable(
                f"there is no {WEIGHTS_FILE} in {str(folder)!r}; name a folder that holds the "
                f"weights of {HUB_NAME}, or leave the source out to fetch them from the hub"
            )
        return path


def _fetched() -> Path:
    """The weights at the pinned revision, from the hub or from its cache on this machine."""
    with needs_extra("extract"):
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError
    try:
        return Path(hf_hub_download(HUB_NAME, WEIGHTS_FILE, revision=HUB_REVISION))
    except (OSError, ValueError, EntryNotFoundError) as error:
        raise EncoderUnavailable(
            f"{WEIGHTS_FILE} of {HUB_NAME} at {HUB_REVISION[:8]} cannot be had from the hub "
            f"({type(error).__name__}); connect once, or name a local folder that holds the file, "
            "or use PGVOICE_ENCODER=campplus, whose weights come with a package"
        ) from error
