"""The JSON of WhisperX and related tools."""

from __future__ import annotations

import json

import pytest

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats.json.whisperx import read_whisperx
from pgvoice.store.turns import Turn

# Words with digits have no times, and some words and segments have no speaker.
WHISPERX = {
    "segments": [
        {
            "start": 0.031,
            "end": 2.974,
            "text": " Unit 1. Page 58.",
            "words": [
                {"word": "Unit", "start": 0.031, "end": 0.672, "score": 0.763},
                {"word": "1."},
                {"word": "Page", "start": 1.533, "score": 0.809, "speaker": "SPEAKER_01"},
                {"word": "58.", "end": None, "speaker": None},
            ],
            "speaker": "SPEAKER_01",
            "avg_logprob": -0.21,
        },
        {"start": 819.734, "end": 820.755, "text": "Avec un voisin.", "words": [], "chars": None},
    ],
    "word_segments": [{"word": "1."}],
    "language": "en",
}
# openai-whisper, and faster-whisper's segments as dictionaries.
WHISPER = {
    "text": " Ja, ja.",
    "segments": [
        {"id": 0, "seek": 0, "start": 193.12, "end": 194.8, "text": " Ja, ja.", "tokens": [1, 2]},
        {"id": 1, "seek": 0, "start": 194.8, "end": 194.8, "text": "", "words": None},
    ],
    "language": "de",
}


def test_whisperx() -> None:
    assert read_whisperx(json.dumps(WHISPERX)) == [
        Turn(0.031, 2.974, "SPEAKER_01", " Unit 1. Page 58."),
        Turn(819.734, 820.755, None, "Avec un voisin."),
    ]


def test_whisper() -> None:
    assert read_whisperx(json.dumps(WHISPER)) == [
        Turn(193.12, 194.8, None, " Ja, ja."),
        Turn(194.8, 194.8, None, ""),
    ]


def test_nothing_was_said() -> None:
    assert read_whisperx('{"segments": []}') == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"text": ""}', '^line 1: found .*, expected an object with a list as "segments"'),
        ('{"segments": {}}', 'expected an object with a list as "segments"'),
        ("[[0, 1]]", 'expected an object with a list as "segments"'),
        ('{"segments": [[0, 1]]}', r"^segment 0: found \[0, 1\], expected an object"),
        (
            '{"segments": [{"start": 0, "end": 1}, {"end": 2, "text": ""}]}',
            '^segment 1: found .*, expected a number as "start"',
        ),
        ('{"segments": [{"start": 0, "end": 1}', "found the end of the file, expected more JSON"),
    ],
)
def test_what_is_malformed(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_whisperx(text)
