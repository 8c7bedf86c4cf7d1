"""The tables and their constraints; no queries."""

# mypy: implicit-reexport
# ruff: noqa: F401
from __future__ import annotations

from pgvoice.store.models import label_tables, people_tables
from pgvoice.store.models.columns import INTERNAL_SCHEMA, SCHEMA, UNIT_TOLERANCE, metadata
from pgvoice.store.models.recording_tables import (
    LOCKS,
    MAX_PARTITIONS,
    PARTITION,
    lock,
    segment_embedding,
    setting,
)
