"""Consents that end by themselves, erased speech that stays erased, a chain over the audit trail.

Revision ID: 0027
"""

from __future__ import annotations

from alembic import op
from sqlalchemy.schema import Column, Table

from pgvoice.migrations import function_files
from pgvoice.store.models import metadata

revision = "0027"
down_revision = "0026"

TABLES = ("person_span", "erased_span", "audit_link", "audit_head")
COLUMNS: dict[str, tuple[str, ...]] = {
    "speaker": ("enrolled_from", "enrolled_until"),
    "profile": ("valid_until",),
    "opt_out_voice": ("similarity_limit",),
}
CHECKS: dict[str, tuple[str, ...]] = {"consent": ("granted_by", "purpose")}
#: Who was enrolled at what time is not known of people without exemplars: as long as possible.
SPEAKERS = """
UPDATE pgvoice.speaker AS s
SET enrolled_from = least(s.created_at, e.first_at),
    enrolled_until = CASE WHEN e.first_at IS NULL THEN now() END
FROM pgvoice.speaker AS x
LEFT JOIN LATERAL (
    SELECT min(n.created_at) AS first_at FROM pgvoice.enrollment AS n WHERE n.speaker_id = x.id
) AS e ON true
WHERE x.id = s.id
"""
#: A consent that does not say who agreed, or to what, is none.
CONSENTS = r"""
UPDATE pgvoice.consent SET
    granted_by = CASE WHEN granted_by ~ '\S' THEN granted_by ELSE '(not recorded)' END,
    purpose = CASE WHEN purpose ~ '\S' THEN purpose ELSE '(not recorded)' END,
    expires_at = least(expires_at, now())
WHERE granted_by !~ '\S' OR purpose !~ '\S'
"""
#: As pgvoice_internal.person_valid_until computes it.
PROFILES = """
UPDATE pgvoice.profile AS p SET valid_until = CASE
    WHEN g.consent_required
        OR EXISTS (SELECT FROM pgvoice.consent AS c WHERE c.speaker_id = p.speaker_id)
    THEN coalesce((
        SELECT max(coalesce(c.expires_at, 'infinity')) FROM pgvoice.consent AS c
        WHERE c.speaker_id = p.speaker_id AND c.withdrawn_at IS NULL
          AND c.granted_at <= now() + interval '5 minutes'
          AND c.granted_at > coalesce((
              SELECT max(w.withdrawn_at) FROM pgvoice.consent AS w
              WHERE w.speaker_id = p.speaker_id
          ), '-infinity')
    ), '-infinity')
    ELSE 'infinity'
END
FROM pgvoice.setting AS g
"""
#: As pgvoice_internal.duplicate_limit computes it.
LIMITS = """
UPDATE pgvoice.opt_out_voice AS o SET similarity_limit = t.least + (1 - t.least) / 4
FROM (
    SELECT e.id, coalesce((SELECT min(x) FROM unnest(c.thresholds) AS x), e.default_threshold)
               AS least
    FROM pgvoice.encoder AS e
    LEFT JOIN pgvoice.calibration AS c ON c.encoder_id = e.id AND c.active
) AS t
WHERE t.id = o.encoder_id
"""
HASH_KEY = """
INSERT INTO pgvoice.opt_out_key (key)
SELECT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
WHERE EXISTS (SELECT FROM pgvoice.segment_embedding AS s WHERE s.status = 'erased')
ON CONFLICT DO NOTHING
"""
#: What was erased before belongs to nobody in particular; `erase allow --video` allows it again.
ERASED = """
INSERT INTO pgvoice.erased_span (audio, video, start_ms, end_ms)
SELECT v.audio_sha256, sha256(k.key || convert_to('video ' || v.key, 'UTF8')),
       lower(m.span), upper(m.span)
FROM (
    SELECT s.video_id, unnest(range_agg(int4range(s.start_ms, s.end_ms))) AS span
    FROM pgvoice.segment_embedding AS s WHERE s.status = 'erased' GROUP BY s.video_id
) AS m
JOIN pgvoice.video AS v ON v.id = m.video_id
CROSS JOIN pgvoice.opt_out_key AS k
"""
#: As pgvoice_internal.chain_event computes it.
CHAIN = """
DO $$
DECLARE
    event record;
    place bigint := 0;
    hash bytea := sha256('');
BEGIN
    FOR event IN SELECT * FROM pgvoice.audit_event ORDER BY id LOOP
        place := place + 1;
        hash := sha256(hash || convert_to(jsonb_build_array(
            event.id, (extract(epoch FROM event.at) * 1000000)::bigint, event.actor, event.action,
            event.subject, event.details
        )::text, 'UTF8'));
        INSERT INTO pgvoice.audit_link (place, event_id, hash) VALUES (place, event.id, hash);
    END LOOP;
    IF place > 0 THEN
        INSERT INTO pgvoice.audit_head (place, hash) VALUES (place, hash);
    END IF;
END
$$
"""


def upgrade() -> None:
    metadata.create_all(op.get_bind(), [_table(name) for name in TABLES])
    for table, names in COLUMNS.items():
        for name in names:
            op.add_column(table, _column(table, name), schema="pgvoice")
    op.create_index("audit_event_subject_idx", "audit_event", ["subject"], schema="pgvoice")
    for statement in (SPEAKERS, CONSENTS, PROFILES, LIMITS, HASH_KEY, ERASED, CHAIN):
        op.execute(statement)
    for table, names in CHECKS.items():
        for name in names:
            op.create_check_constraint(name, table, rf"{name} ~ '\S'", schema="pgvoice")


def downgrade() -> None:
    function_files.drop(op.get_bind())
    for table, names in CHECKS.items():
        for name in names:
            op.drop_constraint(f"{table}_{name}_check", table, schema="pgvoice")
    op.drop_index("audit_event_subject_idx", "audit_event", schema="pgvoice")
    for table, names in COLUMNS.items():
        for name in names:
            op.drop_column(table, name, schema="pgvoice")
    for name in reversed(TABLES):
        op.drop_table(name, schema="pgvoice")


def _table(name: str) -> Table:
    return metadata.tables[f"pgvoice.{name}"]


def _column(table: str, name: str) -> Column[object]:
    return _table(table).c[name]._copy()
