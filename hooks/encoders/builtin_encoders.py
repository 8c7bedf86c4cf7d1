"""The encoders that come with pgvoice."""

from __future__ import annotations

from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.plugins.specs import RegisterEncoder, hookimpl


@hookimpl
def register_encoders(register: RegisterEncoder) -> None:
    ecapa = "SpeechBrain ECAPA-TDNN, VoxCeleb, 192-d; from the hub"
    campplus = "CAM++ zh-en, 192-d; weights come with a package"
    register("ecapa", _ecapa, summary=ecapa, extra="extract")
    register("campplus", _campplus, summary=campplus, extra="campplus")


def _ecapa(source: str | None, device: str | None) -> Encoder:
    from pgvoice.hooks.encoders.ecapa.ecapa import EcapaEncoder

    return EcapaEncoder(source, device)


def _campplus(source: str | None, device: str | None) -> Encoder:
    from pgvoice.hooks.encoders.campplus.campplus import CampplusEncoder
    from pgvoice.hooks.errors import EncoderUnavailable

    if source is not None:
        raise EncoderUnavailable(
            f"campplus takes no source ({source!r} was given): its weights come with a package"
        )
    return CampplusEncoder(device)
