"""Copies speakers with their exemplars and consents from one store to another.

This is the only place where a person's profile leaves the store; `exporting` is for recordings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, text

from pgvoice.store.errors import UnknownSpeaker
from pgvoice.store.keys import SegmentKey
from pgvoice.store.people import enrollments
from pgvoice.store.people.enrollments import Enrollment, Exemplar
from pgvoice.store.privacy import audit, consents
from pgvoice.store.privacy.consents import Consent
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold, ensure, find


@dataclass(frozen=True, slots=True)
class PortableSpeaker:
    """A speaker for another store, with vectors."""

    name: str
    consents: tuple[Consent, ...]
    profiles: Mapping[EncoderIdentity, tuple[Exemplar, ...]]


def export_speakers(
    connection: Connection, names: Sequence[str] | None, destination: str
) -> list[PortableSpeaker]:
    """These speakers, or all, by name; notes each in the audit trail."""
    found = connection.execute(
        text(
            "SELECT id, name FROM pgvoice.speaker"
            " WHERE CAST(:names AS text[]) IS NULL OR name = ANY (:names) ORDER BY name"
        ),
        {"names": None if names is None else list(names)},
    ).all()
    for name in names or ():
        if name not in {row.name for row in found}:
            raise UnknownSpeaker(name)
    speakers = [_speaker(connection, row.id, row.name) for row in found]
    for speaker in speakers:
        count = sum(len(exemplars) for exemplars in speaker.profiles.values())
        audit.record(connection, "export", speaker.name, exemplars=count, to=destination)
    return speakers


def import_speakers(
    connection: Connection,
    speakers: Sequence[PortableSpeaker],
    thresholds: Mapping[EncoderIdentity, Threshold],
    source: str,
    *,
    force: bool = False,
) -> list[Enrollment]:
    """Add speakers and their exemplars; existing exemplars are not affected."""
    # In the order of ids, so that two transactions cannot block each other.
    connection.execute(
        text(
            "SELECT FROM pgvoice.speaker WHERE name = ANY (CAST(:names AS text[]))"
            " ORDER BY id FOR NO KEY UPDATE"
        ),
        {"names": [speaker.name for speaker in speakers]},
    )
    added: list[Enrollment] = []
    for speaker in speakers:
        speaker_id = enrollments.ensure(connection, speaker.name)
        for consent in speaker.consents:
            consents.keep(connection, speaker_id, consent)
        for identity, exemplars in speaker.profiles.items():
            ensure(connection, identity, thresholds[identity], imported=True)
            encoder = find(connection, identity)
            added.append(
                # The other store has checked how long they are.
                enrollments.enroll(
                    connection, speaker.name, encoder, exemplars, min_speech=0, force=force
                )
            )
        audit.record(connection, "import", speaker.name, source=source)
    return added


def _speaker(connection: Connection, speaker_id: int, name: str) -> PortableSpeaker:
    rows = connection.execute(
        text(
            "SELECT e.name, e.revision, e.preprocessing, e.dimension, e.sample_rate,"
            " CAST(x.embedding AS real[]) AS embedding, x.audio_sha256, x.start_ms, x.end_ms,"
            " x.source, x.quality, x.excluded"
            " FROM pgvoice.enrollment x JOIN pgvoice.encoder e ON e.id = x.encoder_id"
            " WHERE x.speaker_id = :id ORDER BY e.id, x.id"
        ),
        {"id": speaker_id},
    )
    profiles: dict[EncoderIdentity, tuple[Exemplar, ...]] = {}
    for row in rows:
        exemplar = Exemplar(
            np.asarray(row.embedding, np.float32),
            row.audio_sha256,
            SegmentKey(row.start_ms, row.end_ms),
            row.source,
            row.quality,
            row.excluded,
        )
        identity = EncoderIdentity(*row[:5])
        profiles[identity] = (*profiles.get(identity, ()), exemplar)
    return PortableSpeaker(name, consents.of(connection, speaker_id), profiles)
