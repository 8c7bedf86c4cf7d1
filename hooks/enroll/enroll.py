"""Enrollment from audio: windows of files, or spans of a video, become exemplars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.enroll.ends import MIN_SPAN_MS
from pgvoice.hooks.enroll.hearing import Heard, Hearing
from pgvoice.hooks.fill.answering import warn_unless_default
from pgvoice.hooks.fill.fill import fill
from pgvoice.hooks.fill.filling import Progress
from pgvoice.store.errors import TooLittleSpeech
from pgvoice.store.keys import valid_keys
from pgvoice.store.people.enrollments import MIN_SPEECH_SECONDS, Enrollment
from pgvoice.store.people.resemblance import LeftOut
from pgvoice.store.privacy.consents import Consent
from pgvoice.store.voice_store import VoiceStore


class Recording(NamedTuple):
    """Speech of one person: a file, and the (start, end) in seconds of their speech in it."""

    path: Path
    #: None is the whole file.
    span: Sequence[float] | None = None


def enroll_recordings(
    store: VoiceStore,
    encoder: Encoder,
    name: str,
    recordings: Sequence[Recording],
    *,
    min_speech: float = MIN_SPEECH_SECONDS,
    consent: Consent | str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Enrollment:
    """Enroll a speaker from audio files, with an exemplar from each window that contains speech.

    Ends of spans that do not sound like the rest are left out. Raises `AudioError`, `NotEnrollable`
    for a span without usable speech, `TooLittleSpeech` if the speaker's new and earlier exemplars
    contain less than `min_speech` seconds of speech, and `EnrollmentRefused` in other kinds.
    `force` takes everything. After an error nobody is enrolled.
    """
    warn_unless_default(store, encoder.identity)
    heard: dict[Path, Heard] = {}
    spans: dict[Path, list[Sequence[float] | None]] = {}
    for path, span in recordings:
        spans.setdefault(path, []).append(span)
    for done, (path, of_file) in enumerate(spans.items(), 1):
        heard[path] = Hearing(store, encoder, name, path, force).hear(of_file)
        if progress:
            progress(done, len(spans))
    left_out = tuple(each for found in heard.values() for each in found.left_out)
    if not force:
        _require_enough(store, encoder, name, heard, left_out, min_speech)
    enrolled = store.people.enroll(
        name,
        [exemplar for found in heard.values() for exemplar in found.exemplars],
        encoder.identity,
        encoder.default_threshold,
        min_speech=min_speech,
        consent=consent,
        force=force,
    )
    return replace(enrolled, left_out=left_out)


def enroll_video(
    store: VoiceStore,
    encoder: Encoder,
    name: str,
    video: str,
    spans: Sequence[Sequence[float]],
    *,
    audio: str | Path,
    min_speech: float = MIN_SPEECH_SECONDS,
    consent: Consent | str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Enrollment:
    """Enroll a speaker from spans of a video, (start, end) in seconds; fills missing ones.

    Each span is one exemplar, a segment as it is stored. Ends of spans that do not sound like the
    rest are left out. If all spans are stored and there is no such file, they are taken as they
    are.
    """
    keys = valid_keys(spans, store.grid_ms)
    left_out: list[LeftOut] = []
    path = Path(audio)
    if not force and path.is_file() and any(key.duration_ms >= MIN_SPAN_MS for key in keys):
        shorter, left_out = Hearing(store, encoder, name, path, force).cut(keys)
        keys = [shorter.get(key, key) for key in keys]
    fill(
        store,
        encoder,
        video=video,
        audio=audio,
        segments=keys,
        on_turns="ignore",
        progress=progress,
    )
    enrolled = store.people.enroll_segments(
        name, video, keys, encoder.identity, min_speech=min_speech, consent=consent, force=force
    )
    return replace(enrolled, left_out=tuple(left_out))


def _require_enough(
    store: VoiceStore,
    encoder: Encoder,
    name: str,
    heard: Mapping[Path, Heard],
    left_out: Sequence[LeftOut],
    min_speech: float,
) -> None:
    """Raises `TooLittleSpeech` by what has the energy of speech, and by earlier exemplars."""
    is_stored = any(each.identity == encoder.identity for each in store.encoders.list())
    people = store.people.speakers(encoder=encoder.identity) if is_stored else []
    known = sum(person.seconds for person in people if person.speaker == name)
    if sum(found.seconds for found in heard.values()) + known >= min_speech:
        return
    told = ", ".join(f"{found.seconds:.1f} s in {path}" for path, found in heard.items())
    if known:
        told += f" and {known:.1f} s enrolled before"
    if left_out:
        told += f" ({'; '.join(map(str, left_out))})"
    raise TooLittleSpeech(name, told, min_speech)
