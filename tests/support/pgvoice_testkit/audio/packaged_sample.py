"""Half a minute of a conversation of two people, which comes with pyannote.audio."""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path

SAMPLE = Path(str(distribution("pyannote-audio").locate_file("pyannote/audio/sample/sample.wav")))
