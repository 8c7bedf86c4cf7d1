"""``evaluate``: how often the names are right, against references that say who speaks when."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from itertools import compress
from operator import add
from typing import Literal, NamedTuple

from pgvoice.hooks.errors import NotEvaluable
from pgvoice.hooks.evaluate.diarization import DiarizationError, diarization_error
from pgvoice.hooks.evaluate.regions import counts, touches
from pgvoice.hooks.evaluate.stored_labels import stored_labels, stored_turns
from pgvoice.hooks.formats.nist.uem import Region
from pgvoice.store.answers.identify import Identification
from pgvoice.store.labels.current import Label
from pgvoice.store.recordings.encoders import EncoderIdentity, WhichEncoder
from pgvoice.store.statuses import SKIPPED_STATUSES
from pgvoice.store.thresholds import reference_turns
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore

#: Which names: of the reference's turns, of the stored segments, or the current labels.
Segments = Literal["reference", "stored", "labels"]
#: Reasons of segments without a vector, which cannot be compared.
WITHOUT_VECTOR = frozenset(SKIPPED_STATUSES)
#: How many missing segments a message names.
_NAMED = 3


class Answer(NamedTuple):
    """A segment with its name and the person who really speaks."""

    #: Seconds.
    start: float
    end: float
    name: str | None
    reason: str
    #: None unless exactly one person speaks.
    person: str | None


@dataclass(frozen=True, slots=True)
class Score:
    """How often the names in one or several videos are right.

    Segments are the reference's turns, or the stored segments that one person's turns cover. The
    right answer for a stranger, who has no profile, is no name.
    """

    segments: int
    right: int
    seconds: float
    right_seconds: float
    #: Segments with a vector in which people with a profile speak; those with the right name.
    enrolled: int
    enrolled_right: int
    #: Segments with a vector in which strangers speak; those with any name.
    strangers: int
    strangers_named: int
    #: Segments that were left out, because nobody or several people speak in them.
    unclear: int
    #: Seconds in which people with a profile speak, with their name, and with another's.
    enrolled_seconds: float
    right_name_seconds: float
    wrong_name_seconds: float
    #: Seconds in which strangers speak, and with any name.
    stranger_seconds: float
    stranger_named_seconds: float
    diarization: DiarizationError

    def __add__(self, other: Score) -> Score:
        return Score(
            *(getattr(self, field.name) + getattr(other, field.name) for field in fields(self))
        )

    @property
    def dir(self) -> float | None:
        """DIR, as in `store.thresholds.measures`; None if no enrolled person speaks."""
        return self.enrolled_right / self.enrolled if self.enrolled else None

    @property
    def far(self) -> float | None:
        """FAR, as in `store.thresholds.measures`; None if no stranger speaks."""
        return self.strangers_named / self.strangers if self.strangers else None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores by video, and how they were made."""

    segments: Segments
    collar: float
    skip_overlap: bool
    videos: dict[str, Score]
    #: Those in the references who have a profile, and the others.
    enrolled: tuple[str, ...]
    strangers: tuple[str, ...]

    @property
    def overall(self) -> Score:
        """All videos together; every segment counts the same."""
        return reduce(add, self.videos.values())


class _Asked(NamedTuple):
    """The arguments of `identify_clusters` other than the segments."""

    encoder: EncoderIdentity
    threshold: float | None
    min_margin: float | None
    one_label_one_name: bool


def evaluate(
    store: VoiceStore,
    turns: Mapping[str, Sequence[Turn]],
    *,
    segments: Segments = "reference",
    clusters: Mapping[str, Sequence[str | None]] | None = None,
    by_label: bool = False,
    one_label_one_name: bool = False,
    encoder: WhichEncoder = None,
    threshold: float | None = None,
    min_margin: float | None = None,
    collar: float = 0.0,
    skip_overlap: bool = False,
    regions: Mapping[str, Sequence[Region]] | None = None,
) -> Evaluation:
    """Compare names with references: `turns` has the turns of each video.

    `clusters` has a diarizer's label for each of these turns; with it, they are named by
    `Answers.identify_clusters`. `by_label` does the same with the labels of the stored turns, see
    `stored_labels`; both with `one_label_one_name` if that is asked for. For DER, all unnamed
    segments of a video share one label; for the identification error rate, strangers have that
    label in the reference too. With `regions` of each video, only what lies in them is scored: for
    DER to the instant, else segments whose middle does. Raises `NotEvaluable`, `ExtraMissing`,
    `LabelIsNoName`, `UnknownVideo`, `UnknownEncoder`, `InvalidSegment`.
    """
    if by_label and segments == "labels":
        raise NotEvaluable("kept labels are judged as they are")
    if clusters is not None and (segments != "reference" or set(clusters) != set(turns)):
        raise NotEvaluable("give the clusters of the reference's turns, for every video")
    if not turns:
        raise NotEvaluable("nothing to evaluate: give a video with its reference")
    which = store.encoders.find(encoder)
    names = {
        profile.speaker
        for profile in store.people.speakers(encoder=which.identity)
        if profile.encoder is not None
    }
    asked = _Asked(which.identity, threshold, min_margin, one_label_one_name)
    found = {}
    references = {video: _named(video, said, names) for video, said in turns.items()}
    for video, reference in references.items():
        labels = None if clusters is None else clusters[video]
        if by_label and segments == "reference":
            labels = stored_labels(store, video, reference)
        scored = None if regions is None else regions[video]
        if scored is not None:
            kept = [touches(turn, scored) for turn in reference]
            reference = list(compress(reference, kept))
            labels = None if labels is None else list(compress(labels, kept))
        if not reference:
            raise NotEvaluable(f"the reference of {video!r} has no speech in its regions")
        answers = _answers(
            store, video, reference, segments, labels, names, asked, by_label=by_label
        )
        if scored is not None:
            answers = [one for one in answers if touches(one, scored)]
        errors = diarization_error(
            reference,
            [Turn(one.start, one.end, one.name) for one in answers],
            strangers={turn.label for turn in reference if turn.label} - names,
            collar=collar,
            skip_overlap=skip_overlap,
            regions=scored,
        )
        if scored is not None:
            answers = [one for one in answers if counts(one, scored)]
        found[video] = _score(answers, names, errors)
    people = {str(turn.label) for reference in references.values() for turn in reference}
    enrolled, strangers = sorted(people & names), sorted(people - names)
    return Evaluation(segments, collar, skip_overlap, found, tuple(enrolled), tuple(strangers))


def _named(video: str, turns: Sequence[Turn], names: Iterable[str]) -> list[Turn]:
    nameless = next((turn for turn in turns if turn.label is None), None)
    if not turns or nameless is not None:
        where = f"; the turn at {nameless.start:g} s has no name" if nameless else ""
        raise NotEvaluable(f"the reference of {video!r} must name the speaker of each turn{where}")
    return reference_turns.named(turns, names)


def _answers(
    store: VoiceStore,
    video: str,
    reference: Sequence[Turn],
    segments: Segments,
    clusters: Sequence[str | None] | None,
    names: Iterable[str],
    asked: _Asked,
    *,
    by_label: bool,
) -> list[Answer]:
    if segments == "reference":
        found = _identified(store, video, reference, clusters, asked)
        return [
            Answer(turn.start, turn.end, one.speaker, one.reason, turn.label)
            for turn, one in zip(reference, found, strict=True)
        ]
    answers: list[Identification] | list[Label]
    if segments == "labels":
        answers = store.labels.current(video, encoder=asked.encoder)
        if not answers:
            raise NotEvaluable(
                f"{video} has no labels: `pgvoice label {shlex.quote(video)}` stores them"
            )
    elif by_label:
        turns = stored_turns(store, video)
        answers = _identified(store, video, turns, [turn.label for turn in turns], asked)
    else:
        answers = _identified(store, video, None, None, asked)
    known = reference_turns.spoken([one.key for one in answers], reference, names)
    return [
        Answer(one.start, one.end, one.speaker, one.reason, known.get(one.key)) for one in answers
    ]


def _identified(
    store: VoiceStore,
    video: str,
    turns: Sequence[Turn] | None,
    clusters: Sequence[str | None] | None,
    asked: _Asked,
) -> list[Identification]:
    spans = None if turns is None else [(turn.start, turn.end) for turn in turns]
    if spans is None or clusters is None:
        encoder, threshold, min_margin, _ = asked
        found = store.answers.identify(
            video, spans, encoder=encoder, threshold=threshold, min_margin=min_margin
        )
    else:
        found = [
            each.identification
            for each in store.answers.identify_clusters(video, spans, clusters, **asked._asdict())
        ]
    missing = [f"{one.start:g}-{one.end:g}" for one in found if one.reason == "missing"]
    if missing or not found:
        raise NotEvaluable(_not_filled(video, missing, len(found)))
    return found


def _not_filled(video: str, missing: Sequence[str], asked: int) -> str:
    named = ", ".join(missing[:_NAMED]) + (", ..." if missing[_NAMED:] else "")
    what = f"{len(missing)} of {asked} turns ({named} s)" if asked else "the segments"
    return (
        f"{what} of {video} are not stored: fill them"
        f" (`pgvoice fill {shlex.quote(video)} AUDIO REFERENCE`), or evaluate the stored segments"
        " (--stored)"
    )


def _score(answers: Sequence[Answer], names: set[str], errors: DiarizationError) -> Score:
    clear = [one for one in answers if one.person is not None]
    right = [one for one in clear if one.name == (one.person if one.person in names else None)]
    searched = [one for one in clear if one.reason not in WITHOUT_VECTOR]
    inside = [one for one in searched if one.person in names]
    outside = [one for one in searched if one.person not in names]
    own = [one for one in clear if one.person in names]
    others = [one for one in clear if one.person not in names]
    return Score(
        segments=len(clear),
        right=len(right),
        seconds=_seconds(clear),
        right_seconds=_seconds(right),
        enrolled=len(inside),
        enrolled_right=sum(one.name == one.person for one in inside),
        strangers=len(outside),
        strangers_named=sum(one.name is not None for one in outside),
        unclear=len(answers) - len(clear),
        enrolled_seconds=_seconds(own),
        right_name_seconds=_seconds(one for one in own if one.name == one.person),
        wrong_name_seconds=_seconds(one for one in own if one.name not in (one.person, None)),
        stranger_seconds=_seconds(others),
        stranger_named_seconds=_seconds(one for one in others if one.name is not None),
        diarization=errors,
    )


def _seconds(answers: Iterable[Answer]) -> float:
    return sum(one.end - one.start for one in answers)
