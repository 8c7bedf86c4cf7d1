"""The hooks that a plugin can implement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pluggy

from pgvoice.hooks.encoder import Encoder

NAMESPACE = "pgvoice"
hookspec = pluggy.HookspecMarker(NAMESPACE)
hookimpl = pluggy.HookimplMarker(NAMESPACE)

#: Builds an encoder from a source of weights (None: its own default) and a device (None: the best
#: there is). Called when the encoder is asked for by name, so heavy imports belong inside.
EncoderFactory = Callable[[str | None, str | None], Encoder]


class RegisterEncoder(Protocol):
    """Makes an encoder known by name; `summary` is one line for people."""

    def __call__(self, name: str, factory: EncoderFactory, *, summary: str) -> None: ...


@hookspec
def register_encoders(register: RegisterEncoder) -> None:
    """Call `register` once for each encoder that the plugin brings."""
