"""Exemplars for another encoder: computed from their own files and spans."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from pgvoice.hooks.audio.recording import OpenRecording, open_recording
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import AudioError, AudioNotFound, AudioUnreadable
from pgvoice.hooks.fill.embedding_pass import EmbeddingPass
from pgvoice.hooks.sources import resolve_again
from pgvoice.hooks.switch.report import MissingExemplar
from pgvoice.store.encoders.carrying import ExemplarVector, LostExemplar, Reason
from pgvoice.store.errors import UnknownVideo
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.voice_store import VoiceStore

_WHY: Mapping[Reason, str] = {
    "no vector": "no vector is stored of it",
    "no span": "it was imported without its audio: import it again, or enroll from audio",
    "no consent": "the person's consent ended",
    "erased": "the speech was erased",
    "opted out": "somebody with this voice opted out",
    "no profile": "the person's exemplars cancel each other out: enroll more speech",
}


@dataclass(frozen=True, slots=True)
class Exemplars:
    """What the new encoder was given of people."""

    #: Copied from stored segments, and computed from audio.
    carried: int
    computed: int
    missing: tuple[MissingExemplar, ...]
    #: Voices of recordings that belong to an unknown voice.
    voices: int

    @property
    def are_new(self) -> bool:
        """Whether there are exemplars that were not there before."""
        return self.carried + self.computed > 0


def give(
    store: VoiceStore,
    make: Callable[[], Encoder],
    new: EncoderIdentity,
    old: EncoderIdentity,
    tell: Callable[[int, int], None],
) -> Exemplars:
    """Give `new` the exemplars of `old`, and the unknown voices.

    Audio is only used if it is the same file. The encoder is made for the first file that is there.
    """
    given = store.encoders.carry(new, like=old)
    lacking = store.encoders.missing_exemplars(new, like=old)
    wanted = [each for each in lacking if each.can_be_computed]
    failed = dict(_compute(store, make, wanted, lambda done: tell(done, len(wanted))))
    left = store.encoders.missing_exemplars(new, like=old) if wanted else lacking
    missing = [_missing(each, failed.get(each.number)) for each in left]
    return Exemplars(given.exemplars, len(lacking) - len(left), tuple(missing), given.voices)


def _missing(exemplar: LostExemplar, why: str | None) -> MissingExemplar:
    start, end = exemplar.key.start_s, exemplar.key.end_s
    said = why or _WHY[exemplar.reason]
    return MissingExemplar(exemplar.number, exemplar.speaker, exemplar.source, start, end, said)


def _compute(
    store: VoiceStore,
    make: Callable[[], Encoder],
    wanted: Sequence[LostExemplar],
    tell: Callable[[int], None],
) -> Iterator[tuple[int, str]]:
    """Store vectors, a file at a time; gives those that fail, by number, with the reason."""
    done = 0
    for _, group in groupby(sorted(wanted, key=_file), _file):
        exemplars = list(group)
        try:
            yield from _heard(store, make, exemplars)
        except AudioError as error:
            yield from ((each.number, str(error)) for each in exemplars)
        done += len(exemplars)
        tell(done)


def _file(exemplar: LostExemplar) -> tuple[str, str, str]:
    return exemplar.audio_sha256, exemplar.source, exemplar.video or ""


def _heard(
    store: VoiceStore, make: Callable[[], Encoder], exemplars: Sequence[LostExemplar]
) -> Iterator[tuple[int, str]]:
    """Store the vectors of the exemplars of one file. Raises `AudioError`."""
    with _same_file(store, exemplars[0]) as recording:
        encoder, keys = make(), sorted({each.key for each in exemplars})
        batches = EmbeddingPass(encoder, recording).rows(keys)
        rows = {row.key: row for batch in batches for row in batch}
    found = []
    for exemplar in exemplars:
        row = rows[exemplar.key]
        if row.embedding is None:
            yield exemplar.number, f"it is {row.status} for the encoder"
        else:
            found.append(ExemplarVector(exemplar.number, row.embedding))
    store.encoders.add_exemplars(encoder.identity, found)


@contextmanager
def _same_file(store: VoiceStore, exemplar: LostExemplar) -> Iterator[OpenRecording]:
    """The file that somebody was enrolled from. Raises `AudioError`."""
    for path in _paths(store, exemplar):
        with open_recording(path) as recording:
            if recording.info.sha256 == exemplar.audio_sha256:
                yield recording
                return
    raise AudioUnreadable(
        f"{path} is another file by now: put back the one that {exemplar.speaker} was enrolled from"
    )


def _paths(store: VoiceStore, exemplar: LostExemplar) -> Iterator[Path]:
    """Where the audio may be, one place at least. Raises `AudioError`."""
    video = exemplar.video
    places = [None if video is None else _source(store, video), exemplar.source]
    there = [Path(each) for each in places if each is not None and Path(each).is_file()]
    yield from there
    if video is not None:
        try:
            yield resolve_again(video, places[0])
        except AudioNotFound:
            if not there:
                raise
    elif not there:
        gone = f"{exemplar.source} is gone: put it back, or enroll {exemplar.speaker} again"
        raise AudioNotFound(gone)


def _source(store: VoiceStore, video: str) -> str | None:
    """The file that a recording was read from last."""
    try:
        audio = store.recordings.audio(video)
    except UnknownVideo:
        return None
    return None if audio is None else audio.source
