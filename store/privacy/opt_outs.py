"""Opt-outs: hashed names, and on request voices, that must not be enrolled again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from pgvoice.store.errors import UnknownSpeaker
from pgvoice.store.people import speakers
from pgvoice.store.privacy import audit


@dataclass(frozen=True, slots=True)
class OptOut:
    """A name that nobody may be enrolled under again; only its hash is kept."""

    id: int
    created_at: datetime
    #: Encoders that the voice is kept for; it is refused under any name.
    voices: tuple[str, ...]


#: Two random numbers of 122 bits.
_KEY = """
INSERT INTO pgvoice.opt_out_key (key)
VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) ON CONFLICT DO NOTHING
"""


def keep(connection: Connection, name: str, *, voice: bool) -> None:
    """Note that a speaker, who is erased next, opted out. Raises `UnknownSpeaker`."""
    ids: dict[str, object] = {"speaker": speakers.require(connection, name), "name": name}
    connection.execute(text(_KEY))
    ids["opt_out"] = connection.scalar(
        text(
            "INSERT INTO pgvoice.opt_out AS o (name_hash)"
            " VALUES (pgvoice_internal.name_hash(:name))"
            " ON CONFLICT (name_hash) DO UPDATE SET created_at = o.created_at RETURNING id"
        ),
        ids,
    )
    if voice:
        connection.execute(
            text(
                "INSERT INTO pgvoice.opt_out_voice (opt_out_id, encoder_id, dimension, embedding)"
                " SELECT :opt_out, encoder_id, dimension, embedding FROM pgvoice.profile"
                " WHERE speaker_id = :speaker ON CONFLICT (opt_out_id, encoder_id)"
                " DO UPDATE SET embedding = EXCLUDED.embedding"
            ),
            ids,
        )
    audit.record(connection, "opt out", f"opt-out {ids['opt_out']}", voice=voice)


def lift(connection: Connection, name: str) -> None:
    """Delete the opt-out of a name. Raises `UnknownSpeaker` if it has none."""
    number = connection.scalar(
        text(
            "DELETE FROM pgvoice.opt_out WHERE name_hash = pgvoice_internal.name_hash(:name)"
            " RETURNING id"
        ),
        {"name": name},
    )
    if number is None:
        raise UnknownSpeaker(name)
    audit.record(connection, "allow", f"opt-out {number}")


def stored(connection: Connection) -> list[OptOut]:
    """All opt-outs, the oldest first."""
    rows = connection.execute(
        text(
            "SELECT o.id, o.created_at, array_remove(array_agg(e.label ORDER BY e.id), NULL)"
            " FROM pgvoice.opt_out o LEFT JOIN pgvoice.opt_out_voice x ON x.opt_out_id = o.id"
            " LEFT JOIN pgvoice.encoder e ON e.id = x.encoder_id GROUP BY o.id ORDER BY o.id"
        )
    )
    return [OptOut(row[0], row[1], tuple(row[2])) for row in rows]
