"""``identify``: ask the store who speaks in a video, and pass the answers to the plugins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypedDict, Unpack

from pgvoice.hooks.plugins import calls
from pgvoice.hooks.results import IdentifyResult, Labelled
from pgvoice.hooks.turns import as_turns, snap_turns
from pgvoice.store.answers.clusters import ClusterSummary, summarize_clusters
from pgvoice.store.recordings.encoders import StoredEncoder, WhichEncoder
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore
from pgvoice.store.voices.heard import SegmentVoice


class _Rule(TypedDict, total=False):
    encoder: WhichEncoder
    threshold: float | None
    min_margin: float | None
    speakers: Iterable[str] | None


def identify(
    store: VoiceStore,
    video: str,
    segments: Iterable[Any] | None = None,
    *,
    clusters: bool | None = None,
    one_label_one_name: bool = False,
    voices: bool = False,
    **rule: Unpack[_Rule],
) -> IdentifyResult:
    """Who speaks in each segment; then calls the plugins' ``after_identify``.

    Segments can have any shape that `as_turns` accepts; without them, the stored turns are asked
    about, or every stored segment if the video has no turns. A segment that is not a span of time
    has no answer. With `clusters`, and by default if segments have labels, those with the same
    label are judged together, by `Answers.identify_clusters`, if asked for with
    `one_label_one_name`. Only `speakers` can be named. With `voices`, segments in which nobody is
    named get the unknown voice that their label or segment belongs to. Raises `UnknownVideo`,
    `UnknownEncoder`, `UnknownSpeaker`, `LinkingDisabled` with `voices`, and `TypeError` for
    anything but a list.
    """
    if one_label_one_name and clusters is False:
        raise ValueError("one_label_one_name judges by labels: leave out clusters=False")
    encoder = store.encoders.find(rule.pop("encoder", None))
    rule["encoder"] = encoder.identity
    turns = store.recordings.turns(video) if segments is None else as_turns(segments)
    if turns is None:
        found = store.answers.identify(video, **rule)
        labels = [Labelled(Turn(each.start, each.end), each) for each in found]
        result = IdentifyResult(video, encoder, tuple(labels))
    else:
        result = _judged(store, encoder, video, turns, clusters, one_label_one_name, rule)
    if voices:
        heard = store.voices.of_segments(video, encoder=encoder.identity)
        result = replace(result, labels=tuple(_with_voices(result.labels, heard)))
    calls.after_identify(result)
    return result


def _with_voices(labels: Iterable[Labelled], heard: Iterable[SegmentVoice]) -> Iterator[Labelled]:
    """The answers, with the unknown voices of those in which nobody is named."""
    by_label = {each.label: each.voice for each in heard if each.label is not None}
    by_key = {each.key: each.voice for each in heard if each.label is None}
    for one in labels:
        voice = None
        if one.identification and one.speaker is None:
            voice = by_label.get(str(one.segment.label), by_key.get(one.identification.key))
        yield replace(one, voice=voice) if voice else one


def _judged(
    store: VoiceStore,
    encoder: StoredEncoder,
    video: str,
    turns: Sequence[Turn],
    clusters: bool | None,
    one_label_one_name: bool,
    rule: _Rule,
) -> IdentifyResult:
    snapped = snap_turns(turns, store.grid_ms)
    labels = [turn.label for key, turn in zip(snapped.keys, turns, strict=True) if key]
    keys = [key for key in snapped.keys if key]
    summaries: list[ClusterSummary] = []
    if any(labels) if clusters is None else clusters:
        clustered = store.answers.identify_clusters(
            video, keys, labels, one_label_one_name=one_label_one_name, **rule
        )
        answers = iter([each.identification for each in clustered])
        summaries = summarize_clusters(clustered)
    else:
        answers = iter(store.answers.identify(video, keys, **rule))
    return IdentifyResult(
        video,
        encoder,
        tuple(
            Labelled(turn, next(answers) if key else None)
            for key, turn in zip(snapped.keys, turns, strict=True)
        ),
        tuple(snapped.invalid),
        tuple(summaries),
    )
