"""Recordings with references, labelled per segment and per cluster of a diarizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pgvoice.cli.demo.demo import LONG_TURN, VIDEO, find_conversation
from pgvoice.hooks import Encoder, enroll_video, fill
from pgvoice.hooks.evaluate.diarization import DiarizationError
from pgvoice.hooks.evaluate.evaluate import evaluate
from pgvoice.store import Turn, VoiceStore
from pgvoice_testkit.audio import podcast

#: Clusterings of a diarizer: correct, all speakers as one, each speaker as two.
AS_SPOKEN, ALL_AS_ONE, EACH_AS_TWO = "as spoken", "all as one", "each as two"
CLUSTERINGS = (AS_SPOKEN, ALL_AS_ONE, EACH_AS_TWO)


@dataclass(frozen=True, slots=True)
class Reference:
    """A recording in the store, and who speaks when."""

    video: str
    turns: Sequence[Turn]

    def clusters(self, clustering: str) -> list[str | None]:
        """A diarizer's label for each turn."""
        if clustering == ALL_AS_ONE:
            return ["SPEAKER_00"] * len(self.turns)
        if clustering == EACH_AS_TWO:
            return [f"{turn.label}-{place % 2}" for place, turn in enumerate(self.turns)]
        return [turn.label for turn in self.turns]


def sample(store: VoiceStore, encoder: Encoder) -> Reference:
    """The conversation that comes with pyannote.audio; each speaker is enrolled from one turn.

    The reference does not contain these turns.
    """
    found = find_conversation()
    for turn in found.enrolling:
        span = [(turn.start, turn.end)]
        name = str(turn.label)
        enroll_video(store, encoder, name, VIDEO, span, audio=found.audio, min_speech=LONG_TURN)
    spans = [(turn.start, turn.end) for turn in found.asking]
    fill(store, encoder, video=VIDEO, audio=found.audio, segments=spans)
    return Reference(VIDEO, _turns(found.asking))


def podcast_of_five(store: VoiceStore, encoder: Encoder, speech: Path) -> Reference:
    """The simulated podcast; four are enrolled from other recordings, the fifth is a stranger."""
    podcast.enroll(store, encoder, speech)
    podcast.fill_turns(store, encoder, speech)
    return Reference(podcast.VIDEO, _turns(podcast.turns(speech)))


def errors(
    store: VoiceStore, reference: Reference, threshold: float | None = None
) -> tuple[DiarizationError, Mapping[str, DiarizationError]]:
    """Errors of labels per segment, and per cluster for each clustering."""
    turns = {reference.video: reference.turns}
    alone = evaluate(store, turns, threshold=threshold).overall.diarization
    return alone, {
        clustering: evaluate(
            store,
            turns,
            clusters={reference.video: reference.clusters(clustering)},
            threshold=threshold,
        ).overall.diarization
        for clustering in CLUSTERINGS
    }


def _turns(segments: Sequence[Turn]) -> list[Turn]:
    return [Turn(segment.start, segment.end, segment.label) for segment in segments]
