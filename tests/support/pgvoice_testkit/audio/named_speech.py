"""How much of what people say has the right name, by a reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
    """Of the speech in the reference's longer turns."""

    seconds: float
    right: float
    #: With the name of somebody who does not speak at that moment.
    wrong: float

    def __str__(self) -> str:
        """As a test prints it."""
        return (
            f"{self.seconds:.1f} s of speech: {self.right:.2%} with the right name,"
            f" {self.wrong:.2%} with a wrong one"
        )


def shares(
    reference: Sequence[Said], heard: Mapping[str, Sequence[Heard]], *, at_least: float = 1.0
) -> Shares:
    """Judge each moment of the reference's turns of `at_least` seconds; `heard` is by recording."""
    spoken = right = wrong = 0
    for video in {said.video for said in reference}:
        said = [turn for turn in reference if turn.video == video]
        speaking = _moments((turn.start, turn.end, turn.person) for turn in said)
        named = _moments((each.start, each.end, each.speaker) for each in heard.get(video, ()))
        for turn in said:
            if turn.end - turn.start < at_least:
                continue
            for moment in _span(turn.start, turn.end):
                names = named.get(moment, set()) - {None}
                spoken += 1
                right += turn.person in names
                wrong += bool(names - speaking[moment]) and turn.person not in names
    return Shares(spoken * MOMENT, right / spoken, wrong / spoken)


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
