"""``export_profiles``: people and their vectors in a JSON file that another store can import."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from pgvoice.hooks.errors import FormatError, ProfileRefused
from pgvoice.hooks.formats.documents import shown, unexpected
from pgvoice.hooks.new_files import OWNER, new_file
from pgvoice.hooks.profiles.original import vector
from pgvoice.store.keys import MAX_SECONDS, SegmentKey
from pgvoice.store.models import UNIT_TOLERANCE
from pgvoice.store.people.enrollments import Exemplar
from pgvoice.store.people.portable import PortableSpeaker
from pgvoice.store.privacy.consents import Consent
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.voice_store import VoiceStore

FORMAT = "pgvoice profiles"
VERSION = 1


class ExemplarRecord(msgspec.Struct):
    """An exemplar in the file."""

    source: str
    audio_sha256: str
    start_ms: int
    end_ms: int
    quality: float | None
    excluded: bool
    #: A list of numbers; `vector` checks it.
    embedding: Any


class ProfileRecord(msgspec.Struct):
    """A person's exemplars of one encoder."""

    encoder: EncoderIdentity
    exemplars: list[ExemplarRecord]


class SpeakerRecord(msgspec.Struct):
    """A person in the file."""

    name: str
    consents: list[Consent]
    profiles: list[ProfileRecord]


class Export(msgspec.Struct):
    """The whole file."""

    format: str
    version: int
    speakers: list[SpeakerRecord]


def export_profiles(
    store: VoiceStore, path: Path, names: Sequence[str] | None = None
) -> list[PortableSpeaker]:
    """Write these speakers, or all, to a new file that only its owner can read.

    The file contains voiceprints, and the audit trail records every export. Raises
    `FileExistsError`, `UnknownSpeaker`, and the database's error for anyone but an admin.
    """
    with new_file(path, mode=OWNER) as file:
        speakers = store.people.export_speakers(names, destination=str(path.absolute()))
        whole = Export(FORMAT, VERSION, list(map(_speaker_record, speakers)))
        file.write(msgspec.json.encode(whole) + b"\n")
    return speakers


def read_exchange(found: dict[str, Any]) -> list[PortableSpeaker]:
    """The speakers of a file. Raises `FormatError` for another version or a malformed file."""
    if found.get("version") != VERSION:
        raise FormatError(
            f"found version {shown(found.get('version'))}, expected {VERSION}: another version of"
            " pgvoice wrote it"
        )
    try:
        whole = msgspec.convert(found, Export)
    except msgspec.ValidationError as error:
        raise FormatError(f"found a malformed speaker ({error})") from error
    return [
        PortableSpeaker(
            speaker.name,
            tuple(speaker.consents),
            {
                profile.encoder: tuple(_exemplar(one, profile.encoder) for one in profile.exemplars)
                for profile in speaker.profiles
            },
        )
        for speaker in whole.speakers
    ]


def _speaker_record(speaker: PortableSpeaker) -> SpeakerRecord:
    profiles = [
        ProfileRecord(encoder, [_exemplar_record(one) for one in exemplars])
        for encoder, exemplars in speaker.profiles.items()
    ]
    return SpeakerRecord(speaker.name, list(speaker.consents), profiles)


def _exemplar_record(exemplar: Exemplar) -> ExemplarRecord:
    return ExemplarRecord(
        exemplar.source,
        exemplar.audio_sha256,
        exemplar.span.start_ms,
        exemplar.span.end_ms,
        exemplar.quality,
        exemplar.excluded,
        # The shortest text that reads back as the same float32.
        [float(str(number)) for number in exemplar.embedding],
    )


def _exemplar(one: ExemplarRecord, identity: EncoderIdentity) -> Exemplar:
    where = f"the exemplar of {one.source} from {one.start_ms} ms"
    numbers = vector(one.embedding, where, identity.dimension)
    if abs(float(np.linalg.norm(numbers)) - 1) > UNIT_TOLERANCE:
        raise ProfileRefused(f"{where} does not have unit length: the file was changed")
    if not 0 <= one.start_ms <= one.end_ms <= 1000 * MAX_SECONDS:
        expected = f"0 <= start <= end <= {1000 * MAX_SECONDS:.0f}"
        raise unexpected(where, [one.start_ms, one.end_ms], expected)
    if one.quality is not None and not 0 <= one.quality <= 1:
        raise unexpected(where, one.quality, "a quality from 0 to 1")
    return Exemplar(
        numbers.astype(np.float32),
        one.audio_sha256,
        SegmentKey(one.start_ms, one.end_ms),
        one.source,
        one.quality,
        one.excluded,
    )
