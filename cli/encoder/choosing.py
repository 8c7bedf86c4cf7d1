"""Which encoder a switch is to, and what makes its model."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import click

from pgvoice.cli.ingest.working import guarded_encoder
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.encoders.registry import ENCODER_VARIABLE, make_encoder
from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.store.errors import UnknownEncoder
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.voice_store import VoiceStore


class Chosen(NamedTuple):
    """The encoder to switch to."""

    identity: EncoderIdentity
    #: Makes the model, also in other processes; raises `EncoderUnavailable` if it is not here.
    make: Callable[[], Encoder]
    #: What --encoder and PGVOICE_ENCODER take; None if no model of it is here.
    name: str | None


def named(store: VoiceStore, name: str, device: str | None) -> Chosen:
    """The encoder that ``--encoder`` would take, or one of the store.

    Raises `EncoderUnavailable` if it is neither.
    """
    try:
        identity = make_encoder(name, device=device).identity
    except EncoderUnavailable:
        try:
            found = store.encoders.find(name)
        except UnknownEncoder:
            found = None
        if found is None:
            raise
        return stored(found.identity, device)
    return Chosen(identity, partial(guarded_encoder, name, device), name)


def before(store: VoiceStore, device: str | None) -> Chosen:
    """The encoder that answered before the one that does."""
    answers, found = store.encoders.find(), store.encoders.before()
    if found is None:
        raise click.ClickException(
            f"no other encoder answered before {answers.identity}: name the one to switch to"
        )
    return stored(found.identity, device)


def stored(identity: EncoderIdentity, device: str | None) -> Chosen:
    """An encoder of the store, whose model need not be here."""
    for name in (os.environ.get(ENCODER_VARIABLE), identity.name):
        if name and _makes(name, device, identity):
            return Chosen(identity, partial(guarded_encoder, name, device), name)
    return Chosen(identity, partial(_unavailable, identity), None)


def _makes(name: str, device: str | None, identity: EncoderIdentity) -> bool:
    try:
        return make_encoder(name, device=device).identity == identity
    except EncoderUnavailable:
        return False


def _unavailable(identity: EncoderIdentity) -> Encoder:
    raise EncoderUnavailable(
        f"the library has recordings or exemplars that {identity} has not heard, and no model here"
        f" is {identity}: name it as --encoder takes it, such as `pgvoice encoder switch"
        " onnx:/models/it.onnx`"
    )
