"""Fills from audio alone, by the fake segmenter and the fake encoder."""

from __future__ import annotations

from pathlib import Path

from pgvoice.hooks import fill
from pgvoice.hooks.results import FillReport
from pgvoice.store import SegmentKey, VoiceStore
from pgvoice_testkit.audio.conversations import random_turns
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.segmenters.counting_segmenter import CountingSegmenter
from pgvoice_testkit.stores.exact_rows import Bits, every_row

#: Two minutes of three voices that often speak at the same time.
SECONDS = 120
TURNS = random_turns(7, SECONDS)
FOUND_BY = str(CountingSegmenter().identity)


def segment(store: VoiceStore, audio: Path | str, **options: object) -> FillReport:
    """Fill the recording ``v`` from its audio, with other options of `fill` if they are given."""
    encoder, segmenter = CountingEncoder(), CountingSegmenter()
    given = {"encoder": encoder, "video": "v", "audio": audio, "segmenter": segmenter}
    return fill(store, **(given | options))  # type: ignore[arg-type]


def rows(store: VoiceStore, video: str) -> dict[SegmentKey, Bits]:
    """Every row of a recording that the counting encoder filled."""
    return every_row(store, video, CountingEncoder().identity)
