"""What a library answers through every facet, with its default encoder or another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from pgvoice.store import PgvoiceError, VoiceStore
from pgvoice.store.recordings.encoders import WhichEncoder
from pgvoice_testkit.stores.switching.recordings import Recording
from pgvoice_testkit.stores.switching.sql_answers import sql_answers

Question = Callable[[VoiceStore, WhichEncoder], object]

#: Of each recording, which comes third.
_OF_RECORDINGS: Mapping[str, Callable[[VoiceStore, WhichEncoder, Recording], object]] = {
    "answers.identify": lambda s, e, r: s.answers.identify(r.video, encoder=e),
    "answers.identify_clusters": lambda s, e, r: s.answers.identify_clusters(
        r.video,
        [(turn.start, turn.end) for turn in r.turns],
        [turn.label for turn in r.turns],
        encoder=e,
    ),
    "answers.similar": lambda s, e, r: s.answers.similar(
        r.video, (r.turns[0].start, r.turns[0].end), encoder=e, exact=True
    ),
    "answers.similar by index": lambda s, e, r: s.answers.similar(
        r.video, (r.turns[-1].start, r.turns[-1].end), encoder=e, limit=3
    ),
    "labels.current": lambda s, e, r: s.labels.current(r.video, encoder=e),
    "labels.speaker_time": lambda s, e, r: s.labels.speaker_time(r.video, encoder=e),
    "labels.resolve": lambda s, e, r: s.labels.resolve(
        r.video, [(turn.start, turn.end) for turn in r.turns], encoder=e
    ),
    "recordings.resolve": lambda s, e, r: s.recordings.resolve(
        r.video, [(turn.start, turn.end) for turn in r.turns], encoder=e, with_vector=True
    ),
    "recordings.labelled": lambda s, e, r: s.recordings.labelled(
        r.video, ["SPEAKER_00"], encoder=e, clear=True
    ),
    # The size of a row depends on the plan that reads it.
    "recordings.coverage": lambda s, e, r: [
        replace(each, bytes=0) for each in s.recordings.coverage(r.video, encoder=e)
    ],
    "voices.of_segments": lambda s, e, r: s.voices.of_segments(r.video, encoder=e),
}
_OF_PEOPLE: Mapping[str, Callable[[VoiceStore, WhichEncoder, str], object]] = {
    "answers.appearances": lambda s, e, who: s.answers.appearances(who, encoder=e),
    "people.quality": lambda s, e, who: s.people.quality(who, encoder=e),
    "people.drop_outliers": lambda s, e, who: s.people.drop_outliers(who, encoder=e, dry_run=True),
}
_OF_VOICES: Mapping[str, Callable[[VoiceStore, WhichEncoder, int], object]] = {
    "voices.show": lambda s, e, number: s.voices.show(number, encoder=e),
    "voices.card": lambda s, e, number: s.voices.card(number, encoder=e),
}
_OF_ALL: Mapping[str, Question] = {
    "voices.unknown": lambda s, e: s.voices.unknown(encoder=e),
    "voices.unknown dismissed": lambda s, e: s.voices.unknown(encoder=e, dismissed=True),
    "voices.queue": lambda s, e: s.voices.queue(encoder=e, limit=None),
    "labels.speaker_time of all": lambda s, e: s.labels.speaker_time(encoder=e),
    "thresholds.required": lambda s, e: s.thresholds.required(encoder=e),
    "thresholds.library": lambda s, e: s.thresholds.library(encoder=e),
    "thresholds.active": lambda s, e: s.thresholds.active(encoder=e),
    "thresholds.calibrations": lambda s, e: s.thresholds.calibrations(encoder=e),
    "thresholds.scores": lambda s, e: s.thresholds.scores(encoder=e),
}
#: What takes no encoder, so that only the default one answers.
_OF_DEFAULT: Mapping[str, Callable[[VoiceStore], object]] = {
    "people.overview": lambda s: s.people.overview(),
    "people.similar": lambda s: [s.people.similar(who) for who in _people(s)],
    "people.heard": lambda s: [s.people.heard(who) for who in _people(s)],
    "voices.suggestions": lambda s: s.voices.suggestions(),
    "voices.left": lambda s: s.voices.left(),
    "voices.clips": lambda s: [s.voices.clips(number) for number in _numbers(s)],
    "recordings.summaries": lambda s: s.recordings.summaries(limit=None),
    "labels.of_segments": lambda s: s.labels.of_segments(
        [(each.video, label.key) for each in s.recordings.videos()
         for label in s.labels.current(each.video, encoder=s.encoders.find().identity)]
    ),
    "words": lambda s: [s.labels.words(each.video) for each in s.recordings.videos()],
}  # fmt: skip


def answers(
    store: VoiceStore, recordings: list[Recording], encoder: WhichEncoder = None, *, every: int = 1
) -> dict[str, list[str]]:
    """Everything that the store answers with an encoder, in Python and in SQL, as texts.

    It is asked about one recording, person and unknown voice of `every` so many.
    """
    found = {name: [_told(ask, store, encoder)] for name, ask in _OF_ALL.items()}
    chosen = recordings[7 % every :: every]
    for name, of_recording in _OF_RECORDINGS.items():
        found[name] = [_told(of_recording, store, encoder, each) for each in chosen]
    for name, of_person in _OF_PEOPLE.items():
        found[name] = [_told(of_person, store, encoder, who) for who in _people(store)[::every]]
    for name, of_voice in _OF_VOICES.items():
        numbers = _numbers(store)[::every]
        found[name] = [_told(of_voice, store, encoder, number) for number in numbers]
    return found | sql_answers(store, encoder, every=every)


def default_answers(store: VoiceStore) -> dict[str, list[str]]:
    """What is answered only for the default encoder."""
    return {name: [_told(ask, store)] for name, ask in _OF_DEFAULT.items()}


def _told(ask: Callable[..., object], *arguments: object) -> str:
    """An answer, or why there is none."""
    try:
        return repr(ask(*arguments))
    except PgvoiceError as error:
        return f"{type(error).__name__}: {error}"


def _people(store: VoiceStore) -> list[str]:
    return sorted({each.speaker for each in store.people.speakers()})


def _numbers(store: VoiceStore) -> list[int]:
    """Unknown voices that were not dismissed, and those that were."""
    listed = [*store.voices.unknown(), *store.voices.unknown(dismissed=True)]
    return sorted(each.number for each in listed)
