"""``ecapa-bf16`` and ``campplus-bf16``: the same weights with products in bfloat16.

They are encoders of their own, since their vectors differ by more than rounding in float32. They
run on every device, so that a library that was filled on a fast one can be used anywhere, but are
slower than float32 on a processor that cannot multiply bfloat16 faster.
"""

from __future__ import annotations

from dataclasses import replace

from pgvoice.hooks.encoders.campplus.campplus import CampplusEncoder
from pgvoice.hooks.encoders.ecapa.ecapa import EcapaEncoder
from pgvoice.hooks.encoders.lazy import LazyEncoder
from pgvoice.store.recordings.encoders import EncoderIdentity

SUFFIX = "-bf16"


class Bfloat16(LazyEncoder):
    """What another encoder becomes with products in bfloat16."""

    precision = "bf16"

    @property
    def identity(self) -> EncoderIdentity:
        """That of the encoder in float32 under another name."""
        whole = super().identity
        return replace(whole, name=whole.name + SUFFIX)


class EcapaBfloat16Encoder(Bfloat16, EcapaEncoder):
    """ECAPA-TDNN with products in bfloat16."""


class CampplusBfloat16Encoder(Bfloat16, CampplusEncoder):
    """CAM++ with products in bfloat16."""
