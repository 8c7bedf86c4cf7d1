"""``Settings``: every constant that turns depend on."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass

#: Changes with anything but a setting that changes turns.
RULES = 1


@dataclass(frozen=True, slots=True)
class Settings:
    """Probabilities are means over the windows that contain a frame.

    Found on simulated conversations: clips of LibriSpeech, cut at pauses into turns that overlap.
    """

    #: Frames from one window to the next: about two seconds, and a whole number of milliseconds.
    step_frames: int = 120
    #: A speaker of a window goes on with a track if both are active together for so many seconds,
    #: and for this share of the activity of the shorter.
    together_seconds: float = 0.15
    together_share: float = 0.3
    #: A speaker whose probability stays below makes no new track.
    heard: float = 0.5
    #: Speech is where its probability stays above `offset` and exceeds `onset` somewhere.
    onset: float = 0.5
    offset: float = 0.5
    #: Frames of which that is not decided are no speech after so many seconds.
    patience_seconds: float = 10.0
    #: Two people speak at once where the probability of that is above it.
    overlap: float = 0.5
    #: The second of them is the second most active track, if its activity is above it.
    second: float = 0.05
    #: A shorter pause of a track does not end its turn if nobody else speaks in it.
    pause_seconds: float = 0.3
    #: A shorter turn is none.
    shortest_seconds: float = 0.0
    #: A longer turn is cut in its second half, where speech is least probable.
    longest_seconds: float = 60.0

    def __str__(self) -> str:
        values = hashlib.sha256(repr(astuple(self)).encode()).hexdigest()
        return f"{RULES}-{values[:8]}"
