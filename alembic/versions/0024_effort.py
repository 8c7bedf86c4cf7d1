"""Indexes have more links, and a search by them begins with less effort.

Revision ID: 0024
"""

from __future__ import annotations

from pgvoice.migrations.sql_files import execute_file

revision = "0024"
down_revision = "0023"

_OLD, _NEW = "m = 16, ef_construction = 128", "m = 24, ef_construction = 128"


def upgrade() -> None:
    execute_file("0024_effort.sql")
    _replace_statements({_OLD: _NEW})


def downgrade() -> None:
    execute_file(
        "0010_calibration.sql",
        start="CREATE OR REPLACE FUNCTION pgvoice.near_segments(",
        end="COMMENT ON FUNCTION pgvoice.near_segments IS",
    )
    _replace_statements({})


def _replace_statements(changed: dict[str, str]) -> None:
    execute_file(
        "0005_search.sql",
        {"CREATE FUNCTION": "CREATE OR REPLACE FUNCTION"} | changed,
        start="CREATE FUNCTION pgvoice.segment_index_statements(",
        end="COMMENT ON FUNCTION pgvoice.segment_index_statements",
    )
