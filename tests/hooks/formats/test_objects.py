"""pyannote's annotations and faster-whisper's segments, made by their own libraries."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from typing import Any, NamedTuple

import pytest
from faster_whisper.transcribe import Segment as HeardSegment
from faster_whisper.transcribe import Word
from pgvoice_testkit.processes.modules import command, environment
from pgvoice_testkit.stores.labelled_turns import labels, unasked
from pyannote.core import Annotation, Segment

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats.writing import write_labels
from pgvoice.store.turns import Turn


def annotation() -> Annotation:
    made = Annotation(uri="talk", modality="speech")
    made[Segment(0, 2), "a"] = "S1"
    made[Segment(0, 2), "b"] = "S0"
    made[Segment(3, 5), "c"] = "S1"
    return made


def segments(source: Annotation) -> list[Turn]:
    every = source.itertracks(yield_label=True)
    return [Turn(turn.start, turn.end, label) for turn, _, label in every]


def test_an_annotation_keeps_its_tracks() -> None:
    source = annotation()
    assert write_labels(unasked(segments(source)), source=source) == source
    named = write_labels(labels(segments(source), "Ada", None, "Bob"), source=source)
    assert isinstance(named, Annotation)
    assert (named.uri, named.modality) == ("talk", "speech")
    tracks = [(track, label) for _, track, label in named.itertracks(yield_label=True)]
    assert tracks == [("a", "Ada"), ("b", "S0"), ("c", "Bob")]
    assert source == annotation()


def diarized(*names: list[str | None]) -> list[dict[str, Any]]:
    label = command("pgvoice_testkit.processes.label_diarized", json.dumps(names))
    done = subprocess.run(label, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_a_diarization() -> None:
    each, split, nobody = diarized(["Ada", "Zoe", "Ada"], ["Ada", "Zoe", "Bob"], [None, None, None])
    # In the order of the new labels: Ada was S1, whose row was the second.
    assert (each["labels"], each["embeddings"]) == (["Ada", "Zoe"], [[1.0], [0.0]])
    assert each["exclusive"] == ["Zoe", "Ada"]
    assert each["serialized"] == ["Ada", "Zoe", "Ada"]
    assert each["source stayed"]
    assert (split["exclusive"], split["embeddings"]) == (["Zoe", "Bob"], None)
    assert nobody["same"]
    assert nobody["embeddings"] == [[0.0], [1.0]]


def heard(number: int, words: list[Word] | None) -> HeardSegment:
    return HeardSegment(
        id=number,
        seek=0,
        start=2.0 * number,
        end=2.0 * number + 2,
        text=" Hi.",
        tokens=[1, 2],
        avg_logprob=-0.2,
        compression_ratio=1.1,
        no_speech_prob=0.01,
        words=words,
        temperature=0.0,
    )


def test_faster_whisper() -> None:
    source = [heard(0, [Word(0, 1, "Hi", 0.9), Word(1.5, 3.5, "you", 0.8)]), heard(1, None)]
    spans = [Turn(each.start, each.end) for each in source]
    assert write_labels(unasked(spans), source=source) == [
        dataclasses.asdict(each) for each in source
    ]
    first, second = write_labels(labels(spans, "Ada", "Bob"), source=source)
    assert (first.pop("speaker"), second.pop("speaker")) == ("Ada", "Bob")
    assert [word.pop("speaker") for word in first["words"]] == ["Ada", "Bob"]
    first["words"] = [Word(**word) for word in first["words"]]
    assert [HeardSegment(**first), HeardSegment(**second)] == source


def test_faster_whisper_as_dictionaries_and_named_tuples() -> None:
    class Older(NamedTuple):
        start: float
        end: float
        words: list[Any] | None

    for source in ([Older(0, 1, None)], [{"start": 0, "end": 1, "words": None}]):
        (named,) = write_labels(labels([Turn(0, 1)], "Ada"), source=source)
        assert named == {"start": 0, "end": 1, "words": None, "speaker": "Ada"}
        assert source in ([Older(0, 1, None)], [{"start": 0, "end": 1, "words": None}])


@pytest.mark.parametrize("source", [5, "talk", [5], [{"start": 0}]])
def test_what_is_none_of_them(source: object) -> None:
    with pytest.raises(FormatError, match="found"):
        write_labels(labels([Turn(0, 1)], "Ada"), source=source)
