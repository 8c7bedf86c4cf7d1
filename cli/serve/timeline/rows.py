"""``TurnRow``: a turn, who speaks in it, and why; from the stored labels or as of now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pgvoice.cli.serve.timeline.reasons import in_words
from pgvoice.hooks.identify import identify
from pgvoice.hooks.labels_export import stored_answer
from pgvoice.hooks.results import Labelled
from pgvoice.hooks.turns import snap_turns
from pgvoice.store.answers.identify import Identification
from pgvoice.store.keys import SegmentKey
from pgvoice.store.labels.current import Label
from pgvoice.store.labels.words import Word
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore

#: ``stored``: the labels that were kept; ``now``: what identify answers.
Answers = Literal["stored", "now"]
#: Numbers of unknown voices by segment and label; the label is None where the store grouped them.
Voices = Mapping[tuple[SegmentKey, str | None], int]


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A turn of a recording, and who speaks in it."""

    key: SegmentKey
    #: In seconds, as the pipeline said.
    start: float
    end: float
    #: The diarizer's.
    label: str | None
    text: str | None
    speaker: str | None
    #: The number of the unknown voice, if nobody is named.
    voice: int | None
    #: Who may speak, and the rival; empty if nobody is suggested.
    suggested: str
    similarity: float | None
    #: In words.
    reason: str
    #: Whether a person said who speaks.
    is_pinned: bool
    #: How long others speak at the same time, in seconds.
    overlap: float
    #: Who the stored label names, if that is not what identify answers now.
    stored: str | None = None

    @property
    def who(self) -> str:
        """The person, the unknown voice, or who may speak."""
        if self.speaker is not None:
            return self.speaker
        if self.voice is not None:
            return f"voice {self.voice}"
        return self.suggested or "nobody named"


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording's rows in time order, and where they come from."""

    rows: list[TurnRow]
    answers: Answers
    #: Whether labels are stored, and in how many turns identify answers otherwise.
    is_labelled: bool
    differing: int


def read(
    store: VoiceStore, video: str, encoder: EncoderIdentity | None, asked: Answers | None
) -> Recording:
    """The recording's rows; by default from the stored labels, if there are any.

    Raises `UnknownVideo`.
    """
    turns = store.recordings.turns(video)
    labels = {label.key: label for label in store.labels.current(video, encoder=encoder)}
    answers: Answers = asked or ("stored" if labels else "now")
    if encoder is None:
        answered = _unasked(turns or [], store.grid_ms)
    elif answers == "now":
        answered = list(identify(store, video, encoder=encoder).labels)
    else:
        answered = _labelled(turns, labels, store.grid_ms)
    voices = _voices(store, video, encoder)
    overlaps = store.recordings.overlaps(video)
    kept = labels if answers == "now" else {}
    rows = [
        _row(one, one.identification, voices, overlaps, kept)
        for one in answered
        if one.identification
    ]
    rows.sort(key=lambda row: (row.start, row.end))
    differing = sum(row.stored is not None for row in rows)
    return Recording(rows, answers, bool(labels), differing)


def _unasked(turns: Sequence[Turn], grid_ms: int) -> list[Labelled]:
    """Turns of a recording that has no vector of any encoder."""
    return [
        Labelled(turn, _nobody(key, "missing"))
        for turn, key in zip(turns, snap_turns(turns, grid_ms).keys, strict=True)
        if key
    ]


def _labelled(
    turns: Sequence[Turn] | None, labels: Mapping[SegmentKey, Label], grid_ms: int
) -> list[Labelled]:
    """The turns with their stored labels; without turns, the labels themselves."""
    if turns is None:
        return [Labelled(Turn(one.start, one.end), stored_answer(one)) for one in labels.values()]
    return [
        Labelled(turn, stored_answer(labels[key]) if key in labels else _nobody(key, "unlabelled"))
        for turn, key in zip(turns, snap_turns(turns, grid_ms).keys, strict=True)
        if key
    ]


def _nobody(key: SegmentKey, reason: str) -> Identification:
    return Identification(*key, None, None, None, None, None, None, reason)


def _row(
    one: Labelled,
    answer: Identification,
    voices: Voices,
    overlaps: Mapping[SegmentKey, float],
    kept: Mapping[SegmentKey, Label],
) -> TurnRow:
    label = kept.get(answer.key)
    return TurnRow(
        key=answer.key,
        start=one.segment.start,
        end=one.segment.end,
        label=one.segment.label or None,
        text=one.segment.text or None,
        speaker=answer.speaker,
        voice=_voice(voices, one, answer) if answer.speaker is None else None,
        suggested="" if answer.suggestion is None else f"{answer.suggestion}?",
        similarity=answer.similarity,
        reason=in_words(answer),
        is_pinned=answer.reason in {"pinned", "nobody"},
        overlap=overlaps.get(answer.key, 0.0),
        stored=((label.speaker or "nobody") if label and label.speaker != answer.speaker else None),
    )


def said(words: Iterable[Word], key: SegmentKey) -> list[str]:
    """What people said of a segment, such as ``is not Ada``."""
    found = [
        str(word)
        for word in words
        if any(s.start_ms < key.end_ms and key.start_ms < s.end_ms for s in word.spans)
    ]
    return list(dict.fromkeys(found))


def _voices(store: VoiceStore, video: str, encoder: EncoderIdentity | None) -> Voices:
    """The unknown voices of segments and labels; none if voices are not linked."""
    if encoder is None or not store.voices.settings().enabled:
        return {}
    found = store.voices.of_segments(video, encoder=encoder)
    return {(each.key, each.label): each.voice for each in found}


def _voice(voices: Voices, one: Labelled, answer: Identification) -> int | None:
    by_label = voices.get((answer.key, one.segment.label))
    return voices.get((answer.key, None)) if by_label is None else by_label
