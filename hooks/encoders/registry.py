"""Encoders by name."""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple

from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.hooks.plugins import calls
from pgvoice.hooks.plugins.registered_names import Names
from pgvoice.hooks.plugins.specs import EncoderFactory, RegisterEncoder

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
    names = Names[RegisteredEncoder]("an encoder")

    def registering(plugin: str) -> RegisterEncoder:
        def register(
            name: str, factory: EncoderFactory, *, summary: str, extra: str | None = None
        ) -> None:
            names.add(plugin, name, RegisteredEncoder(name, factory, summary, extra))

        return register

    calls.register_encoders(registering)
    return names.found


def make_encoder(name: str | None = None, *, device: str | None = None) -> Encoder:
    """The encoder called `name`, or ``name:source`` for other weights; loads no weights yet.

    The default is ``PGVOICE_ENCODER``, else ``ecapa``. Raises `EncoderUnavailable`.
    """
    name = name or os.environ.get(ENCODER_VARIABLE) or DEFAULT_ENCODER
    plain, _, source = name.partition(":")
    registered = registered_encoders()
    if plain not in registered:
        raise EncoderUnavailable(
            f"unknown encoder {plain!r}; choose one of: {', '.join(sorted(registered))}"
        )
    return registered[plain].factory(source or None, device)
