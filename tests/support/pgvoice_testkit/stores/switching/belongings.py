"""What belongs to people and not to an encoder, what belongs to one, and what a store answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import text

from pgvoice.store import EncoderIdentity, VoiceStore

Rows = dict[str, list[str]]
#: What people said and did, and what they did it to; each row once, whatever has a vector of it.
_OF_PEOPLE = {
    "people": "SELECT * FROM pgvoice.speaker",
    "consents": "SELECT * FROM pgvoice.consent",
    "opt-outs": "SELECT o.*, k.* FROM pgvoice.opt_out AS o CROSS JOIN pgvoice.opt_out_key AS k",
    "speech of people whose voice is gone": "SELECT * FROM pgvoice.person_span",
    "erased speech": "SELECT * FROM pgvoice.erased_span",
    "verdicts": "SELECT * FROM pgvoice.verdict",
    "exemplars": "SELECT DISTINCT speaker_id, audio_sha256, start_ms, end_ms, video_id, source,"
    " quality, excluded, created_at FROM pgvoice.enrollment",
    "unknown voices": "SELECT * FROM pgvoice.unknown_voice",
    "voices of unknown voices": "SELECT DISTINCT unknown_voice_id, video_id, label"
    " FROM pgvoice.linked_voice",
    "pinned labels": "SELECT DISTINCT video_id, start_ms, end_ms, speaker_id, reason"
    " FROM pgvoice.attribution WHERE pinned AND current",
    "acts": "SELECT * FROM pgvoice.act",
    "what acts changed": "SELECT * FROM pgvoice.act_change",
    "recordings": "SELECT * FROM pgvoice.video",
    "turn documents": "SELECT * FROM pgvoice.turn_document",
    "turns": "SELECT * FROM pgvoice.turn",
    "settings": "SELECT * FROM pgvoice.setting",
}
#: What links require follows from the library, and is brought up to date when voices are linked.
_WITHOUT_LEVELS = {
    "linked_voice": "video_id, label, unknown_voice_id, linked_at",
    "unknown_voice_mean": "unknown_voice_id, embedding, voices",
}
#: Exemplars of which encoders disagree about anything but the vector.
_DIFFERENT_TWINS = text(
    "SELECT s.name, x.start_ms FROM pgvoice.enrollment AS x JOIN pgvoice.speaker AS s"
    " ON s.id = x.speaker_id GROUP BY s.name, x.audio_sha256, x.start_ms, x.end_ms"
    " HAVING count(DISTINCT (x.video_id, x.source, x.quality, x.excluded, x.created_at)) > 1"
)
#: The tables with rows of an encoder.
_WITH_ENCODER = text(
    "SELECT c.relname::text FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid"
    " WHERE c.relnamespace = 'pgvoice'::regnamespace AND c.relkind IN ('r', 'p')"
    " AND NOT c.relispartition AND a.attname = 'encoder_id' ORDER BY 1"
)


def of_people(store: VoiceStore) -> Rows:
    """All rows of each kind that belong to people."""
    return _rows(store, _OF_PEOPLE)


def different_twins(store: VoiceStore) -> list[tuple[object, ...]]:
    """Exemplars that are not the same with every encoder."""
    with store.database.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(_DIFFERENT_TWINS)]


def of_encoder(store: VoiceStore, encoder: EncoderIdentity) -> Rows:
    """All rows of an encoder, with vectors, by table."""
    number = store.encoders.find(encoder).id
    with store.database.engine.connect() as connection:
        tables = list(connection.scalars(_WITH_ENCODER))
    return _rows(
        store,
        {
            table: f"SELECT {_WITHOUT_LEVELS.get(table, '*')} FROM pgvoice.{table}"
            f" WHERE encoder_id = {number}"
            for table in tables
        },
    )


def audit_trail(store: VoiceStore) -> list[str]:
    """The events of the audit trail in order, each with its link in the chain."""
    query = "SELECT * FROM pgvoice.audit_event AS e JOIN pgvoice.audit_link AS l ON true"
    return _rows(store, {"": query + " WHERE l.event_id = e.id ORDER BY e.id"}, ordered=True)[""]


def problems(store: VoiceStore) -> list[str]:
    """What `pgvoice db verify` finds."""
    return [f"{each.what}: {each.example}" for each in store.upkeep.verify() if each.problems]


def digests(rows: Mapping[str, Iterable[object]]) -> dict[str, str]:
    """A checksum of each kind of rows, to compare at a glance."""
    return {
        kind: hashlib.sha256("\n".join(map(str, each)).encode()).hexdigest()[:16]
        for kind, each in rows.items()
    }


def _rows(store: VoiceStore, queries: Mapping[str, str], *, ordered: bool = False) -> Rows:
    keep: Callable[[Iterable[str]], list[str]] = list if ordered else sorted
    with store.database.engine.connect() as connection:
        return {
            kind: keep(str(row[0]) for row in connection.execute(text(_as_text(query))))
            for kind, query in queries.items()
        }


def _as_text(query: str) -> str:
    """Every row as one text, with exact numbers."""
    return f"SELECT CAST(r AS text) FROM ({query}) AS r"
