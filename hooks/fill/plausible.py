"""Whether the segments of a fill can belong to its audio: a check before anything is stored."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median_low

from pgvoice.hooks.errors import TimesBeyondAudio
from pgvoice.store.keys import SegmentKey

#: Fewer segments say nothing about their file.
FEWEST = 3
#: The share of segments beyond the end of the audio from which the times or the audio are wrong.
NEARLY_ALL = 0.9
#: Segments whose times are milliseconds last minutes if they are read as seconds.
MINUTES_MS = 100_000
#: How much later than the audio a transcript may end, in milliseconds.
_OVERHANG_MS = 1_000


def check_times(keys: Sequence[SegmentKey], duration_ms: int) -> None:
    """Raise `TimesBeyondAudio` if nearly all segments lie beyond the end of the audio.

    If they fit the audio as milliseconds, and would last for minutes as seconds, a single segment
    is enough to see what they are.
    """
    beyond = [key for key in keys if key.end_ms > duration_ms + _OVERHANG_MS]
    if not keys or len(beyond) < NEARLY_ALL * len(keys):
        return
    found = (
        f"{len(beyond):,} of {len(keys):,} segments end after the audio, which lasts"
        f" {duration_ms / 1000:g} s; the first is {beyond[0].start_s:g} to {beyond[0].end_s:g} s"
    )
    length = median_low([key.duration_ms for key in beyond])
    if length >= MINUTES_MS and max(key.end_ms for key in keys) / 1000 <= duration_ms:
        raise TimesBeyondAudio(f"{found}: these look like milliseconds; divide the times by 1000")
    after = sum(key.start_ms >= duration_ms for key in keys)
    if len(keys) >= FEWEST and after >= NEARLY_ALL * len(keys):
        raise TimesBeyondAudio(f"{found}: give the audio of this recording, or times in seconds")
