"""``ecapa-bf16`` and ``campplus-bf16``: the same weights with products in bfloat16.

They are encoders of their own, since their vectors differ by more than rounding in float32. They
run on every device, so that a library that was filled on a fast one can be used anywhere, but are
slower than float32 on a processor that cannot multiply bfloat16 faster.
"""

from __future__ import annotations

from dataclasses import replace

from pgvoice.hooks.encoders.campplus.campplus import CampplusEncoder
from pgvoice.hooks.encoders.ecapa.ecapa import EcapaEncoder
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold

PRECISION = "bf16"
SUFFIX = f"-{PRECISION}"


class EcapaBfloat16Encoder(EcapaEncoder):
    """ECAPA-TDNN with products in bfloat16."""

    precision = PRECISION
    default_threshold = Threshold(
        EcapaEncoder.default_threshold.similarity,
        "that of ecapa; with random weights, no cosine with its vectors is below .9999",
    )

    @property
    def identity(self) -> EncoderIdentity:
        return _renamed(super().identity)


class CampplusBfloat16Encoder(CampplusEncoder):
    """CAM++ with products in bfloat16."""

    precision = PRECISION
    #: Clips of LibriSpeech of 1.5 s: 1 % of pairs of people reach .321, as in float32; whole clips
    #: .355, .353 in float32. Parts of 3 s and the means of other people in the same recording:
    #: .354 in simulated episodes (911 comparisons; float32 .355), .475 in digits at 8 kHz (135;
    #: float32 .473).
    default_threshold = Threshold(
        0.40, "1 % of comparisons reach .35 in simulated episodes, .48 in digits at 8 kHz"
    )

    @property
    def identity(self) -> EncoderIdentity:
        return _renamed(super().identity)


def _renamed(whole: EncoderIdentity) -> EncoderIdentity:
    """The identity with products in bfloat16, from that in float32."""
    return replace(whole, name=whole.name + SUFFIX)
