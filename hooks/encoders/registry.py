"""Encoders by name."""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple

from pgvoice.hooks.encoders.bfloat16 import CampplusBfloat16Encoder, EcapaBfloat16Encoder
from pgvoice.hooks.encoders.campplus.campplus import CampplusEncoder
from pgvoice.hooks.encoders.ecapa.ecapa import EcapaEncoder
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.encoders.onnx.onnx_encoder import OnnxEncoder
from pgvoice.hooks.encoders.redimnet2.redimnet2 import Redimnet2Encoder
from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.hooks.plugins import calls
from pgvoice.hooks.plugins.specs import EncoderFactory, RegisterEncoder, hookimpl

#: The environment variable that names the default encoder.
ENCODER_VARIABLE = "PGVOICE_ENCODER"
DEFAULT_ENCODER = "ecapa"


class RegisteredEncoder(NamedTuple):
    """An encoder that a plugin registered."""

    name: str
    factory: EncoderFactory
    summary: str
    #: The extra of pgvoice that installs its dependencies.
    extra: str | None = None


@cache
def registered_encoders() -> dict[str, RegisteredEncoder]:
    """Every encoder by name; raises `PluginError` if two have the same name."""
    return calls.registered(
        "register_encoders",
        "an encoder",
        lambda _plugin, *given, **options: RegisteredEncoder(*given, **options),
    )


def default_source() -> str:
    """The encoder that is used if none is named, with its source."""
    return os.environ.get(ENCODER_VARIABLE) or DEFAULT_ENCODER


def default_name() -> str:
    """The name of the encoder that is used if none is named."""
    return default_source().partition(":")[0]


def make_encoder(name: str | None = None, *, device: str | None = None) -> Encoder:
    """The encoder called `name`, or ``name:source`` for other weights; loads no weights yet.

    The default is ``PGVOICE_ENCODER``, else ``ecapa``. Raises `EncoderUnavailable`.
    """
    plain, _, source = (name or default_source()).partition(":")
    registered = registered_encoders()
    if plain not in registered:
        raise EncoderUnavailable(
            f"unknown encoder {plain!r}; choose one of: {', '.join(sorted(registered))}"
        )
    return registered[plain].factory(source or None, device)


@hookimpl
def register_encoders(register: RegisterEncoder) -> None:
    ecapa = "SpeechBrain ECAPA-TDNN, VoxCeleb, 192-d; from the hub"
    campplus = "CAM++ zh-en, 192-d; weights come with a package"
    register("ecapa", EcapaEncoder, summary=ecapa, extra="extract")
    onnx = "any speaker model in an ONNX file: onnx:/folder-or-file"
    register("campplus", _campplus, summary=campplus, extra="campplus")
    ecapa_half, campplus_half = (f"{name} with products in bfloat16" for name in ("ECAPA", "CAM++"))
    register("ecapa-bf16", EcapaBfloat16Encoder, summary=ecapa_half, extra="extract")
    register("campplus-bf16", _campplus_in_bfloat16, summary=campplus_half, extra="campplus")
    register("onnx", _onnx, summary=onnx, extra="onnx")
    redimnet2 = "ReDimNet2-B6, 192-d; from its release on GitHub"
    register("redimnet2", Redimnet2Encoder, summary=redimnet2, extra="redimnet2")


def _campplus(source: str | None, device: str | None) -> Encoder:
    _refuse("campplus", source)
    return CampplusEncoder(device)


def _campplus_in_bfloat16(source: str | None, device: str | None) -> Encoder:
    _refuse("campplus-bf16", source)
    return CampplusBfloat16Encoder(device)


def _refuse(name: str, source: str | None) -> None:
    if source is not None:
        raise EncoderUnavailable(
            f"{name} takes no source (got {source!r}): its weights come with a package"
        )


def _onnx(source: str | None, device: str | None) -> Encoder:
    if source is None:
        raise EncoderUnavailable("onnx needs a file, or a folder with one: onnx:/folder/model.onnx")
    return OnnxEncoder(source, device)
