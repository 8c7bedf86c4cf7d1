"""``SwitchReport``: what a switch of encoders did, and what it changes."""

from __future__ import annotations

from dataclasses import dataclass

from pgvoice.store.encoders.comparing import Confirmed
from pgvoice.store.labels.runs import LabelMove
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.thresholds.requirement import Requirement
from pgvoice.store.upkeep.ingests import Outcome


@dataclass(frozen=True, slots=True)
class Judged:
    """One of the two encoders: which thresholds apply, and how it judges what people confirmed."""

    encoder: EncoderIdentity
    thresholds: Requirement
    confirmed: Confirmed


@dataclass(frozen=True, slots=True)
class MissingExemplar:
    """An exemplar that the new encoder has no vector of."""

    number: int
    speaker: str
    #: The file or recording, and the span in it, in seconds.
    source: str
    start: float
    end: float
    why: str


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """What became of the calibration of an encoder for another one."""

    said: str
    #: What calibrates, if the labels are in files.
    command: str | None = None


@dataclass(frozen=True, slots=True)
class SwitchReport:
    """What a switch did, what the new encoder lacks, and what it answers differently."""

    old: Judged
    new: Judged
    #: Recordings that were complete, and that were filled; and the vectors computed.
    complete: int
    filled: int
    vectors: int
    #: Recordings that lack vectors, with the reasons.
    failed: tuple[Outcome, ...]
    #: Exemplars whose vectors were copied from stored segments, and computed from their audio.
    carried: int
    computed: int
    missing: tuple[MissingExemplar, ...]
    #: Voices of recordings that belong to an unknown voice.
    voices: int
    #: People who opted out by their voice, and whom only other encoders can recognise.
    unrecognised_opt_outs: int
    #: None if `old` has no calibration.
    calibration: Recalibrated | None
    #: Recordings that `old` has labels of, which have labels of `new` now.
    labelled: int
    #: From the labels of `old` to those of `new`.
    moves: tuple[LabelMove, ...]
    #: Whether there is an index of `new`, None if none is needed; and why there is none.
    indexed: bool | None
    not_indexed: str | None
    #: Whether `new` answered already when the switch began.
    answered: bool
    #: Whether it answers now.
    flipped: bool = False
    #: Recordings that the old encoder filled between the preview and the flip.
    late: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether the new encoder has all that the old one has."""
        return not self.failed and not self.missing
