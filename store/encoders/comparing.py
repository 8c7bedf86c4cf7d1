"""Two encoders compared: labels that would change, and what people confirmed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from pgvoice.store.labels import runs
from pgvoice.store.labels.runs import LabelMove
from pgvoice.store.recordings.encoders import StoredEncoder

_CHANGES = text(
    "SELECT from_speaker, from_reason, to_speaker, to_reason, segments, seconds, video_count,"
    " longest_videos FROM pgvoice.label_changes(:new, :old)"
)
_CONFIRMED = text(
    "SELECT segments, seconds, right_seconds, wrong_seconds, unnamed_seconds, denied_seconds,"
    " denied_named_seconds FROM pgvoice.confirmed_speech(:encoder)"
)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """How an encoder judges the speech that people named, in segments and seconds."""

    segments: int
    seconds: float
    #: Seconds that get the right name, another one, or none.
    right: float
    wrong: float
    unnamed: float
    #: Seconds that a person said are nobody's who is enrolled, or not somebody's; and of these, how
    #: many get that name all the same.
    denied: float
    denied_named: float


def changes(connection: Connection, new: StoredEncoder, old: StoredEncoder) -> list[LabelMove]:
    """From the labels stored with `old` to those with `new`, those of most segments first.

    A segment that `new` has no label of moves to nobody: `to_reason` is ``missing`` if it is not
    filled, and else ``not labelled``.
    """
    rows = connection.execute(_CHANGES, {"new": new.id, "old": old.id})
    return [runs.move(row) for row in rows]


def confirmed(connection: Connection, encoder: StoredEncoder) -> Confirmed:
    """How an encoder judges what people said, as if they had not, by the thresholds in use.

    Without the exemplars that are the judged speech itself; as ``pgvoice.confirmed_speech`` has it.
    """
    return Confirmed(*connection.execute(_CONFIRMED, {"encoder": encoder.id}).one())
