"""A program that runs one fill: ``fill_process.py URL ENCODER VIDEO AUDIO SEGMENTS``."""

from __future__ import annotations

import json
import sys

from pgvoice.hooks import Encoder, fill, make_encoder
from pgvoice.store import VoiceStore
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder


def encoder_of(name: str) -> Encoder:
    """A real encoder, or the counting one with a batch per segment."""
    return CountingEncoder(batch_samples=1) if name == "counting" else make_encoder(name)


def main(url: str, encoder: str, video: str, audio: str, segments: str) -> None:
    with VoiceStore.open(url) as store:
        fill(store, encoder_of(encoder), video=video, audio=audio, segments=json.loads(segments))


if __name__ == "__main__":
    main(*sys.argv[1:])
