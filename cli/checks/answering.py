"""Which encoder answers in a store, and whether it is the one that fills use."""

from __future__ import annotations

from collections.abc import Iterator

from pgvoice.cli import output
from pgvoice.cli.checks.check import Check
from pgvoice.cli.encoder import choosing
from pgvoice.hooks.encoders.registry import ENCODER_VARIABLE, make_encoder
from pgvoice.hooks.errors import EncoderUnavailable, PluginError
from pgvoice.store.recordings.encoders import EncoderIdentity, StoredEncoder
from pgvoice.store.voice_store import VoiceStore


def check_answering(store: VoiceStore) -> Iterator[Check]:
    """What the default encoder lacks, and which encoder a fill would use."""
    stored = store.encoders.list()
    default = next((each for each in stored if each.is_default), None)
    if default is None:
        yield Check("default encoder", "ok", "none yet: the one of the first fill will answer")
        return
    yield _complete(store, default.identity, stored)
    used = _used()
    if used is not None:
        yield _same(default.identity, used)


def _complete(store: VoiceStore, default: EncoderIdentity, stored: list[StoredEncoder]) -> Check:
    """Whether the default encoder has what the others have."""
    others = [each.identity for each in stored if each.identity != default]
    lacking = {
        each.video for other in others for each in store.encoders.unfilled(default, like=other)
    }
    if not lacking:
        beside = f", beside {', '.join(map(str, others))}" if others else ""
        return Check("default encoder", "ok", f"{default} answers{beside}")
    few = ", ".join(sorted(lacking)[:3]) + (", …" if len(lacking) > 3 else "")
    return Check(
        "default encoder",
        "warn",
        f"{default} answers, and lacks vectors of {output.counted(len(lacking), 'recording')} that"
        f" other encoders have ({few}): fill them with it, see `pgvoice fill --help`",
    )


def _used() -> EncoderIdentity | None:
    """The encoder that a fill uses; None if it cannot be made, which has a check of its own."""
    try:
        return make_encoder().identity
    except (EncoderUnavailable, PluginError):
        return None


def _same(default: EncoderIdentity, used: EncoderIdentity) -> Check:
    if used == default:
        return Check("fills", "ok", f"use {used}, which answers")
    name = choosing.stored(default, None).name
    setting = f"set {ENCODER_VARIABLE}={name}" if name else f"set {ENCODER_VARIABLE} to its model"
    return Check(
        "fills",
        "fail",
        f"use {used}, whose vectors do not answer here, as {default} does: {setting}, or let"
        f" `pgvoice encoder switch` move the library to {used}",
    )
