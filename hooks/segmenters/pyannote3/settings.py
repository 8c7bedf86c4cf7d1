"""``Settings``: every constant that turns depend on."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass

#: Changes with anything but a setting that changes turns.
RULES = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """Probabilities are means over the windows that contain a frame.

    Found on simulated conversations: clips of LibriSpeech, cut at pauses into turns that overlap.
    """

    #: Frames from one window to the next: about two seconds, and a whole number of milliseconds.
    step_frames: int = 120
    #: Frames before the recording where the first window starts, so that its first seconds are in
    #: about as many windows as all others.
    lead_frames: int = 480
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
    overlap: float = 0.45
    #: The second of them is the second most active track, if its activity is above it.
    second: float = 0.05
    #: Speech goes on for so long around what the network finds while its level is not so many dB
    #: below: the network's edges lie inside of words that end quietly.
    quieter_seconds: float = 0.3
    quieter_db: float = 30.0
    #: So much of either end is no speech if it is so many dB below.
    silent_seconds: float = 0.15
    silent_db: float = 35.0
    #: Noise is the level that 5 % of so much audio before the end stay below.
    floor_seconds: float = 60.0
    #: A shorter pause of a track is part of the turn before it if nobody else speaks in it.
    pause_seconds: float = 0.4
    #: A shorter turn is none.
    shortest_seconds: float = 0.05
    #: A longer turn is cut in its second half, where speech is least probable.
    longest_seconds: float = 60.0

    def __str__(self) -> str:
        values = hashlib.sha256(repr(astuple(self)).encode()).hexdigest()
        return f"{RULES}-{values[:8]}"
