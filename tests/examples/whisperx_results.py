"""What WhisperX and pyannote hand over, for the conversation in the package pyannote-audio.

Their models are on a hub. A reference stands in for these: the turns of the package, and its words,
evenly spread. Everything around the models is WhisperX's and pyannote's own code.
"""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import soundfile
import whisperx
from pyannote.audio.pipelines.speaker_diarization import DiarizeOutput
from pyannote.database.util import load_rttm
from whisperx.diarize import DiarizationPipeline
from whisperx.schema import AlignedTranscriptionResult, SingleAlignedSegment

SAMPLE = Path(str(distribution("pyannote-audio").locate_file("pyannote/audio/sample")))
audio = SAMPLE / "sample.wav"


class Diarizer(DiarizationPipeline):  # type: ignore[misc]
    """WhisperX's, with a known answer instead of a model."""

    def __init__(self, answer: DiarizeOutput) -> None:
        self.model = lambda _audio, **_options: answer


def _diarization() -> DiarizeOutput:
    read: Any = load_rttm  # untyped
    turns = read(SAMPLE / "sample.rttm")["sample"]
    labels = {label: f"SPEAKER_{number:02}" for number, label in enumerate(turns.labels())}
    turns = turns.rename_labels(labels)
    return DiarizeOutput(speaker_diarization=turns, exclusive_speaker_diarization=turns)


def _transcript() -> AlignedTranscriptionResult:
    lines = (SAMPLE / "sample.stm").read_text(encoding="utf-8").splitlines()
    segments = [_aligned(line) for line in lines]
    words = [word for segment in segments for word in segment["words"]]
    return {"segments": segments, "word_segments": words}


def _aligned(line: str) -> SingleAlignedSegment:
    """A line of an STM file: file, channel, label, start, end, words."""
    _file, _channel, _label, first, last, text = line.split(maxsplit=5)
    start, end = float(first), float(last)
    words = text.split()
    each = (end - start) / len(words)
    spread = [
        {"word": word, "start": start + at * each, "end": start + (at + 1) * each, "score": 0.9}
        for at, word in enumerate(words)
    ]
    return {"start": start, "end": end, "text": text, "words": spread, "chars": None}


diarization: Any = _diarization()
_table = Diarizer(diarization)(soundfile.read(audio, dtype="float32")[0])
result = whisperx.assign_word_speakers(_table, _transcript())
