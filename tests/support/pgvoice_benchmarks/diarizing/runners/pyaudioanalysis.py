"""pyAudioAnalysis as it comes; it takes everything for speech and guesses the number of people.

``pip install pyAudioAnalysis imbalanced-learn hmmlearn eyed3 pydub soundfile librosa``; its models
are in the package.
"""

from __future__ import annotations

from pathlib import Path

from pyAudioAnalysis.audioSegmentation import speaker_diarization
from running import Turn, joined, run

STEP = 0.1


def diarize(wav: Path) -> list[Turn]:
    labels, *_ = speaker_diarization(str(wav), 0, mid_step=STEP)
    found: list[Turn] = joined(
        (place * STEP, (place + 1) * STEP, str(int(label))) for place, label in enumerate(labels)
    )
    return found


if __name__ == "__main__":
    run("pyaudioanalysis", diarize)
