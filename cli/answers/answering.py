"""Which encoder an answer is from, where a store has several."""

from __future__ import annotations

from pgvoice.cli import output
from pgvoice.store.recordings.encoders import WhichEncoder
from pgvoice.store.voice_store import VoiceStore


def say_encoder(store: VoiceStore, encoder: WhichEncoder, *, as_json: bool) -> None:
    """Name the encoder below a table, if there are others; JSON has it in each answer."""
    if not as_json and len(store.encoders.list()) > 1:
        output.say(f"encoder {store.encoders.find(encoder).identity}")
