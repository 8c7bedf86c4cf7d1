"""Encoders by name."""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple

from pgvoice.hooks import plugins
from pgvoice.hooks.encoder import Encoder
from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.hooks.specs import EncoderFactory

#: The encoder to use when none is named.
ENCODER_VARIABLE = "PGVOICE_ENCODER"
DEFAULT_ENCODER = "ecapa"


class RegisteredEncoder(NamedTuple):
    """An encoder that a plugin brought."""

    name: str
    factory: EncoderFactory
    summary: str


@cache
def registered_encoders() -> dict[str, RegisteredEncoder]:
    """Every encoder that can be built here, by name; `EncoderUnavailable` for a name twice."""
    found: dict[str, RegisteredEncoder] = {}

    def register(name: str, factory: EncoderFactory, *, summary: str) -> None:
        if name in found:
            raise EncoderUnavailable(
                f"two plugins register an encoder named {name!r}: uninstall one, or name the"
                f" plugins to load in {plugins.PLUGINS_VARIABLE}"
            )
        found[name] = RegisteredEncoder(name, factory, summary)

    plugins.register_encoders(register)
    return found


def make_encoder(name: str | None = None, *, device: str | None = None) -> Encoder:
    """The encoder of a name, or of ``name:source`` with other weights; no weights are loaded yet.

    Without a name it is ``PGVOICE_ENCODER``, else ``ecapa``. Raises `EncoderUnavailable`.
    """
    name = name or os.environ.get(ENCODER_VARIABLE) or DEFAULT_ENCODER
    plain, _, source = name.partition(":")
    registered = registered_encoders()
    if plain not in registered:
        raise EncoderUnavailable(
            f"no encoder is named {plain!r}: there are {', '.join(sorted(registered))}"
        )
    return registered[plain].factory(source or None, device)
