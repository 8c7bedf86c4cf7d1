"""Dropping an encoder with everything that was computed with it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from pgvoice.store.recordings.encoders import EncoderIdentity, StoredEncoder


@dataclass(frozen=True, slots=True)
class Dropped:
    """How much of an encoder was deleted."""

    encoder: EncoderIdentity
    vectors: int
    exemplars: int
    labels: int


def drop(connection: Connection, encoder: StoredEncoder, *, force: bool) -> Dropped:
    raise NotImplementedError
