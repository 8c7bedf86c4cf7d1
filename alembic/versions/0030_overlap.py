"""Keep how much of each turn others overlap, and its clean parts.

Revision ID: 0030
"""

from __future__ import annotations

from alembic import op

from pgvoice.migrations import function_files
from pgvoice.store.models import metadata, turn

revision = "0030"
down_revision = "0029"

#: As pgvoice.clean_speech and its trigger find them.
OVERLAP = """
CREATE TEMPORARY TABLE overlap ON COMMIT DROP AS
WITH spoken AS MATERIALIZED (
    SELECT t.video_id, t.place, t.label, int4range(t.start_ms, t.end_ms) AS span
    FROM pgvoice.turn AS t WHERE t.label IS NOT NULL AND t.start_ms < t.end_ms
), stretch AS (
    SELECT s.video_id, unnest(range_agg(s.span)) AS span FROM spoken AS s
    GROUP BY s.video_id, s.label
), change AS (
    SELECT each.video_id, each.at, sum(each.labels) AS labels
    FROM (
        SELECT t.video_id, lower(t.span) AS at, 1 AS labels FROM stretch AS t
        UNION ALL SELECT t.video_id, upper(t.span), -1 FROM stretch AS t
    ) AS each
    GROUP BY each.video_id, each.at
), counted AS (
    SELECT c.video_id, c.at, lead(c.at) OVER in_time AS until, sum(c.labels) OVER in_time AS labels
    FROM change AS c WINDOW in_time AS (PARTITION BY c.video_id ORDER BY c.at)
), shared AS MATERIALIZED (
    SELECT c.video_id, range_agg(int4range(c.at, c.until)) AS spans FROM counted AS c
    WHERE c.labels > 1 GROUP BY c.video_id
)
SELECT s.video_id, s.place, int4multirange(s.span) * shared.spans AS overlapped,
       int4multirange(s.span) - shared.spans AS clean
FROM spoken AS s JOIN shared ON shared.video_id = s.video_id AND s.span && shared.spans
"""
SHARES = """
UPDATE pgvoice.turn AS t SET overlapped_ms = (
    SELECT sum(upper(each) - lower(each)) FROM unnest(o.overlapped) AS each
)
FROM pg_temp.overlap AS o WHERE o.video_id = t.video_id AND o.place = t.place
"""
PARTS = """
INSERT INTO pgvoice.clean_part (video_id, turn_start_ms, turn_end_ms, start_ms, end_ms)
SELECT DISTINCT t.video_id, t.start_ms, t.end_ms, lower(each), upper(each)
FROM pg_temp.overlap AS o
JOIN pgvoice.turn AS t ON t.video_id = o.video_id AND t.place = o.place
CROSS JOIN unnest(o.clean) AS each
WHERE upper(each) - lower(each) >= 600
"""


def upgrade() -> None:
    op.add_column("turn", turn.c.overlapped_ms._copy(), schema="pgvoice")
    op.create_check_constraint(
        "overlapped", "turn", "overlapped_ms BETWEEN 0 AND end_ms - start_ms", schema="pgvoice"
    )
    metadata.create_all(op.get_bind(), [metadata.tables["pgvoice.clean_part"]])
    for statement in (OVERLAP, SHARES, PARTS, "DROP TABLE pg_temp.overlap"):
        op.execute(statement)


def downgrade() -> None:
    function_files.drop(op.get_bind())
    op.drop_table("clean_part", schema="pgvoice")
    op.drop_column("turn", "overlapped_ms", schema="pgvoice")
