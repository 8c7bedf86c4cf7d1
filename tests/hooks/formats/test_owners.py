"""Exchange with the libraries that own the formats: pgvoice reads what they write, and back."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pysubs2
import pytest
import webvtt
from pgvoice_testkit.stores.labelled_turns import labels, unasked
from pyannote.core import Annotation, Segment
from pyannote.database import util as pyannote_database

from pgvoice.hooks.formats.reading import read_document, read_segments
from pgvoice.hooks.formats.writing import write_labels
from pgvoice.store.turns import Turn

RESULT = {
    "segments": [
        {
            "start": 0.5,
            "end": 2.25,
            "text": " Hello & <welcome>.",
            "speaker": "SPEAKER_00",
            "words": [
                {"word": "Hello", "start": 0.5, "end": 1.0, "score": 0.9, "speaker": "SPEAKER_00"},
                {"word": "2."},
            ],
        },
        {"start": 3.0, "end": 4.5, "text": " Thanks.", "words": [{"word": "Thanks."}]},
    ],
    "language": "en",
    "word_segments": [{"word": "Hello", "start": 0.5, "end": 1.0}],
}
# Untyped.
load_rttm: Any = pyannote_database.load_rttm
OPTIONS = {"max_line_width": None, "max_line_count": None, "highlight_words": False}


def whisperx_writes(utils: ModuleType, name: str, folder: Path, result: object = RESULT) -> Path:
    utils.get_writer(name, str(folder))(result, "talk.wav", OPTIONS)
    return folder / f"talk.{name}"


@pytest.mark.parametrize("name", ["json", "srt", "vtt"])
def test_what_whisperx_writes(name: str, whisperx_utils: ModuleType, tmp_path: Path) -> None:
    document = read_document(whisperx_writes(whisperx_utils, name, tmp_path))
    assert document.format.name == {"json": "whisperx"}.get(name, name)
    assert [segment.label for segment in document.segments] == ["SPEAKER_00", None]
    again = write_labels(unasked(document.segments), source=document)
    same = json.loads if name == "json" else str
    assert same(again) == same(document.text)
    named = write_labels(labels(document.segments, "Ada", "Bob"), source=document)
    read = read_segments(io.StringIO(named), document.format.name)
    assert [segment.label for segment in read] == ["Ada", "Bob"]
    assert [segment.text for segment in read] == [one.text for one in document.segments]


def test_whisperx_writes_what_was_labelled(whisperx_utils: ModuleType, tmp_path: Path) -> None:
    document = read_document(whisperx_writes(whisperx_utils, "json", tmp_path))
    named = json.loads(write_labels(labels(document.segments, "Ada", "Bob"), source=document))
    path = whisperx_writes(whisperx_utils, "srt", tmp_path, named)
    assert [one.text.split("]")[0] for one in pysubs2.load(str(path))] == ["[Ada", "[Bob"]


SRT = (
    "7\r\n00:00:00,500 --> 00:00:02,000 X1:10 X2:20\r\n<i>Hi\r\nthere</i>\r\n\r\n"
    "9\r\n00:00:03,000 --> 00:00:04,500\r\n[S1]: Bye 5\r\n"
)


def test_srt() -> None:
    document = read_document(io.StringIO(SRT, newline=""), "srt")
    assert write_labels(unasked(document.segments), source=document) == SRT
    written = write_labels(labels(document.segments, "Ada", "Zoë B"), source=document)
    assert written == SRT.replace("<i>", "[Ada]: <i>").replace("[S1]", "[Zoë B]")
    first, second = pysubs2.SSAFile.from_string(written.replace("\r\n", "\n"), format_="srt")
    assert (first.start, first.end, first.plaintext) == (500, 2000, "[Ada]: Hi\nthere")
    assert (second.start, second.end, second.plaintext) == (3000, 4500, "[Zoë B]: Bye 5")


def test_srt_of_the_library() -> None:
    made = pysubs2.SSAFile()
    made.append(pysubs2.SSAEvent(start=1000, end=2500, text="Hi\\Nyou"))
    document = read_document(io.StringIO(made.to_string("srt")), "srt")
    assert document.segments == (Turn(1.0, 2.5, None, "Hi\nyou"),)
    written = write_labels(labels(document.segments, "Ada"), source=document)
    (found,) = pysubs2.SSAFile.from_string(written.replace("\r\n", "\n"), format_="srt")
    assert (found.start, found.plaintext) == (1000, "[Ada]: Hi\nyou")


VTT = (
    "WEBVTT - a talk\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nREGION\nid:left\n\n"
    "NOTE the start\n\nintro\n00:00.500 --> 00:02.000 align:start line:0%\n<v.loud S0>Hi</v>\n\n"
    "00:03.000 --> 00:04.500\n<c>Bye</c> &amp; <b>go</b>\n"
)


def test_vtt() -> None:
    document = read_document(io.StringIO(VTT), "vtt")
    assert write_labels(unasked(document.segments), source=document) == VTT
    written = write_labels(labels(document.segments, "Ada & Co", "Bob"), source=document)
    expected = VTT.replace("loud S0", "loud Ada &amp; Co").replace("<c>Bye", "<v Bob><c>Bye")
    assert written == expected
    read = webvtt.from_string(written)
    cues = read.captions
    assert [cue.identifier for cue in cues] == ["intro", None]
    assert [cue.voice for cue in cues][1] == "Bob"
    assert "Ada &amp; Co" in cues[0].raw_text
    assert read.styles[0].text == "::cue { color: red }"
    assert [segment.label for segment in read_segments(io.StringIO(written))] == ["Ada & Co", "Bob"]


def test_vtt_of_the_library() -> None:
    made = webvtt.WebVTT()
    made.captions.append(webvtt.Caption("00:00:01.000", "00:00:02.500", "Hi", identifier="a"))
    document = read_document(io.StringIO(made.content), "vtt")
    assert document.segments == (Turn(1.0, 2.5, None, "Hi"),)
    written = write_labels(labels(document.segments, "Ada"), source=document)
    (cue,) = webvtt.from_string(written).captions
    assert (cue.identifier, cue.voice, cue.text, cue.end) == ("a", "Ada", "Hi", "00:00:02.500")


def test_rttm_of_pyannote(tmp_path: Path) -> None:
    annotation = Annotation(uri="talk")
    annotation[Segment(0.5, 2.25), "a"] = "SPEAKER_00"
    annotation[Segment(1.5, 4.125), "b"] = "SPEAKER_01"
    document = read_document(io.StringIO(annotation.to_rttm()), "rttm")
    assert write_labels(unasked(document.segments), source=document) == annotation.to_rttm()
    path = tmp_path / "talk.rttm"
    path.write_text(write_labels(labels(document.segments, "Ada B", None), source=document))
    (read,) = load_rttm(path).values()
    turns = [(turn.start, turn.end, label) for turn, _, label in read.itertracks(yield_label=True)]
    assert turns == [(0.5, 2.25, "Ada_B"), (1.5, 4.125, "SPEAKER_01")]


def test_rttm_that_is_new(tmp_path: Path) -> None:
    segments = [Turn(0.0004, 1.23456), Turn(2, 3.5, "S1")]
    path = tmp_path / "talk.rttm"
    path.write_text(write_labels(labels(segments, "Ada", "Bob"), "rttm", uri="my talk"))
    assert path.read_text().startswith("SPEAKER my_talk 1 0.000 1.235 <NA> <NA> Ada <NA> <NA>\n")
    assert list(load_rttm(path)["my_talk"].labels()) == ["Ada", "Bob"]
