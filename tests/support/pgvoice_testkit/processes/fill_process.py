"""A program that runs one fill: ``fill_process.py URL ENCODER VIDEO AUDIO SEGMENTS``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pgvoice.hooks import Encoder, fill, make_encoder
from pgvoice.store import VoiceStore
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.segmenters.counting_segmenter import CountingSegmenter


def encoder_of(name: str) -> Encoder:
    """A real encoder, or the counting one with a batch per segment."""
    return CountingEncoder(batch_samples=1) if name == "counting" else make_encoder(name)


def run(
    store: VoiceStore,
    encoder: str,
    video: str,
    audio: str | Path,
    segments: list[tuple[float, float]] | None,
) -> None:
    """Fill the segments, or those that the counting segmenter finds."""
    segmenter = CountingSegmenter() if segments is None else None
    made = encoder_of(encoder)
    fill(store, made, video=video, audio=audio, segments=segments, segmenter=segmenter)


def main(url: str, encoder: str, video: str, audio: str, segments: str) -> None:
    with VoiceStore.open(url) as store:
        run(store, encoder, video, audio, json.loads(segments))


if __name__ == "__main__":
    main(*sys.argv[1:])
