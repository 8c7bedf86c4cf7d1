"""How samples, frames and classes of segmentation-3.0 relate to time and to speakers."""

from __future__ import annotations

#: Hz.
SAMPLE_RATE = 16_000
#: Samples from one frame to the next: a stride of 10, then three poolings by 3.
FRAME_SAMPLES = 270
#: Samples that a frame is computed from.
SEEN_SAMPLES = 991
#: The network was trained on windows of ten seconds.
WINDOW_MS = 10_000
WINDOW_SAMPLES = WINDOW_MS * SAMPLE_RATE // 1000
WINDOW_FRAMES = (WINDOW_SAMPLES - SEEN_SAMPLES) // FRAME_SAMPLES + 1

#: The speakers of each class: every set of at most two of three.
POWERSET = ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2))
SPEAKERS = 3


def frames(seconds: float) -> int:
    """The number of frames that last so long."""
    return round(seconds * SAMPLE_RATE / FRAME_SAMPLES)


def edge_seconds(frame: int) -> float:
    """Where a frame starts: half a frame before the middle of what it is computed from."""
    return (frame * FRAME_SAMPLES + (SEEN_SAMPLES - FRAME_SAMPLES) / 2) / SAMPLE_RATE
