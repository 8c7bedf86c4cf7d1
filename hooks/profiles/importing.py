"""``import_profiles``: enroll the people of a file, whatever kind of file it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.enroll.enroll import Recording, enroll_recordings
from pgvoice.hooks.errors import FormatError, ProfileRefused
from pgvoice.hooks.fill.filling import Progress
from pgvoice.hooks.formats.documents import load_document, shown, unexpected
from pgvoice.hooks.formats.json.json_objects import parse_json
from pgvoice.hooks.profiles.exported import FORMAT, read_exchange
from pgvoice.hooks.profiles.original import read_original, text_of, threshold_note
from pgvoice.hooks.sources import resolve_audio
from pgvoice.store.names import flaw_of, is_text
from pgvoice.store.people.enrollments import MIN_SPEECH_SECONDS, Enrollment
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold
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
        if found.get("format") == FORMAT:
            return _from_export(store, found, path, encoder=encoder, name=name, force=force)
        if "embeddings" in found or "centroid" in found:
            return [_from_original(store, found, path, encoder=encoder, name=name, force=force)]
        lists = _source_lists(found, name)
    except (FormatError, ProfileRefused) as error:
        raise type(error)(f"{path}: {error}") from error
    # Find every file before enrolling anyone.
    files = [[_recording(url, path.parent) for url in one.urls] for one in lists]
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
    for text in _texts(found):
        if not is_text(text):
            raise FormatError(
                f"{path}: found {flaw_of(text)} in {shown(text)}, expected text in UTF-8"
            )
    return found


def _texts(document: object) -> Iterator[str]:
    """Every text in a JSON document."""
    left = [document]
    while left:
        found = left.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, dict):
            left += [*found, *found.values()]
        elif isinstance(found, list):
            left += found


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
        if identity.is_imported:
            thresholds[identity] = _threshold_here(store, identity)
            continue
        here = encoder or make_encoder(identity.name)
        _require_same(identity, here.identity)
        thresholds[identity] = here.default_threshold
    taken = store.people.import_speakers(speakers, thresholds, source=str(path), force=force)
    return [Imported(enrollment, ()) for enrollment in taken]


def _threshold_here(store: VoiceStore, identity: EncoderIdentity) -> Threshold:
    """The threshold of an encoder whose vectors were imported here too."""
    for known in store.encoders.list():
        if known.identity == identity:
            return known.threshold
    raise ProfileRefused(
        f"its vectors are of {identity}, which this store has none of: import vectors of recordings"
        " first (`pgvoice vectors import`)"
    )


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
    stored = [each.identity for each in store.encoders.list()]
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
        f"{field.name} {shown(getattr(theirs, field.name))} there and"
        f" {shown(getattr(ours, field.name))} here"
        for field in fields(EncoderIdentity)
        if getattr(theirs, field.name) != getattr(ours, field.name)
    ]
    if different:
        raise ProfileRefused(
            f"its vectors come from another encoder ({'; '.join(different)}) and cannot be"
            " compared: enroll from audio, or use that encoder (--encoder)"
        )


@dataclass(frozen=True, slots=True)
class _SourceList:
    """Recordings in which only one person speaks."""

    #: None if the list has no name.
    name: str | None
    urls: tuple[str, ...]
    notes: tuple[str, ...]


def _source_lists(found: dict[str, Any], name: str | None) -> list[_SourceList]:
    """``{"sources":[{"url"}]}``, or ``{"key":{"name","urls":[…],"threshold","metadata"}}``.

    Raises `FormatError` if a list is malformed, or for anything else.
    """
    if "sources" in found:
        lists = [_source_list("sources", found["sources"], found.get("name"), found)]
    elif found and all(isinstance(one, dict) and "urls" in one for one in found.values()):
        lists = [
            _source_list(key, one["urls"], one.get("name") or key, one)
            for key, one in found.items()
        ]
    else:
        raise FormatError(
            "found neither an export of pgvoice, nor a profile with embeddings, nor a list of"
            " sources"
        )
    if name is not None and len(lists) > 1:
        raise FormatError(f"it contains {len(lists)} people: leave --name out")
    if not (name or all(one.name for one in lists)):
        raise FormatError(_NAMELESS)
    return lists


def _source_list(where: str, listed: object, name: object, found: dict[str, Any]) -> _SourceList:
    if not isinstance(listed, list) or not listed:
        raise unexpected(where, listed, "a list of recordings")
    urls = [one.get("url") if isinstance(one, dict) else one for one in listed]
    for place, url in enumerate(urls):
        if not isinstance(url, str) or not url:
            raise FormatError(f"{where} {place}: found no url, expected a file or an id")
    return _SourceList(text_of(name) or None, tuple(map(str, urls)), tuple(threshold_note(found)))


def _recording(url: str, folder: Path) -> Path:
    """The file of a url: a path, which may be relative to `folder`, or from an audio source."""
    parts = urlsplit(url)
    given = Path(unquote(parts.path)) if parts.scheme == "file" else Path(url)
    for path in (folder / given, given):
        if path.is_file():
            return path
    return resolve_audio(url)
