"""How much of what people say has the right name, by a reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from pgvoice_testkit.audio.named_series import Said

#: Seconds of a moment that is judged.
MOMENT = 0.01


class Heard(Protocol):
    """Speech of a recording, with the name that it was given."""

    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def speaker(self) -> str | None: ...


class Named(NamedTuple):
    """A label as `Heard`."""

    start: float
    end: float
    speaker: str | None


class Shares(NamedTuple):
    """Of the speech in the reference's longer turns, what has which name."""

    seconds: float
    #: In turns that have the right name, or a wrong one, for most of what was heard of them.
    right: float
    wrong: float
    #: Moment by moment: also pauses and edges in which nobody was heard have no name.
    right_moments: float
    #: With the name of somebody who does not speak at that moment.
    wrong_moments: float

    def __str__(self) -> str:
        """As a test prints it."""
        return (
            f"{self.seconds:.1f} s of speech: {self.right:.2%} in turns with the right name,"
            f" {self.wrong:.2%} with a wrong one; by moments {self.right_moments:.2%} and"
            f" {self.wrong_moments:.2%}"
        )


def shares(
    reference: Sequence[Said], heard: Mapping[str, Sequence[Heard]], *, at_least: float = 1.0
) -> Shares:
    """Judge the reference's turns of `at_least` seconds; `heard` is by recording."""
    judged = [
        each
        for video in sorted({said.video for said in reference})
        for each in _judged(
            [said for said in reference if said.video == video], heard.get(video, ()), at_least
        )
    ]
    all_moments = sum(each.moments for each in judged)
    return Shares(
        all_moments * MOMENT,
        sum(each.moments for each in judged if each.has_right_name) / all_moments,
        sum(each.moments for each in judged if each.has_wrong_name) / all_moments,
        sum(each.right for each in judged) / all_moments,
        sum(each.wrong for each in judged) / all_moments,
    )


class _Judged(NamedTuple):
    """A turn of the reference, in moments."""

    moments: int
    right: int
    wrong: int
    #: In which somebody without a name was heard, and nobody with one.
    unnamed: int

    @property
    def has_right_name(self) -> bool:
        return self.right > self.wrong + self.unnamed

    @property
    def has_wrong_name(self) -> bool:
        return self.wrong > self.right + self.unnamed


def _judged(said: Sequence[Said], heard: Iterable[Heard], at_least: float) -> Iterator[_Judged]:
    speaking = _moments((turn.start, turn.end, turn.person) for turn in said)
    named = _moments((each.start, each.end, each.speaker) for each in heard)
    for turn in said:
        if turn.end - turn.start < at_least:
            continue
        moments = _span(turn.start, turn.end)
        right = wrong = unnamed = 0
        for moment in moments:
            names = named.get(moment, set())
            if turn.person in names:
                right += 1
            elif names - {None} - speaking[moment]:
                wrong += 1
            elif None in names:
                unnamed += 1
        yield _Judged(len(moments), right, wrong, unnamed)


def who_speaks_most(reference: Iterable[Said], spans: Iterable[tuple[str, float, float]]) -> str:
    """The person who speaks most in these spans of recordings."""
    listed, moments = list(reference), Counter[str]()
    for video, start, end in spans:
        for said in listed:
            if said.video == video:
                common = min(end, said.end) - max(start, said.start)
                moments[said.person] += max(0, round(common / MOMENT))
    return moments.most_common(1)[0][0]


def _moments(
    spoken: Iterable[tuple[float, float, str | None]],
) -> dict[int, set[str | None]]:
    """Who speaks, by moment."""
    found: dict[int, set[str | None]] = {}
    for start, end, person in spoken:
        for moment in _span(start, end):
            found.setdefault(moment, set()).add(person)
    return found


def _span(start: float, end: float) -> range:
    return range(round(start / MOMENT), round(end / MOMENT))
