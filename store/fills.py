"""Fills: one at a time for a video, each with a record of what it did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from sqlalchemy import Connection, text

from pgvoice.store.encoders import ENCODER_ID, EncoderIdentity
from pgvoice.store.videos import VIDEO_ID


@dataclass(frozen=True, slots=True)
class FillRun:
    """What a fill did."""

    #: Distinct segments asked for.
    requested: int
    #: Of these, how many the store had already, as a vector or as a status.
    hits: int
    #: Vectors computed.
    filled: int = 0
    #: Segments that got a status and no vector, counted by status.
    skipped: Mapping[str, int] = field(default_factory=dict)
    decode_seconds: float = 0.0
    encode_seconds: float = 0.0
    #: Where the model ran; None when none did.
    device: str | None = None


def hold(connection: Connection, video: str) -> None:
    """Wait until no other fill of the video runs, and hold it until the transaction ends.

    A transaction's lock, not a session's: it survives poolers that hand out sessions by
    transaction, and goes with a process that is killed.
    """
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('pgvoice.fill ' || :video, 0))"),
        {"video": video},
    )


def record(connection: Connection, video: str, encoder: EncoderIdentity, run: FillRun) -> None:
    """Keep what a fill did to a registered video; hit rates are counted from here."""
    connection.execute(
        text(
            "INSERT INTO pgvoice.fill_run (video_id, encoder_id, requested, hits, filled,"  # noqa: S608
            f" skipped, decode_seconds, encode_seconds, device) VALUES ({VIDEO_ID}, {ENCODER_ID},"
            " :requested, :hits, :filled, CAST(:skipped AS jsonb), :decode_seconds,"
            " :encode_seconds, :device)"
        ),
        asdict(encoder) | asdict(run) | {"video": video, "skipped": json.dumps(dict(run.skipped))},
    )
