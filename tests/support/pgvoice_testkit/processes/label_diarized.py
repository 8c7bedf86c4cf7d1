"""A program that labels a DiarizeOutput: pyannote.audio's imports would disturb hypothesis."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
from pyannote.audio.pipelines.speaker_diarization import DiarizeOutput
from pyannote.core import Annotation, Segment

from pgvoice.hooks.formats.writing import write_labels
from pgvoice.store.turns import Turn
from pgvoice_testkit.stores.labelled_turns import labels

TURNS = [(0, 2, "a", "S1"), (0, 2, "b", "S0"), (3, 5, "c", "S1")]
EXCLUSIVE = [(0.5, 1.5, "x", "S0"), (3, 4, "y", "S1")]


def annotation(turns: list[Any]) -> Annotation:
    made = Annotation(uri="talk")
    for start, end, track, label in turns:
        made[Segment(start, end), track] = label
    return made


def labelled(*names: str | None) -> dict[str, object]:
    """The output after labelling with these names, and whether the source is unchanged."""
    source = DiarizeOutput(annotation(TURNS), annotation(EXCLUSIVE), np.array([[0.0], [1.0]]))
    segments = [Turn(start, end, label) for start, end, _, label in TURNS]
    named = write_labels(labels(segments, *names), source=source)
    assert isinstance(named, DiarizeOutput)
    vectors = named.speaker_embeddings
    return {
        "labels": named.speaker_diarization.labels(),
        "exclusive": [
            label for *_, label in named.exclusive_speaker_diarization.itertracks(yield_label=True)
        ],
        "embeddings": None if vectors is None else vectors.tolist(),
        "serialized": [each["speaker"] for each in named.serialize()["diarization"]],
        "source stayed": source.speaker_diarization == annotation(TURNS),
        "same": named.speaker_diarization == source.speaker_diarization,
    }


if __name__ == "__main__":
    json.dump([labelled(*names) for names in json.loads(sys.argv[1])], sys.stdout)
