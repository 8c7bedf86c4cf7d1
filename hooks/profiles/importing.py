"""``import_profiles``: a file of any kind that tells of voices, into the store."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.enroll.enroll import MIN_SPEECH_SECONDS, Recording, enroll_recordings
from pgvoice.hooks.errors import FormatError, ProfileRefused
from pgvoice.hooks.fill.fill import Progress
from pgvoice.hooks.formats.documents import load_document
from pgvoice.hooks.formats.json.json_segments import parse_json
from pgvoice.hooks.profiles.exported import is_exchange, read_exchange
from pgvoice.hooks.profiles.original import is_original, read_original
from pgvoice.hooks.profiles.source_lists import (
    SourceList,
    find_recordings,
    is_source_lists,
    read_source_lists,
)
from pgvoice.store.people.enrollments import Enrollment
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.voice_store import VoiceStore


class Imported(NamedTuple):
    """What became of a person in a file."""

    enrollment: Enrollment
    #: What people should know: what was not applied, and what could not be checked.
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
    """Enroll the people of a file: our own export, an original profile, or source lists.

    `encoder` must be named for an original profile, whose vectors do not say what made them; an
    export says, and it must be the very same encoder. `name` is for a file of one person.
    Ids in a source list are turned into files by the audio sources of plugins. Raises
    `FormatError`, `ProfileRefused`, `AudioNotFound`, and as `enroll_recordings` does. A second
    import adds nothing.
    """
    found = _load(path)
    try:
        if is_exchange(found):
            return _from_export(store, found, encoder, name, str(path), force)
        if is_original(found):
            return _from_original(store, found, encoder, name, path, force)
        lists = _source_lists(found, name)
    except (FormatError, ProfileRefused) as error:
        raise type(error)(f"{path}: {error}") from error
    # Everything is found before anybody is enrolled.
    files = [find_recordings(one.urls, path.parent) for one in lists]
    made = encoder or make_encoder(device=device)
    return [
        Imported(
            enroll_recordings(
                store,
                made,
                str(name or one.name),
                [Recording(file) for file in of_person],
                min_speech=min_speech,
                force=force,
                progress=progress,
            ),
            one.notes,
        )
        for one, of_person in zip(lists, files, strict=True)
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
    encoder: Encoder | None,
    name: str | None,
    source: str,
    force: bool,
) -> list[Imported]:
    speakers = read_exchange(found)
    if name is not None:
        raise ProfileRefused("an export has names of its own: leave --name away")
    identities = {identity for speaker in speakers for identity in speaker.profiles}
    thresholds = {}
    for identity in identities:
        here = encoder or make_encoder(identity.name)
        _require_same(identity, here.identity)
        thresholds[identity] = here.default_threshold
    taken = store.people.import_speakers(speakers, thresholds, source=source, force=force)
    return [Imported(enrollment, ()) for enrollment in taken]


def _require_same(theirs: EncoderIdentity, ours: EncoderIdentity) -> None:
    """Raises `ProfileRefused` with every field that differs."""
    different = [
        f"{field.name} {getattr(theirs, field.name)!r} there and {getattr(ours, field.name)!r} here"
        for field in fields(EncoderIdentity)
        if getattr(theirs, field.name) != getattr(ours, field.name)
    ]
    if different:
        raise ProfileRefused(
            f"its vectors are of another encoder ({'; '.join(different)}), and can never be"
            " compared: enroll from audio, or use that encoder (--encoder)"
        )


def _from_original(
    store: VoiceStore,
    found: dict[str, Any],
    encoder: Encoder | None,
    name: str | None,
    path: Path,
    force: bool,
) -> list[Imported]:
    if encoder is None:
        raise ProfileRefused("it does not identify what made it: name the encoder (--encoder)")
    _require_the_stores(store, encoder.identity)
    profile = read_original(found, encoder, path.name)
    if not (name or profile.name.strip()):
        raise ProfileRefused("it does not say whose voice it is: give --name")
    enrollment = store.people.enroll(
        name or profile.name,
        profile.exemplars,
        encoder.identity,
        encoder.default_threshold,
        force=force,
    )
    return [Imported(enrollment, profile.notes)]


def _require_the_stores(store: VoiceStore, identity: EncoderIdentity) -> None:
    """Raises `ProfileRefused` when the store's vectors are of another encoder of that name."""
    stored = [
        one.identity for one in store.recordings.encoders() if one.identity.name == identity.name
    ]
    if stored and identity not in stored:
        _require_same(identity, stored[-1])


def _source_lists(found: dict[str, Any], name: str | None) -> list[SourceList]:
    if not is_source_lists(found):
        raise FormatError(
            "none of what can be imported: an export of pgvoice, a profile with embeddings, or a"
            " list of sources"
        )
    lists = read_source_lists(found)
    if name is not None and len(lists) > 1:
        raise FormatError(f"it tells of {len(lists)} people: leave --name away")
    if not (name or all(one.name for one in lists)):
        raise FormatError("it does not say whose voice it is: give --name")
    return lists
