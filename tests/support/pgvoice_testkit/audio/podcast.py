"""The simulated podcast: four enrolled people and a stranger."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pgvoice.hooks import Encoder, FillReport, Recording, enroll_recordings, fill
from pgvoice.hooks.formats.reading import read_segments
from pgvoice.store import Identification, Turn, VoiceStore

VIDEO = "podcast-dev"
ENROLLED = ("1688", "2414", "3080", "367")
STRANGER = "533"
#: Turns shorter than this are not judged, in seconds.
MIN_SECONDS = 1.5
#: Number of enrolled recordings per speaker.
EXEMPLARS = 4


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """A turn as it was spoken and as it was identified."""

    reference: Turn
    answer: Identification

    @property
    def right(self) -> bool:
        """Whether the answer is correct; for a stranger, if nobody is named."""
        who = self.reference.label
        return self.answer.speaker == (who if who in ENROLLED else None)


def enroll(store: VoiceStore, encoder: Encoder, speech: Path) -> None:
    """Enroll the four from their first recordings."""
    for name in ENROLLED:
        files = sorted((speech / "librispeech-test-other" / name).glob("*.flac"))[:EXEMPLARS]
        enroll_recordings(store, encoder, name, [Recording(file) for file in files])


def turns(speech: Path) -> list[Turn]:
    """Every turn of the reference."""
    return read_segments(speech / "simulated-podcast" / "podcast-dev.rttm")


def fill_turns(store: VoiceStore, encoder: Encoder, speech: Path) -> FillReport:
    """Fill the podcast's turns."""
    audio = speech / "simulated-podcast" / "podcast-dev.flac"
    segments = [(turn.start, turn.end) for turn in turns(speech)]
    return fill(store, encoder, video=VIDEO, audio=audio, segments=segments)


def identified(
    store: VoiceStore, speech: Path, threshold: float | None = None, margin: float | None = None
) -> list[SpokenTurn]:
    """The turns that are long enough to be judged."""
    references = [turn for turn in turns(speech) if turn.end - turn.start >= MIN_SECONDS]
    spans = [(turn.start, turn.end) for turn in references]
    answers = store.answers.identify(VIDEO, spans, threshold=threshold, min_margin=margin)
    return [SpokenTurn(*pair) for pair in zip(references, answers, strict=True)]
