"""``import_profiles``: enroll the people of a file, whatever kind of file it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.enroll.enroll import MIN_SPEECH_SECONDS, Recording, enroll_recordings
from pgvoice.hooks.errors import FormatError, ProfileRefused
from pgvoice.hooks.fill.fill import Progress
from pgvoice.hooks.formats.documents import load_document, unexpected
from pgvoice.hooks.formats.json.json_objects import parse_json
from pgvoice.hooks.profiles.exported import is_exchange, read_exchange
from pgvoice.hooks.profiles.original import is_original, read_original, threshold_note
from pgvoice.hooks.sources import resolve_audio
from pgvoice.store.people.enrollments import Enrollment
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.voice_store import VoiceStore

_NAMELESS = "it does not name the person: add --name"


class Imported(NamedTuple):
    """A person of a file, as enrolled."""

    enrollment: Enrollment
    #: Remarks for the user: what was not applied, and what could not be checked.
    notes: tuple[str, ...]


def import_profiles(
    store: VoiceStore,
    path: Path,
    *,
    encoder: Encoder | None = None,
    device: str | None = None,
    name: str | None = None,
    min_speech: float = MIN_SPEECH_SECONDS,
    force: bool = False,
    progress: Progress | None = None,
) -> list[Imported]:
    """Enroll the people of a file: an export of pgvoice, an original profile, or source lists.

    An original profile needs `encoder`, since its vectors do not identify the model that made them;
    an export names its encoder, which must be identical here. `name` is for a file of one person.
    Audio sources find the files of ids in a source list. A second import adds nothing. Raises
    `FormatError`, `ProfileRefused`, `AudioNotFound`, and the errors of `enroll_recordings`.
    """
    found = _load(path)
    try:
        if is_exchange(found):
            return _from_export(store, found, path, encoder=encoder, name=name, force=force)
        if is_original(found):
            return [_from_original(store, found, path, encoder=encoder, name=name, force=force)]
        lists = _source_lists(found, name)
    except (FormatError, ProfileRefused) as error:
        raise type(error)(f"{path}: {error}") from error
    # Find every file before enrolling anyone.
    files = [find_recordings(one.urls, path.parent) for one in lists]
    enroll = partial(
        enroll_recordings,
        store,
        encoder or make_encoder(device=device),
        min_speech=min_speech,
        force=force,
        progress=progress,
    )
    return [
        Imported(enroll(str(name or one.name), list(map(Recording, recordings))), one.notes)
        for one, recordings in zip(lists, files, strict=True)
    ]


def _load(path: Path) -> dict[str, Any]:
    try:
        found = parse_json(load_document(path).text)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise FormatError(f"{path}: found no object, expected profiles or sources")
    return found


def _from_export(
    store: VoiceStore,
    found: dict[str, Any],
    path: Path,
    *,
    encoder: Encoder | None,
    name: str | None,
    force: bool,
) -> list[Imported]:
    speakers = read_exchange(found)
    if name is not None:
        raise ProfileRefused("an export contains names: leave --name out")
    thresholds = {}
    for identity in {identity for speaker in speakers for identity in speaker.profiles}:
        here = encoder or make_encoder(identity.name)
        _require_same(identity, here.identity)
        thresholds[identity] = here.default_threshold
    taken = store.people.import_speakers(speakers, thresholds, source=str(path), force=force)
    return [Imported(enrollment, ()) for enrollment in taken]


def _from_original(
    store: VoiceStore,
    found: dict[str, Any],
    path: Path,
    *,
    encoder: Encoder | None,
    name: str | None,
    force: bool,
) -> Imported:
    if encoder is None:
        raise ProfileRefused("its model is unknown: name the encoder (--encoder)")
    identity = encoder.identity
    stored = [each.identity for each in store.recordings.encoders()]
    same_name = [each for each in stored if each.name == identity.name]
    if same_name and identity not in same_name:
        _require_same(identity, same_name[-1])
    profile = read_original(found, encoder, path.name)
    if not (name or profile.name.strip()):
        raise ProfileRefused(_NAMELESS)
    enrollment = store.people.enroll(
        name or profile.name, profile.exemplars, identity, encoder.default_threshold, force=force
    )
    return Imported(enrollment, profile.notes)


def _require_same(theirs: EncoderIdentity, ours: EncoderIdentity) -> None:
    """Raise `ProfileRefused` with every field that differs."""
    different = [
        f"{field.name} {getattr(theirs, field.name)!r} there and {getattr(ours, field.name)!r} here"
        for field in fields(EncoderIdentity)
        if getattr(theirs, field.name) != getattr(ours, field.name)
    ]
    if different:
        raise ProfileRefused(
            f"its vectors come from another encoder ({'; '.join(different)}) and cannot be"
            " compared: enroll from audio, or use that encoder (--encoder)"
        )


def _source_lists(found: dict[str, Any], name: str | None) -> list[SourceList]:
    if not is_source_lists(found):
        raise FormatError(
            "found neither an export of pgvoice, nor a profile with embeddings, nor a list of"
            " sources"
        )
    lists = read_source_lists(found)
    if name is not None and len(lists) > 1:
        raise FormatError(f"it contains {len(lists)} people: leave --name out")
    if not (name or all(one.name for one in lists)):
        raise FormatError(_NAMELESS)
    return lists


@dataclass(frozen=True, slots=True)
class SourceList:
    """Recordings in which only one person speaks."""

    #: None if the list has no name.
    name: str | None
    urls: tuple[str, ...]
    notes: tuple[str, ...]


def is_source_lists(found: dict[str, object]) -> bool:
    """Whether a JSON object is one source list or several."""
    if "sources" in found:
        return True
    return bool(found) and all(isinstance(one, dict) and "urls" in one for one in found.values())


def read_source_lists(found: dict[str, object]) -> list[SourceList]:
    """The lists of a JSON object; raises `FormatError` if one is malformed."""
    if "sources" in found:
        name = found.get("name")
        urls = _urls("sources", found["sources"])
        return [SourceList(str(name) if name else None, urls, tuple(threshold_note(found)))]
    return [_named(key, one) for key, one in found.items()]


def find_recordings(urls: Sequence[str], folder: Path) -> list[Path]:
    """The file of each url: a path, which may be relative to `folder`, or from an audio source.

    Raises `AudioNotFound` for the first one without a file, and `AudioSourceFailed`.
    """
    return [_recording(url, folder) for url in urls]


def _named(key: str, one: object) -> SourceList:
    if not isinstance(one, dict):
        raise unexpected(key, one, "an object with urls")
    urls = _urls(key, one["urls"])
    return SourceList(str(one.get("name") or key), urls, tuple(threshold_note(one)))


def _urls(where: str, listed: object) -> tuple[str, ...]:
    if not isinstance(listed, list) or not listed:
        raise unexpected(where, listed, "a list of recordings")
    urls = [one.get("url") if isinstance(one, dict) else one for one in listed]
    for place, url in enumerate(urls):
        if not isinstance(url, str) or not url:
            raise FormatError(f"{where} {place}: found no url, expected a file or an id")
    return tuple(str(url) for url in urls)


def _recording(url: str, folder: Path) -> Path:
    parts = urlsplit(url)
    given = Path(unquote(parts.path)) if parts.scheme == "file" else Path(url)
    for path in (folder / given, given):
        if path.is_file():
            return path
    return resolve_audio(url)
