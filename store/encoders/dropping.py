"""Dropping an encoder with everything that was computed with it."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store.database import locks
from pgvoice.store.database.failures import first_line, sqlstate
from pgvoice.store.errors import EncoderInUse
from pgvoice.store.recordings.encoders import EncoderIdentity, StoredEncoder

#: The SQLSTATE with which `pgvoice.drop_encoder` refuses.
_IN_USE = "PV021"
_DROP = text(
    "SELECT vectors, exemplars, labels, kept_opt_outs FROM pgvoice.drop_encoder(:id, :force)"
)


@dataclass(frozen=True, slots=True)
class Dropped:
    """How much of an encoder was deleted."""

    encoder: EncoderIdentity
    vectors: int
    exemplars: int
    #: The current ones.
    labels: int
    #: Voices of people who opted out that only this encoder knows. They stay, and the encoder too.
    kept_opt_outs: int = 0


def drop(connection: Connection, encoder: StoredEncoder, *, force: bool) -> Dropped:
    """Delete an encoder and what was computed with it; raises `EncoderInUse`."""
    try:
        with locks.patient(connection, "dropping an encoder", locks.PATIENCE):
            row = connection.execute(_DROP, {"id": encoder.id, "force": force}).one()
    except DBAPIError as error:
        if sqlstate(error) != _IN_USE or not isinstance(error.orig, psycopg.Error):
            raise
        hint = (error.orig.diag.message_hint or "").removesuffix(".")
        raise EncoderInUse(f"{first_line(error.orig)}: {hint[0].lower()}{hint[1:]}") from None
    return Dropped(encoder.identity, *row)
