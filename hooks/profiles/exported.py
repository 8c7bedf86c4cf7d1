"""``export_profiles``: people and their vectors in a JSON file that another store can import."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from pgvoice.hooks.errors import FormatError, ProfileRefused
from pgvoice.hooks.formats.documents import unexpected
from pgvoice.hooks.profiles.vectors import vector
from pgvoice.store.keys import SegmentKey
from pgvoice.store.models import UNIT_TOLERANCE
from pgvoice.store.people.enrollments import Exemplar
from pgvoice.store.people.portable import PortableSpeaker
from pgvoice.store.privacy.consents import Consent
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.voice_store import VoiceStore

FORMAT = "pgvoice profiles"
VERSION = 1
_TIMES = ("granted_at", "expires_at", "withdrawn_at")


def export_profiles(
    store: VoiceStore, path: Path, names: Sequence[str] | None = None
) -> list[PortableSpeaker]:
    """Write these speakers, or all, to a new file that only its owner can read.

    The file contains voiceprints, and the audit trail records every export. Raises
    `FileExistsError`, `UnknownSpeaker`, and the database's error for anyone but an admin.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            speakers = store.people.export(names, destination=str(path.absolute()))
            json.dump(_document(speakers), file, ensure_ascii=False, allow_nan=False)
            file.write("\n")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return speakers


def is_exchange(found: dict[str, object]) -> bool:
    """Whether a JSON object is an export of pgvoice."""
    return found.get("format") == FORMAT


def read_exchange(found: dict[str, Any]) -> list[PortableSpeaker]:
    """The speakers of a file. Raises `FormatError` for another version or a malformed file."""
    if found.get("version") != VERSION:
        raise FormatError(
            f"found version {found.get('version')}, expected {VERSION}: another version of pgvoice"
            " wrote it"
        )
    try:
        return [_speaker(one) for one in found["speakers"]]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, ProfileRefused):
            raise
        raise FormatError(f"found a malformed speaker ({type(error).__name__}: {error})") from error


def _document(speakers: Sequence[PortableSpeaker]) -> dict[str, object]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "speakers": [
            {
                "name": speaker.name,
                "consents": [_consent_document(consent) for consent in speaker.consents],
                "profiles": [
                    {
                        "encoder": asdict(identity),
                        "exemplars": [_exemplar_document(exemplar) for exemplar in exemplars],
                    }
                    for identity, exemplars in speaker.profiles.items()
                ],
            }
            for speaker in speakers
        ],
    }


def _consent_document(consent: Consent) -> dict[str, object]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(consent).items()
    }


def _exemplar_document(exemplar: Exemplar) -> dict[str, object]:
    return {
        "source": exemplar.source,
        "audio_sha256": exemplar.audio_sha256,
        "start_ms": exemplar.span.start_ms,
        "end_ms": exemplar.span.end_ms,
        "quality": exemplar.quality,
        "excluded": exemplar.excluded,
        # The shortest text that reads back as the same float32.
        "embedding": [float(str(number)) for number in exemplar.embedding],
    }


def _speaker(one: dict[str, Any]) -> PortableSpeaker:
    if not isinstance(one["name"], str):
        raise unexpected("speaker", one["name"], "a name")
    return PortableSpeaker(
        one["name"],
        tuple(_consent(consent) for consent in one["consents"]),
        {
            identity: tuple(_exemplar(exemplar, identity) for exemplar in profile["exemplars"])
            for profile in one["profiles"]
            if (identity := _identity(profile["encoder"]))
        },
    )


def _identity(one: dict[str, Any]) -> EncoderIdentity:
    return EncoderIdentity(**{field.name: one[field.name] for field in fields(EncoderIdentity)})


def _consent(one: dict[str, Any]) -> Consent:
    times = {name: one[name] and datetime.fromisoformat(one[name]) for name in _TIMES}
    return Consent(**(one | times))


def _exemplar(one: dict[str, Any], identity: EncoderIdentity) -> Exemplar:
    where = f"the exemplar of {one['source']} from {one['start_ms']} ms"
    numbers = vector(one["embedding"], where, identity.dimension)
    if abs(float(np.linalg.norm(numbers)) - 1) > UNIT_TOLERANCE:
        raise ProfileRefused(f"{where} does not have unit length: the file was changed")
    start_ms, end_ms = int(one["start_ms"]), int(one["end_ms"])
    if not 0 <= start_ms <= end_ms:
        raise unexpected(where, [start_ms, end_ms], "0 <= start <= end")
    quality = one["quality"]
    return Exemplar(
        numbers.astype(np.float32),
        str(one["audio_sha256"]),
        SegmentKey(start_ms, end_ms),
        str(one["source"]),
        None if quality is None else float(quality),
        bool(one["excluded"]),
    )
