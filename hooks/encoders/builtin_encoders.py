"""The encoders that come with pgvoice."""

from __future__ import annotations

from pgvoice.hooks.encoders.campplus.campplus import CampplusEncoder
from pgvoice.hooks.encoders.ecapa.ecapa import EcapaEncoder
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.hooks.plugins.specs import RegisterEncoder, hookimpl


@hookimpl
def register_encoders(register: RegisterEncoder) -> None:
    ecapa = "SpeechBrain ECAPA-TDNN, VoxCeleb, 192-d; from the hub"
    campplus = "CAM++ zh-en, 192-d; weights come with a package"
    register("ecapa", EcapaEncoder, summary=ecapa, extra="extract")
    register("campplus", _campplus, summary=campplus, extra="campplus")


def _campplus(source: str | None, device: str | None) -> Encoder:
    if source is not None:
        raise EncoderUnavailable(
            f"campplus takes no source (got {source!r}): its weights come with a package"
        )
    return CampplusEncoder(device)
