"""Recordings to name by segments and by clusters: who is enrolled, and how a diarizer errs."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import soundfile
from sqlalchemy import text

from pgvoice.hooks import read_segments
from pgvoice.store import SegmentKey, Turn, VoiceStore

#: Clips of the podcast's speakers that are not part of it, by person; the fifth is a stranger.
PODCAST, CLIPS = ("1688", "2414", "3080", "367"), 4
#: The least that a segment to enroll lasts, and how much of a person is enrolled, in milliseconds.
LEAST_MS, MOST_MS = 1500, 30_000
Spans = dict[str, list[tuple[str, SegmentKey]]]
Labels = list[str | None]


class Run(NamedTuple):
    """A recording that is judged, and the segments that people are enrolled from."""

    name: str
    video: str
    enrolled: Spans


def recordings(speech: Path) -> dict[str, tuple[Path, list[Turn]]]:
    """Audio and reference by video: all recordings with RTTM, and clips of the podcast's people."""
    found = {}
    for reference in sorted(speech.glob("*/*.rttm")):
        beside = reference.parent.glob(f"{reference.stem}.*")
        audio = next(file for file in sorted(beside) if file.suffix in (".flac", ".wav"))
        turns = [Turn(turn.start, turn.end, turn.label) for turn in read_segments(str(reference))]
        found[f"{reference.parent.name}/{reference.stem}"] = (audio, turns)
    for person in PODCAST:
        clips = sorted((speech / "librispeech-test-other" / person).glob("*.flac"))
        for clip in clips[:CLIPS]:
            whole = Turn(0.0, soundfile.info(clip).duration)
            found[f"clip/{clip.stem}"] = (clip, [whole])
    return found


def runs(store: VoiceStore, references: Mapping[str, Sequence[Turn]]) -> Iterator[Run]:
    """Every recording with people enrolled from others of its kind, or from one turn of its own."""
    clean = {video: _clean(store, video) for video in references}
    kinds: dict[str, list[str]] = defaultdict(list)
    for video in references:
        kinds[video.partition("/")[0]].append(video)
    meetings, series, digits = kinds["ami-30s"], kinds["series"], kinds["digits-8khz"]
    for video in meetings[:4]:
        others = [other for other in meetings[:4] if other != video]
        for other in others:
            yield Run(f"{video} from {other}", video, clean[other])
        every = _joined(clean[other] for other in others)
        yield Run(f"{video} from the others", video, every)
        yield Run(f"{video}, half of them", video, dict(islice(sorted(every.items()), 0, None, 2)))
    for video, other in ((meetings[6], meetings[7]), (meetings[7], meetings[6])):
        yield Run(f"{video} from {other}", video, clean[other])
    for video in meetings[4:]:
        yield Run(f"{video} from strangers", video, clean[meetings[0]])
    for video in (*meetings, *kinds["pyannote-sample"]):
        one = {name: places[:1] for name, places in clean[video].items()}
        yield Run(f"{video} from itself", video, one)
    for listed in (series, digits):
        for place, video in enumerate(listed):
            for step in (1, 2, 3):
                other = listed[(place + step) % len(listed)]
                known = sorted(clean[other].items())
                least = 2 if listed is digits else 0
                known = known[: max(2, len(known) - least)]
                yield Run(f"{video} from {other}", video, dict(known))
    yield Run("the podcast from clips", kinds["simulated-podcast"][0], _clips(store))


def _joined(parts: Iterator[Spans]) -> Spans:
    found: Spans = defaultdict(list)
    for part in parts:
        for name, places in part.items():
            found[name] += places
    return dict(found)


def _clips(store: VoiceStore) -> Spans:
    found: Spans = defaultdict(list)
    for video in store.recordings.videos():
        if video.video.startswith("clip/"):
            person = video.video.removeprefix("clip/").partition("-")[0]
            key = store.answers.identify(video.video)[0].key
            found[person].append((video.video, key))
    return dict(found)


def _clean(store: VoiceStore, video: str) -> Spans:
    """The longest clean segments of each person, as the stored turns say."""
    with store.database.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT c.label, c.start_ms, c.end_ms FROM pgvoice.video AS v CROSS JOIN LATERAL"
                " pgvoice_internal.clean_segments(v.id, pgvoice.default_encoder()) AS c"
                " WHERE v.key = :video AND c.end_ms - c.start_ms >= :least"
                " ORDER BY c.end_ms - c.start_ms DESC, c.start_ms"
            ),
            {"video": video, "least": LEAST_MS},
        ).all()
    found: Spans = defaultdict(list)
    for label, start, end in rows:
        if sum(key.duration_ms for _, key in found[label]) < MOST_MS:
            found[label].append((video, SegmentKey(start, end)))
    return dict(found)


def _as_spoken(labels: Labels, _random: random.Random) -> Labels:
    return labels


def _wrong(labels: Labels, chance: random.Random) -> Labels:
    people = sorted({label for label in labels if label})
    wrong = set(chance.sample(range(len(labels)), max(1, round(0.1 * len(labels)))))
    return [
        chance.choice([name for name in people if name != label]) if place in wrong else label
        for place, label in enumerate(labels)
    ]


def _merged(labels: Labels, chance: random.Random) -> Labels:
    one, other = chance.sample(sorted({label for label in labels if label}), 2)
    return [one if label == other else label for label in labels]


def _split(labels: Labels, chance: random.Random) -> Labels:
    one = chance.choice(sorted({label for label in labels if label}))
    return [
        f"{label}, again" if label == one and chance.random() < 0.5 else label for label in labels
    ]


#: How a diarizer's labels differ from who speaks.
MISTAKES: dict[str, Callable[[Labels, random.Random], Labels]] = {
    "none": _as_spoken,
    "10 % of turns wrong": _wrong,
    "two people as one": _merged,
    "one person as two": _split,
}


def diarized(run: Run, turns: Sequence[Turn], mistake: str, seed: int) -> list[Turn]:
    """The turns with a diarizer's labels."""
    chance = random.Random(f"{run.name} {mistake} {seed}")
    labels: Labels = [turn.label for turn in turns]
    if len(set(labels)) > 1:
        labels = MISTAKES[mistake](labels, chance)
    return [replace(turn, label=label) for turn, label in zip(turns, labels, strict=True)]
