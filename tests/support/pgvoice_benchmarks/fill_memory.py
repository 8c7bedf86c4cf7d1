"""A fill that measures its memory: ``fill_memory.py URL ENCODER AUDIO SEGMENTS``.

Writes JSON: peak bytes at the start, with the model and after the fill; seconds; vectors.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.cli.output import progress_bar
from pgvoice.hooks import Encoder, fill, make_encoder
from pgvoice.store import VoiceStore
from pgvoice_benchmarks.memory import peak_bytes
from pgvoice_benchmarks.timing import timed

BATCH_SAMPLES = 300 * 16_000


def encoder_of(name: str) -> Encoder:
    """A real encoder, or the counting one with vectors and batches of realistic size."""
    if name == "counting":
        return CountingEncoder(dimension=192, batch_samples=BATCH_SAMPLES)
    return make_encoder(name, device="cpu")


def main(url: str, name: str, audio: str, segments: str) -> None:
    spans = json.loads(Path(segments).read_text())
    with VoiceStore.open(url) as store, progress_bar("filling") as progress:
        peaks = [peak_bytes()]
        encoder = encoder_of(name)
        encoder.load()
        peaks.append(peak_bytes())
        done = timed(
            lambda: fill(
                store, encoder, video="long", audio=audio, segments=spans, progress=progress
            )
        )
        peaks.append(peak_bytes())
    run = done.result.run
    found = {"peaks": peaks, "seconds": done.seconds, "vectors": run.filled}
    found |= {"decode": run.decode_seconds, "encode": run.encode_seconds}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
