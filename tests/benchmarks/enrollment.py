"""Enrollment with somebody else at the ends of a span: ``python tests/benchmarks/enrollment.py``.

People are enrolled with CAM++ from spans of which another person says a fifth: at the end, at the
beginning, or half of it at both. Such a profile is worse than one from clean speech of the same
length if it names the other person in more of their remaining speech, in windows of 3 s. "Before"
is the same enrollment without cutting ends, checked only for coherence. Then people are enrolled
from clean speech, also through two microphones in one span: nothing should be refused or cut.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeVar

import click
import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks.spoken import clean_speech, read_speech
from pgvoice_testkit.audio.shared_recordings import SPEECH
from pgvoice_testkit.encoders.remembering_encoder import RememberingEncoder
from pgvoice_testkit.servers.databases import temporary_store

from pgvoice.hooks import Encoder, Recording, enroll_recordings, make_encoder
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.enroll.hearing import Hearing
from pgvoice.hooks.enroll.speech import windows
from pgvoice.store import Enrollment, EnrollmentRefused, SegmentKey, VoiceStore

RATE = 16_000
NAME = "somebody"
#: The part of a span that the other person says.
SHARE = 0.2
PAIRS = 42
#: The people of LibriSpeech test-other that the constants of hooks/enroll/ends.py are tuned on.
TUNED_ON = ("1688", "1998", "2033", "2414", "2609")
#: How many spans of so many seconds somebody is enrolled with.
ONE, FOUR, SHORT, SHORTEST = (1, 8.0), (4, 5.0), (6, 3.0), (1, 5.0)
#: In each kind of speech, where the other person speaks in which spans.
SHAPES = {
    "read, tuned on": ((ONE, "tail"), (SHORT, "tail")),
    "read": ((ONE, "tail"), (ONE, "head"), (ONE, "both"), (FOUR, "tail"), (SHORT, "tail")),
    "series": ((ONE, "tail"), (SHORT, "tail")),
    "digits-8khz": ((SHORTEST, "tail"),),
    "ami-30s": ((SHORTEST, "tail"),),
}
CLEAN = ("refused before", "refused now", "cut", "speech lost")
BEFORE = ("accepted before", "worse", "named")
NOW = ("refused now", "cut", "worse", "named", "named by clean")
#: So many seconds of the other person are compared with a profile, at least and at most.
COMPARED = 2.0, 24.0


_Case = TypeVar("_Case")


class Pair(NamedTuple):
    """Somebody who is enrolled, and somebody else who is heard at the ends of the spans."""

    own: Waveform
    other: Waveform


class Case(NamedTuple):
    """What is enrolled: the spans of one file, and what the profile should not name."""

    clean: list[Waveform]
    mixed: list[Waveform]
    other: Waveform


class Bench:
    """A store, an encoder, and a folder for audio."""

    def __init__(self, store: VoiceStore, encoder: Encoder, folder: Path) -> None:
        self._store = store
        self._encoder = encoder
        self._folder = folder

    def now(self, spans: Sequence[Waveform]) -> tuple[Enrollment, Embeddings] | None:
        """The enrollment and the profile; None if it is refused."""
        recordings = self._recordings(spans)
        return self._profile(
            lambda: enroll_recordings(self._store, self._encoder, NAME, recordings)
        )

    def before(self, spans: Sequence[Waveform]) -> tuple[Enrollment, Embeddings] | None:
        """The same without cutting."""
        recordings = self._recordings(spans)
        hearing = Hearing(self._store, self._encoder, NAME, recordings[0].path, force=True)
        exemplars = hearing.hear([recording.span for recording in recordings]).exemplars
        made = self._encoder.identity, self._encoder.default_threshold
        return self._profile(lambda: self._store.people.enroll(NAME, exemplars, *made))

    def named(self, profile: Embeddings, other: Waveform) -> float:
        """The share of the other person's windows that get this person's name."""
        vectors = self._encoder.encode(
            [other[a * RATE // 1000 : b * RATE // 1000] for a, b in windows(_whole(other))]
        )
        reached = vectors @ profile >= self._encoder.default_threshold.similarity
        return float(np.mean(reached))

    def _recordings(self, spans: Sequence[Waveform]) -> list[Recording]:
        path = self._folder / "talk.wav"
        soundfile.write(path, np.concatenate(spans), RATE)
        ends = np.cumsum([len(span) for span in spans]) / RATE
        starts = [0.0, *ends[:-1]]
        return [Recording(path, span) for span in zip(starts, ends, strict=True)]

    def _profile(self, enroll: Callable[[], Enrollment]) -> tuple[Enrollment, Embeddings] | None:
        try:
            enrolled = enroll()
        except EnrollmentRefused:
            return None
        (speaker,) = self._store.people.export_speakers([NAME], destination="benchmark")
        self._store.people.remove(NAME)
        (exemplars,) = speaker.profiles.values()
        mean = np.sum([exemplar.embedding for exemplar in exemplars], axis=0)
        return enrolled, mean / np.linalg.norm(mean)


@click.command()
@click.argument("speech", type=click.Path(file_okay=False, path_type=Path), default=SPEECH)
@click.option("--pairs", default=PAIRS, show_default=True, help="Enrollments in each row.")
def main(speech: Path, pairs: int) -> None:
    """Print how often contaminated and clean enrollments are cut, refused, and name others.

    SPEECH is the folder of recordings [default: ../shared/speech]. It takes about half an hour.
    """
    if not speech.is_dir():
        raise SystemExit(f"no recordings at {speech}")
    encoder = RememberingEncoder(make_encoder("campplus"))
    with temporary_store() as store, TemporaryDirectory() as folder:
        bench = Bench(store, encoder, Path(folder))
        clean(bench, speech, pairs)
        contaminated(bench, speech, pairs)


def contaminated(bench: Bench, folder: Path, most: int) -> None:
    """A row for each kind of speech and place of the other person, printed when it is known."""
    print_row("speech", "spans", "other at", "pairs", *BEFORE, *NOW)
    for what, found in _pairs(folder).items():
        for spans, where in SHAPES[what]:
            possible = [case for pair in found if (case := _case(pair, spans, where))]
            if cases := _some(possible, most):
                shape = f"{spans[0]} x {spans[1]:g} s"
                print_row(what, shape, where, str(len(cases)), *_contaminated(bench, cases))


def _contaminated(bench: Bench, cases: Sequence[Case]) -> Iterator[str]:
    tolerated = []
    before: list[float] = []
    now: list[float] = []
    worse_before = worse_now = cut = 0
    for case in cases:
        pure, old, new = (bench.before(case.clean), bench.before(case.mixed), bench.now(case.mixed))
        least = bench.named(pure[1], case.other) if pure else 0.0
        tolerated.append(least)
        if old:
            before.append(bench.named(old[1], case.other))
            worse_before += before[-1] > least
        if new:
            now.append(bench.named(new[1], case.other))
            worse_now += now[-1] > least
            cut += bool(new[0].left_out)
    yield from (str(len(before)), str(worse_before), _percent(before))
    yield from (str(len(cases) - len(now)), str(cut), str(worse_now), _percent(now))
    yield _percent(tolerated)


def clean(bench: Bench, folder: Path, most: int) -> None:
    """A row for each kind of clean speech."""
    print_row("clean speech", "spans", "enrollments", *CLEAN)
    for what, people in _people(folder).items():
        for spans in dict.fromkeys(spans for spans, _ in SHAPES[what]):
            possible = [cut for own in people for cut in _cuts(own, spans)]
            if cases := _some(possible, most):
                print_row(what, f"{spans[0]} x {spans[1]:g} s", *_clean(bench, cases))
    microphones = _some(list(_two_microphones(folder)), most)
    print_row("series, two microphones", f"1 x {ONE[1]:g} s", *_clean(bench, microphones))


def _clean(bench: Bench, cases: Sequence[list[Waveform]]) -> Iterator[str]:
    refused = cut = 0
    lost = []
    refused_before = sum(bench.before(spans) is None for spans in cases)
    for spans in cases:
        found = bench.now(spans)
        refused += found is None
        parts = [] if found is None else found[0].left_out
        cut += bool(parts)
        lost.append(sum(each.part.duration_ms for each in parts) / 1000)
    seconds = sum(len(span) for spans in cases for span in spans) / RATE
    yield from map(str, (len(cases), refused_before, refused, cut))
    yield f"{sum(lost) / seconds:.1%}"


def _case(pair: Pair, spans: tuple[int, float], where: str) -> Case | None:
    """The spans with somebody else in them; None if there is too little speech of the two."""
    number, size = spans[0], round(spans[1] * RATE)
    foreign = round(SHARE * size)
    least, most = (round(seconds * RATE) for seconds in COMPARED)
    if len(pair.own) < number * size or len(pair.other) < number * foreign + least:
        return None
    clean, mixed = [], []
    for at in range(number):
        own = pair.own[at * size : (at + 1) * size]
        other = pair.other[at * foreign : (at + 1) * foreign]
        rest = own[: size - foreign]
        head = {"tail": 0, "head": foreign, "both": foreign // 2}[where]
        clean.append(own)
        mixed.append(np.concatenate([other[:head], rest, other[head:]]))
    return Case(clean, mixed, pair.other[number * foreign :][:most])


def _cuts(own: Waveform, spans: tuple[int, float]) -> Iterator[list[Waveform]]:
    """The speech of somebody, in as many enrollments as it is enough for."""
    number, size = spans[0], round(spans[1] * RATE)
    for first in range(0, len(own) - number * size + 1, number * size):
        yield [own[first + at * size : first + (at + 1) * size] for at in range(number)]


def _pairs(speech: Path) -> dict[str, list[Pair]]:
    """Pairs of people in each kind of speech; the longest first, if there are too many."""
    read = read_speech(speech)
    tuned, others = _split(read.people)
    strangers = list(read.strangers.values())
    found = {
        "read, tuned on": [Pair(*pair) for pair in permutations(tuned, 2)],
        "read": [Pair(*pair) for pair in permutations(others, 2)]
        + [Pair(own, other) for own in others for other in strangers],
    }
    for folder in ("series", "digits-8khz", "ami-30s"):
        found[folder] = [
            Pair(*pair)
            for people in clean_speech(speech / folder).values()
            for pair in permutations(people.values(), 2)
        ]
    return found


def _people(speech: Path) -> dict[str, list[Waveform]]:
    tuned, others = _split(read_speech(speech).people)
    found = {"read, tuned on": tuned, "read": others}
    for folder in ("series", "digits-8khz", "ami-30s"):
        recordings = clean_speech(speech / folder).values()
        found[folder] = [own for people in recordings for own in people.values()]
    return found


def _two_microphones(speech: Path) -> Iterator[list[Waveform]]:
    """Spans of somebody whose last part is from another episode of the series."""
    size = round(ONE[1] * RATE)
    episodes = clean_speech(speech / "series").values()
    for first, second in permutations(episodes, 2):
        for name in sorted(first.keys() & second.keys()):
            for share in (SHARE, 0.4):
                last = round(share * size)
                if len(first[name]) >= size - last and len(second[name]) >= last:
                    yield [np.concatenate([first[name][: size - last], second[name][:last]])]


def _split(people: Mapping[str, Waveform]) -> tuple[list[Waveform], list[Waveform]]:
    tuned = [own for name, own in people.items() if name in TUNED_ON]
    return tuned, [own for name, own in people.items() if name not in TUNED_ON]


def _some(cases: Sequence[_Case], most: int) -> Sequence[_Case]:
    """At most so many, evenly chosen."""
    if len(cases) <= most:
        return cases
    return [cases[round(place)] for place in np.linspace(0, len(cases) - 1, most)]


def _whole(samples: Waveform) -> SegmentKey:
    return SegmentKey(0, len(samples) * 1000 // RATE)


def print_row(*cells: str) -> None:
    click.echo(f"| {' | '.join(cells)} |")


def _percent(shares: Sequence[float]) -> str:
    return f"{np.mean(shares):.1%}" if shares else "-"


if __name__ == "__main__":
    main()
