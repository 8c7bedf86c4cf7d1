"""SpeechBrain's ECAPA-TDNN, trained on VoxCeleb: 192 dimensions, 16 kHz.

The weights come from the Hugging Face hub or from a folder, and are loaded into a topology that is
built here: the YAML file beside them on the hub can execute code and is never read.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgvoice.hooks.encoders.lazy import SAMPLE_RATE, LazyEncoder
from pgvoice.hooks.encoders.torch_pair import load_torchaudio
from pgvoice.hooks.encoders.weights import digest, load_network
from pgvoice.hooks.errors import EncoderUnavailable, needs_extra
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold

if TYPE_CHECKING:
    from torch import nn

    from pgvoice.hooks.encoders.packing.packed_network import PackedNetwork

HUB_NAME = "speechbrain/spkrec-ecapa-voxceleb"
HUB_REVISION = "0f99f2d0ebe89ac095bcc5903c4dd8f72b367286"
HUB_SHA256 = "0575cb64845e6b9a10db9bcb74d5ac32b326b8dc90352671d345e2ee3d0126a2"
WEIGHTS_FILE = "embedding_model.ckpt"

DIMENSION = 192
MELS = 80
#: Samples from one feature frame to the next.
HOP = 160
#: From the hyperparameters that were published with the weights.
TOPOLOGY: dict[str, Any] = {
    "input_size": MELS,
    "channels": [1024, 1024, 1024, 1024, 3072],
    "kernel_sizes": [5, 3, 3, 3, 1],
    "dilations": [1, 2, 3, 4, 1],
    "attention_channels": 128,
    "lin_neurons": DIMENSION,
}
#: Frames that the widest convolution reflects at a segment's edges.
REACH = max(
    step * (taps - 1) // 2
    for taps, step in zip(TOPOLOGY["kernel_sizes"], TOPOLOGY["dilations"], strict=True)
)


class EcapaEncoder(LazyEncoder):
    """ECAPA-TDNN; each segment's vector is the one that encoding it alone gives."""

    #: Nobody measured here which share of comparisons reaches it.
    default_threshold = Threshold(
        0.25, "default of SpeechBrain's SpeakerRecognition.verify_batch (speechbrain 1.1.2)"
    )
    #: A segment needs more frames than a convolution reflects.
    min_samples = REACH * HOP

    def __init__(self, source: str | Path | None = None, device: str | None = None) -> None:
        """`source` is a folder that contains ``embedding_model.ckpt``; without it, the hub."""
        self._folder = None if source is None else Path(source)
        super().__init__(device)

    @cached_property
    def identity(self) -> EncoderIdentity:
        """The same for the same weights, wherever they are; reads a local file for its hash."""
        sha256 = HUB_SHA256 if self._folder is None else digest(_local(self._folder))
        return EncoderIdentity("ecapa", f"sha256:{sha256}", "1", DIMENSION, SAMPLE_RATE)

    def has_weights(self) -> bool:
        if self._folder is not None:
            return True
        with needs_extra("extract"):
            from huggingface_hub import try_to_load_from_cache
        return isinstance(
            try_to_load_from_cache(HUB_NAME, WEIGHTS_FILE, revision=HUB_REVISION), str
        )

    def untrained(self) -> PackedNetwork:
        load_torchaudio()
        return self._packed(lambda build: build().eval().requires_grad_(False))

    def _load(self) -> PackedNetwork:
        sha256 = self.identity.revision.removeprefix("sha256:")

        def load(build: Callable[[], nn.Module]) -> nn.Module:
            path = _downloaded() if self._folder is None else _local(self._folder)
            return load_network(build, path, sha256)

        return self._packed(load)

    def _packed(self, load: Callable[[Callable[[], nn.Module]], nn.Module]) -> PackedNetwork:
        """The network as `load` makes it from the function that builds it."""
        with needs_extra("extract"), warnings.catch_warnings():
            # SpeechBrain asks torchaudio 2.8 for what later releases lack.
            warnings.filterwarnings("ignore", module="speechbrain")
            from speechbrain.lobes.features import Fbank
            from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

            from pgvoice.hooks.encoders.ecapa.ecapa_network import PackedEcapa
        model = load(lambda: ECAPA_TDNN(**TOPOLOGY))
        fbank = Fbank(n_mels=MELS)
        return self._fitted(partial(PackedEcapa, model, fbank, self.device), PackedEcapa)


def _local(folder: Path) -> Path:
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise EncoderUnavailable(
            f"there is no {WEIGHTS_FILE} in {str(folder)!r}; choose a folder that contains the "
            f"weights of {HUB_NAME}, or leave the source out to download them from the hub"
        )
    return path


def _downloaded() -> Path:
    """The weights at the pinned revision, from the hub or from its cache on this machine."""
    with needs_extra("extract"):
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError
    try:
        return Path(hf_hub_download(HUB_NAME, WEIGHTS_FILE, revision=HUB_REVISION))
    except (OSError, ValueError, EntryNotFoundError) as error:
        raise EncoderUnavailable(
            f"cannot download {WEIGHTS_FILE} of {HUB_NAME} at {HUB_REVISION[:8]} from the hub "
            f"({type(error).__name__}); connect once, or choose a local folder that contains the "
            "file, or use PGVOICE_ENCODER=campplus, whose weights come with a package"
        ) from error
