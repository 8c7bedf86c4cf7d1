"""Joining labels that are the same person's within a recording, by their stored vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, text

from pgvoice.store.recordings.encoders import ENCODER_ID, EncoderIdentity
from pgvoice.store.recordings.turns import storable
from pgvoice.store.turns import Turn

_JOIN = text(
    f"SELECT pgvoice.join_labels(:video, {ENCODER_ID},"
    " pgvoice.snap_all_ms(CAST(:starts AS double precision[])),"
    " pgvoice.snap_all_ms(CAST(:ends AS double precision[])), CAST(:labels AS text[]))"
)


def join_labels(
    connection: Connection, video: str, encoder: EncoderIdentity, turns: Sequence[Turn]
) -> list[str | None]:
    """A label for each turn that stands for one person throughout the recording."""
    given = {
        "video": video,
        "starts": [float(turn.start) for turn in turns],
        "ends": [float(turn.end) for turn in turns],
        "labels": [storable(turn.label) for turn in turns],
    }
    return list(connection.scalar(_JOIN, given | asdict(encoder)))
