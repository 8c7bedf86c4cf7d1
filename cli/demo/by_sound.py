"""The demo's conversation again, from its sound alone, next to the reference."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import click

from pgvoice.cli import output
from pgvoice.cli.fill import report_document, summary
from pgvoice.cli.thresholds.rule import percent
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.evaluate.diarization import DiarizationError, diarization_error
from pgvoice.hooks.fill.fill import fill
from pgvoice.hooks.identify import identify
from pgvoice.hooks.results import FillReport
from pgvoice.hooks.segmenters.registry import make_segmenter
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore

SEGMENTER = "pyannote-3.0"
#: The recording's key, as its turns are not those of the reference.
VIDEO = "sound"


class Pair(NamedTuple):
    """A turn that was found, and the one of the reference that it is; either may be missing."""

    found: Turn | None
    said: Turn | None


class Heard(NamedTuple):
    """What was found in the sound."""

    report: FillReport
    #: Segmenting, embedding and storing, with the time to load both models.
    seconds: float
    #: The turns, with the names of people instead of the segmenter's labels.
    turns: list[Turn]
    reference: list[Turn]
    #: Of the segmenter's labels, with the misnamed speech of the names.
    error: DiarizationError


def listen(
    store: VoiceStore, encoder: Encoder, audio: Path, reference: list[Turn], device: str | None
) -> Heard:
    """Find who speaks when, and name them by the people who are enrolled."""
    began = time.perf_counter()
    segmenter = make_segmenter(SEGMENTER, device=device)
    report = fill(store, encoder, video=VIDEO, audio=audio, segmenter=segmenter)
    seconds = time.perf_counter() - began
    labels = identify(store, VIDEO, encoder=encoder.identity).labels
    named = [replace(each.segment, label=each.speaker) for each in labels]
    error = diarization_error(reference, [each.segment for each in labels])
    by_name = diarization_error(reference, named)
    return Heard(report, seconds, named, reference, replace(error, misnamed=by_name.misnamed))


def write(heard: Heard) -> None:
    """Print the turns next to each other, and how far they differ."""
    found = output.counted(len(heard.turns), "turn")
    click.echo(f"\nFrom the sound alone, {SEGMENTER} finds {found}:")
    click.echo(f"{summary(heard.report)};\n{heard.seconds:.1f} s in all\n")
    times = output.numbers("from", "to")
    output.write_table(
        [*times, output.person("found"), *times, output.person("reference")],
        (_row(pair) for pair in pairs(heard.turns, heard.reference)),
    )
    error = heard.error
    click.echo(
        f"\ndiarization error rate: {percent(error.der)}; if names have to be right,"
        f" {percent(error.ier)}"
        "\n(every moment is judged, also those in which both speak)"
    )


def document(heard: Heard) -> dict[str, object]:
    """The same as JSON."""
    return {
        "video": VIDEO,
        "segmenter": SEGMENTER,
        "seconds": heard.seconds,
        "fill": report_document(heard.report),
        "turns": [
            {"found": _shown(pair.found), "reference": _shown(pair.said)}
            for pair in pairs(heard.turns, heard.reference)
        ],
        "der": heard.error.der,
        "ier": heard.error.ier,
    }


def pairs(found: Sequence[Turn], reference: Sequence[Turn]) -> list[Pair]:
    """Each turn next to the one it shares most time with, those of the same person first."""
    left = [list(found), list(reference)]
    paired = []
    for one, other in sorted(_touching(found, reference), key=_likeness, reverse=True):
        if one in left[0] and other in left[1]:
            left[0].remove(one)
            left[1].remove(other)
            paired.append(Pair(one, other))
    paired += [Pair(turn, None) for turn in left[0]]
    paired += [Pair(None, turn) for turn in left[1]]
    return sorted(paired, key=lambda pair: next(turn.start for turn in pair if turn))


def _touching(found: Sequence[Turn], reference: Sequence[Turn]) -> Iterator[tuple[Turn, Turn]]:
    for one in found:
        for other in reference:
            if one.start < other.end and other.start < one.end:
                yield one, other


def _likeness(both: tuple[Turn, Turn]) -> tuple[bool, float]:
    one, other = both
    return one.label == other.label, min(one.end, other.end) - max(one.start, other.start)


def _row(pair: Pair) -> tuple[str, ...]:
    nobody = (output.NOTHING,) * 3
    return tuple(
        field
        for turn in pair
        for field in (
            nobody
            if turn is None
            else (_clock(turn.start), _clock(turn.end), turn.label or output.NOTHING)
        )
    )


def _clock(seconds: float) -> str:
    return output.clock(round(seconds, 1))


def _shown(turn: Turn | None) -> dict[str, object] | None:
    if turn is None:
        return None
    return {"start": turn.start, "end": turn.end, "speaker": turn.label}
