"""Stored rows bit by bit, to compare them exactly."""

from __future__ import annotations

from collections.abc import Mapping

from pgvoice.store import SegmentKey, SegmentRow

#: Status, and the bytes of the vector if there is one.
Bits = tuple[str, bytes | None]


def bits(row: SegmentRow) -> Bits:
    return row.status, None if row.embedding is None else row.embedding.tobytes()


def all_bits(rows: Mapping[SegmentKey, SegmentRow]) -> dict[SegmentKey, Bits]:
    return {key: bits(row) for key, row in rows.items()}
