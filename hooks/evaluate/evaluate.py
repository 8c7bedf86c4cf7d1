"""``evaluate``: how right the names are, against references that say who speaks when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Literal, NamedTuple

from pgvoice.hooks.errors import NotEvaluable
from pgvoice.hooks.evaluate.diarization import UNKNOWN, DiarizationError, Spoken, diarization_error
from pgvoice.store.answers.identify import Identification
from pgvoice.store.keys import SegmentKey, Span
from pgvoice.store.recordings.encoders import EncoderIdentity, WhichEncoder
from pgvoice.store.statuses import SKIPPED_STATUSES
from pgvoice.store.thresholds import reference_turns
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore

#: Whose names: asked for the reference's turns, for the stored segments, or kept labels.
Segments = Literal["reference", "stored", "labels"]
#: Reasons of segments that have no vector: nothing could be searched for.
WITHOUT_VECTOR = frozenset(SKIPPED_STATUSES)
#: How many segments that are not filled a message names.
_NAMED = 3


class Answer(NamedTuple):
    """A segment, in seconds, whom we name in it, and why."""

    start: float
    end: float
    name: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Score:
    """How right the names of a video are, or of several.

    Segments are the reference's turns, or the stored segments that the turns of one person cover. A
    stranger, of whom there is no profile, is right where nobody is named.
    """

    segments: int
    right: int
    seconds: float
    right_seconds: float
    #: Of people with a profile and of strangers, segments that have a vector, and how many of them
    #: have the right name, or any name.
    enrolled: int
    enrolled_right: int
    strangers: int
    strangers_named: int
    #: Segments that were left out, because no one person speaks in them.
    unclear: int
    diarization: DiarizationError

    def __add__(self, other: Score) -> Score:
        return Score(
            self.segments + other.segments,
            self.right + other.right,
            self.seconds + other.seconds,
            self.right_seconds + other.right_seconds,
            self.enrolled + other.enrolled,
            self.enrolled_right + other.enrolled_right,
            self.strangers + other.strangers,
            self.strangers_named + other.strangers_named,
            self.unclear + other.unclear,
            self.diarization + other.diarization,
        )

    @property
    def dir(self) -> float | None:
        """DIR, as in `store.measures`; None where nobody of the gallery speaks."""
        return self.enrolled_right / self.enrolled if self.enrolled else None

    @property
    def far(self) -> float | None:
        """FAR, as in `store.measures`; None where no stranger speaks."""
        return self.strangers_named / self.strangers if self.strangers else None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores by video, and what they are of."""

    segments: Segments
    collar: float
    skip_overlap: bool
    videos: dict[str, Score]

    @property
    def overall(self) -> Score:
        """All videos together; every segment counts the same."""
        return reduce(add, self.videos.values())


class _Asked(NamedTuple):
    """What `identify` is asked for beside the segments."""

    encoder: EncoderIdentity
    threshold: float | None
    min_margin: float | None


def evaluate(
    store: VoiceStore,
    turns: Mapping[str, Sequence[Turn]],
    *,
    segments: Segments = "reference",
    clusters: Mapping[str, Sequence[str | None]] | None = None,
    encoder: WhichEncoder = None,
    threshold: float | None = None,
    min_margin: float | None = None,
    collar: float = 0.0,
    skip_overlap: bool = False,
) -> Evaluation:
    """Compare names with references, by video the turns of one.

    With `clusters`, by video a diarizer's label for each of the reference's turns, they are named
    as `VoiceStore.identify_clusters` does. Unnamed segments have one label of their own in each
    video, which the reference gives to strangers where labels stand for themselves. Raises
    `NotEvaluable`, `ExtraMissing`, `LabelIsNoName`, `UnknownVideo`, `UnknownEncoder`,
    `InvalidSegment`.
    """
    if clusters is not None and (segments != "reference" or set(clusters) != set(turns)):
        raise NotEvaluable("clusters have to be those of the reference's turns, for every video")
    if not turns:
        raise NotEvaluable("nothing to evaluate: give a video and its reference")
    which = store.recordings.encoder(encoder)
    names = {
        profile.speaker
        for profile in store.people.speakers()
        if profile.encoder == str(which.identity)
    }
    asked = _Asked(which.identity, threshold, min_margin)
    found = {}
    for video, said in turns.items():
        reference = _named(video, said, names)
        labels = None if clusters is None else clusters[video]
        answers = _answers(store, video, reference, segments, labels, asked)
        people = _people(answers, reference, segments, names)
        errors = _errors(reference, answers, names, collar, skip_overlap)
        found[video] = _score(answers, people, names, errors)
    return Evaluation(segments, collar, skip_overlap, found)


def _named(video: str, turns: Sequence[Turn], names: Iterable[str]) -> list[Turn]:
    nameless = next((turn for turn in turns if turn.label is None), None)
    if not turns or nameless is not None:
        where = f"; none at {nameless.start:g} s" if nameless else ""
        raise NotEvaluable(f"the reference of {video!r} has to say who speaks in each turn{where}")
    return reference_turns.named(turns, names)


def _answers(
    store: VoiceStore,
    video: str,
    reference: Sequence[Turn],
    segments: Segments,
    clusters: Sequence[str | None] | None,
    asked: _Asked,
) -> list[Answer]:
    if segments == "labels":
        kept = store.labels.current(video, encoder=asked.encoder)
        if not kept:
            raise NotEvaluable(f"{video} has no labels: `pgvoice label {video}` keeps them")
        return [Answer(one.start, one.end, one.speaker, one.reason) for one in kept]
    spans = [(turn.start, turn.end) for turn in reference] if segments == "reference" else None
    found = _identified(store, video, spans, clusters, asked)
    missing = [f"{one.start:g}-{one.end:g}" for one in found if one.reason == "missing"]
    if missing or not found:
        raise NotEvaluable(_not_filled(video, missing, len(found)))
    if spans is None:
        return [Answer(one.start, one.end, one.speaker, one.reason) for one in found]
    return [Answer(*span, one.speaker, one.reason) for span, one in zip(spans, found, strict=True)]


def _identified(
    store: VoiceStore,
    video: str,
    spans: Sequence[Span] | None,
    clusters: Sequence[str | None] | None,
    asked: _Asked,
) -> list[Identification]:
    given = asked._asdict()
    if spans is None or clusters is None:
        return store.answers.identify(video, spans, **given)
    found = store.answers.identify_clusters(video, spans, clusters, **given)
    return [each.identification for each in found]


def _not_filled(video: str, missing: Sequence[str], asked: int) -> str:
    named = ", ".join(missing[:_NAMED]) + (", ..." if missing[_NAMED:] else "")
    what = f"{len(missing)} of {asked} turns ({named} s)" if asked else "the segments"
    return (
        f"{what} of {video} are not stored: `pgvoice fill {video} AUDIO REFERENCE` fills them;"
        " --stored evaluates the segments that are"
    )


def _people(
    answers: Sequence[Answer], reference: Sequence[Turn], segments: Segments, names: Iterable[str]
) -> list[str | None]:
    """Who really speaks in each segment; None where that is not one person."""
    if segments == "reference":
        return [turn.label for turn in reference]
    keys = [SegmentKey(round(one.start * 1000), round(one.end * 1000)) for one in answers]
    known = reference_turns.spoken(keys, reference, names)
    return [known.get(key) for key in keys]


def _errors(
    reference: Iterable[Turn],
    answers: Iterable[Answer],
    names: set[str],
    collar: float,
    skip_overlap: bool,
) -> DiarizationError:
    said = [(turn.start, turn.end, turn.label or UNKNOWN) for turn in reference]
    heard = [Spoken(one.start, one.end, one.name or UNKNOWN) for one in answers]
    return diarization_error(
        [Spoken(*turn) for turn in said],
        heard,
        strangers={label for _, _, label in said} - names,
        collar=collar,
        skip_overlap=skip_overlap,
    )


def _score(
    answers: Sequence[Answer],
    people: Sequence[str | None],
    names: set[str],
    errors: DiarizationError,
) -> Score:
    clear = [(one, who) for one, who in zip(answers, people, strict=True) if who is not None]
    right = [one for one, who in clear if one.name == (who if who in names else None)]
    searched = [(one, who) for one, who in clear if one.reason not in WITHOUT_VECTOR]
    inside = [(one, who) for one, who in searched if who in names]
    outside = [one for one, who in searched if who not in names]
    return Score(
        segments=len(clear),
        right=len(right),
        seconds=sum(one.end - one.start for one, _ in clear),
        right_seconds=sum(one.end - one.start for one in right),
        enrolled=len(inside),
        enrolled_right=sum(one.name == who for one, who in inside),
        strangers=len(outside),
        strangers_named=sum(one.name is not None for one in outside),
        unclear=len(answers) - len(clear),
        diarization=errors,
    )
