"""Similarities are normalised by a cohort, where that names more.

Revision ID: 0022
"""

from __future__ import annotations

from alembic import op

from pgvoice.migrations.sql_files import execute_file

revision = "0022"
down_revision = "0021"

_REPLACE = {"CREATE FUNCTION": "CREATE OR REPLACE FUNCTION"}
#: What judges: where it is written, and what asks for the threshold of the very segment now.
_JUDGES: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    (
        "0004_labels.sql",
        "CREATE FUNCTION pgvoice.verdicts(",
        "COMMENT ON FUNCTION pgvoice.verdicts IS",
        {
            "pgvoice.required(encoder, n.end_ms - n.start_ms, given_threshold, given_margin)": (
                "pgvoice.required_of(encoder, n.video_id, n.start_ms, n.end_ms, n.nearest_id,"
                " given_threshold, given_margin)"
            )
        },
    ),
    (
        "0010_calibration.sql",
        "CREATE OR REPLACE FUNCTION pgvoice.identify(",
        "COMMENT ON FUNCTION pgvoice.identify IS",
        {
            "SELECT asked.*, s.status, best.*": "SELECT asked.*, s.status, s.video_id, best.*",
            "pgvoice.required(encoder, end_ms - start_ms, threshold, min_margin)": (
                "pgvoice.required_of(encoder, video_id, start_ms, end_ms, speakers[1], threshold,"
                " min_margin)"
            ),
        },
    ),
    (
        "0010_calibration.sql",
        "CREATE OR REPLACE FUNCTION pgvoice.speaker_segments(",
        "COMMENT ON FUNCTION pgvoice.speaker_segments IS",
        {
            "pgvoice.least_required(": "pgvoice.least_similarity(",
            "pgvoice.required(\n        encoder, near.end_ms - near.start_ms,": (
                "pgvoice.required_of(\n        encoder, near.video_id, near.start_ms, near.end_ms,"
                " target.speaker_id,"
            ),
        },
    ),
    (
        "0010_calibration.sql",
        "CREATE OR REPLACE FUNCTION pgvoice.near_statement(",
        "COMMENT ON FUNCTION pgvoice.near_statement IS",
        {
            "pgvoice.required(%1$s, s.end_ms - s.start_ms, NULL, NULL)": (
                "pgvoice.required_of(%1$s, s.video_id, s.start_ms, s.end_ms, two.ids[1],"
                " NULL, NULL)"
            )
        },
    ),
    (
        "0012_clusters.sql",
        "CREATE FUNCTION pgvoice.identify_clusters(",
        "COMMENT ON FUNCTION pgvoice.identify_clusters IS",
        {
            "        CROSS JOIN LATERAL pgvoice.required(\n"
            "            encoder, pgvoice.snap_ms(a.end_s) - pgvoice.snap_ms(a.start_s),"
            " threshold, min_margin\n": (
                "        JOIN pgvoice.video AS v ON v.key = identify_clusters.video\n"
                "        JOIN pgvoice.speaker AS n ON n.name = a.nearest\n"
                "        CROSS JOIN LATERAL pgvoice.required_of(\n"
                "            encoder, v.id, pgvoice.snap_ms(a.start_s), pgvoice.snap_ms(a.end_s),"
                " n.id, threshold, min_margin\n"
            )
        },
    ),
)


def upgrade() -> None:
    execute_file("0022_normalisation.sql")
    for name, start, end, changed in _JUDGES:
        execute_file(name, _REPLACE | changed, start=start, end=end)


def downgrade() -> None:
    for name, start, end, _ in _JUDGES:
        execute_file(name, _REPLACE, start=start, end=end)
    execute_file(
        "0010_calibration.sql",
        start="COMMENT ON FUNCTION pgvoice.required IS",
        end="CREATE FUNCTION pgvoice.least_required",
    )
    op.execute("DROP FUNCTION pgvoice.least_similarity, pgvoice.required_of")
    op.execute("DROP FUNCTION pgvoice.normalised_threshold, pgvoice.cohort_scores")
    op.execute("DROP TABLE pgvoice.cohort_voice")
    op.execute("DROP FUNCTION pgvoice.without_cohort")
    op.execute(
        "ALTER TABLE pgvoice.calibration DROP COLUMN levels, DROP COLUMN level_margins,"
        " DROP COLUMN cohort_top"
    )
