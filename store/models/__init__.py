"""The tables and their constraints; no queries."""

# mypy: implicit-reexport
# ruff: noqa: F401
from __future__ import annotations

from pgvoice.store.database.layout import INTERNAL_SCHEMA, LOCKS, MAX_PARTITIONS, SCHEMA
from pgvoice.store.models import act_tables, label_tables, people_tables, voice_tables
from pgvoice.store.models.columns import UNIT_TOLERANCE, metadata
from pgvoice.store.models.recording_tables import (
    PARTITION,
    lock,
    segment_embedding,
    setting,
    turn,
)
