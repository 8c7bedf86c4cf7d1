"""Linking recordings whose speakers are known, and how right the groups are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from pgvoice.hooks import Encoder, fill
from pgvoice.store import Turn, VoiceStore
from pgvoice_benchmarks.naming.libraries import anonymous
from pgvoice_benchmarks.naming.recordings import Recording

#: A voice: its recording and label.
Voice = tuple[str, str]
#: Seconds of silence between utterances.
_PAUSE = 0.5
_LINKED = (
    "SELECT v.key, o.label, l.unknown_voice_id FROM pgvoice.voice o"
    " JOIN pgvoice.video v ON v.id = o.video_id"
    " LEFT JOIN pgvoice.linked_voice l USING (video_id, label, encoder_id)"
)


class Grouping(NamedTuple):
    """Which group each voice is in, and who it is; a voice too short to link has a group alone."""

    groups: Mapping[Voice, str]
    people: Mapping[Voice, str]
    short: frozenset[Voice]

    def partition(self) -> frozenset[frozenset[Voice]]:
        """The groups, whatever they are called."""
        found: dict[str, set[Voice]] = defaultdict(set)
        for voice, group in self.groups.items():
            found[group].add(voice)
        return frozenset(frozenset(group) for group in found.values())

    def long(self) -> Grouping:
        """Without the voices that are too short to link."""
        kept = {voice: group for voice, group in self.groups.items() if voice not in self.short}
        return self._replace(groups=kept)

    def b_cubed(self) -> tuple[float, float, float]:
        """Precision, recall and F (Bagga and Baldwin, 1998)."""
        voices = list(self.groups)
        group = np.array([self.groups[voice] for voice in voices])
        person = np.array([self.people[voice] for voice in voices])
        linked, same = group[:, None] == group, person[:, None] == person
        right = (linked & same).sum(1)
        precision, recall = (right / linked.sum(1)).mean(), (right / same.sum(1)).mean()
        return precision, recall, 2 * precision * recall / (precision + recall)

    def wrong(self) -> int:
        """Voices that are linked with more voices of somebody else."""
        most: dict[str, Counter[str]] = defaultdict(Counter)
        for voice, group in self.groups.items():
            most[group][self.people[voice]] += 1
        return sum(sum(each.values()) - max(each.values()) for each in most.values())


class Linked:
    """A store whose voices are linked as recordings are filled, with labels that say nothing."""

    def __init__(self, store: VoiceStore, encoder: Encoder, rate: float = 0.01) -> None:
        self.store, self.encoder = store, encoder
        self._people: dict[Voice, str] = {}
        self._run("TRUNCATE pgvoice.video, pgvoice.encoder CASCADE")
        store.voices.enable(rate=rate)

    def fill(self, recordings: Iterable[Recording]) -> Linked:
        for one in recordings:
            turns = anonymous(one)
            pairs = zip(one.turns, turns, strict=True)
            self._people |= {(one.key, turn.label or ""): was.label or "" for was, turn in pairs}
            fill(self.store, self.encoder, video=one.key, audio=one.audio, segments=turns)
        return self

    def link(self, rate: float) -> Linked:
        """Forget all groups, and link everything at another rate."""
        self.store.voices.disable()
        self.store.voices.enable(rate=rate)
        self.store.voices.link()
        return self

    def grouping(self) -> Grouping:
        with self.store.database.engine.connect() as connection:
            rows = connection.exec_driver_sql(_LINKED).all()
        groups = {(row[0], row[1]): str(row[2] or f"{row[0]} {row[1]}") for row in rows}
        short = frozenset((row[0], row[1]) for row in rows if row[2] is None)
        return Grouping(groups, self._people, short)

    def _run(self, statement: str) -> None:
        with self.store.database.engine.begin() as connection:
            connection.exec_driver_sql(statement)


def in_turn(
    name: str, clips: Mapping[str, Sequence[Path]], folder: Path, each: int
) -> Iterator[Recording]:
    """Recordings in which `each` people say one clip of theirs after the other.

    The first of each person's clips are in the first recordings, and so on.
    """
    people = sorted(clips)
    for at in range(max(map(len, clips.values()))):
        there = [person for person in people if len(clips[person]) > at]
        for first in range(0, len(there), each):
            several = there[first : first + each]
            key = f"{name}/{at}-{first}"
            yield _joined(key, name, {p: clips[p][at] for p in several}, folder)


def _joined(key: str, group: str, clips: Mapping[str, Path], folder: Path) -> Recording:
    parts, turns, at = [], [], 0.0
    for person, clip in clips.items():
        samples, rate = soundfile.read(clip, dtype="float32")
        turns.append(Turn(at, at + len(samples) / rate, person))
        parts += [samples, np.zeros(round(_PAUSE * rate), np.float32)]
        at += len(samples) / rate + _PAUSE
    audio = folder / f"{key.replace('/', '-')}.flac"
    soundfile.write(audio, np.concatenate(parts), rate)
    return Recording(key, group, audio, turns, key)
