"""Names for the objects of Python libraries: pyannote's annotations, faster-whisper's segments.

The libraries are not imported: objects are recognised by their attributes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.format import check_aligned
from pgvoice.hooks.formats.json.words import WordSpeakers
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn


def label_objects(labelled: Sequence[Labelled], source: Any) -> Any:
    """A copy of the source with names; the source stays unchanged.

    An ``Annotation`` keeps its tracks; those without a name keep their label. For a
    ``DiarizeOutput``, `labelled` belongs to its ``speaker_diarization``; each turn of the exclusive
    one takes the name of the turn it overlaps most. Its embeddings follow the new order of labels
    if every label became one distinct name, else they are None. faster-whisper's segments become
    dictionaries with ``speaker``, and so do their words.
    """
    if hasattr(source, "itertracks"):
        return _annotation(labelled, source)
    if hasattr(source, "speaker_diarization"):
        return _diarization(labelled, source)
    if isinstance(source, Sequence) and not isinstance(source, str | bytes):
        return _segments(labelled, source)
    raise FormatError(
        f"found an object of type {type(source).__name__}, expected a document from"
        " read_document, a pyannote Annotation or DiarizeOutput, or a list of segments"
    )


def _annotation(labelled: Sequence[Labelled], source: Any) -> Any:
    tracks = list(source.itertracks())
    check_aligned(labelled, [Turn(turn.start, turn.end) for turn, _ in tracks])
    named = source.copy()
    for (turn, track), each in zip(tracks, labelled, strict=True):
        if each.speaker is not None:
            named[turn, track] = each.speaker
    return named


def _diarization(labelled: Sequence[Labelled], source: Any) -> Any:
    named = _annotation(labelled, source.speaker_diarization)
    changed: dict[str, Any] = {"speaker_diarization": named}
    exclusive = getattr(source, "exclusive_speaker_diarization", None)
    if exclusive is not None:
        changed["exclusive_speaker_diarization"] = _exclusive(labelled, exclusive)
    embeddings = getattr(source, "speaker_embeddings", None)
    if embeddings is not None:
        rows = _rows(source.speaker_diarization, named)
        changed["speaker_embeddings"] = None if rows is None else embeddings[rows]
    return dataclasses.replace(source, **changed)


def _exclusive(labelled: Sequence[Labelled], source: Any) -> Any:
    """Each exclusive turn is a turn of the same label, or a part of one."""
    by_label: dict[str | None, list[Labelled]] = {}
    for each in labelled:
        by_label.setdefault(each.segment.label, []).append(each)
    turns = {label: WordSpeakers(some) for label, some in by_label.items()}
    named = source.copy()
    for turn, track, label in source.itertracks(yield_label=True):
        same = turns.get(str(label))
        most = same.most(turn.start, turn.end) if same is not None else None
        if most is not None and most.speaker is not None:
            named[turn, track] = most.speaker
    return named


def _rows(before: Any, after: Any) -> list[int] | None:
    """The old row of each new label; None unless labels correspond one to one."""
    pairs = {(old, after[turn, track]) for turn, track, old in before.itertracks(yield_label=True)}
    old_of = {new: old for old, new in pairs}
    if not len(pairs) == len(old_of) == len(before.labels()):
        return None
    rows = {old: row for row, old in enumerate(before.labels())}
    return [rows[old_of[new]] for new in after.labels()]


def _segments(labelled: Sequence[Labelled], source: Sequence[Any]) -> list[dict[str, Any]]:
    found = [_plain(each, index) for index, each in enumerate(source)]
    check_aligned(labelled, [Turn(each["start"], each["end"]) for each in found])
    WordSpeakers(labelled).name_segments(found)
    return found


def _plain(segment: Any, index: int) -> dict[str, Any]:
    """A segment (mapping, dataclass or named tuple) as a dictionary, and its words too."""
    found = _fields(segment)
    if found is None or "start" not in found or "end" not in found:
        kind = type(segment).__name__
        raise FormatError(f"segment {index}: found {kind}, expected one with start and end")
    words = found.get("words")
    if isinstance(words, list | tuple):
        found["words"] = [_fields(word) or word for word in words]
    return found


def _fields(found: Any) -> dict[str, Any] | None:
    if isinstance(found, Mapping):
        return dict(found)
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        return {each.name: getattr(found, each.name) for each in dataclasses.fields(found)}
    named_tuple = getattr(found, "_asdict", None)
    return dict(named_tuple()) if named_tuple else None
