"""The demo's recording, its turns, and the score of the answers about them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

from pgvoice.cli import options
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.enroll import enroll_video
from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.hooks.fill.fill import fill
from pgvoice.hooks.formats.reading import read_segments
from pgvoice.hooks.results import FillReport
from pgvoice.store.answers.identify import Identification
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore

PACKAGE = "pyannote-audio"
ENCODER = "campplus"
VIDEO = "sample"
#: Turns of at least this many seconds serve to enroll, and get a score of their own.
LONG_TURN = 1.0


class Conversation(NamedTuple):
    """A recording, and who speaks when according to its reference."""

    audio: Path
    #: Each speaker's first long turn, to enroll them from.
    enrolling: list[Turn]
    #: The other turns, to identify.
    asking: list[Turn]


class Score(NamedTuple):
    """How often the answers agree with the reference."""

    turns: int
    right: int
    wrong: int
    #: Nobody was named.
    abstained: int


class Outcome(NamedTuple):
    """What the demo did and found."""

    conversation: Conversation
    first: FillReport
    answers: list[Identification]
    #: The same fill again.
    second: FillReport


def find_conversation() -> Conversation:
    """The two-person conversation in the package pyannote-audio, whose code is not imported.

    Raises `EncoderUnavailable` if the package is not installed or lacks the recording.
    """
    audio, turns = _sample_file("sample.wav"), read_segments(_sample_file("sample.rttm"))
    enrolling = [
        next(turn for turn in turns if turn.label == label and turn.end - turn.start >= LONG_TURN)
        for label in dict.fromkeys(turn.label for turn in turns)
    ]
    return Conversation(audio, enrolling, [turn for turn in turns if turn not in enrolling])


def play(store: VoiceStore, conversation: Conversation, device: str | None = None) -> Outcome:
    """Enroll both speakers, fill the other turns, ask who speaks, and fill again."""
    encoder = make_encoder(ENCODER, device=device)
    for turn in conversation.enrolling:
        span = [(turn.start, turn.end)]
        enroll_video(store, encoder, str(turn.label), VIDEO, span, audio=conversation.audio)
    first = _fill(store, encoder, conversation)
    asked = options.spans(conversation.asking)
    answers = store.answers.identify(VIDEO, asked, encoder=encoder.identity)
    second = _fill(store, make_encoder(ENCODER, device=device), conversation)
    return Outcome(conversation, first, answers, second)


def score(
    answers: Sequence[Identification], turns: Sequence[Turn], *, at_least: float = 0.0
) -> Score:
    """Compare answers with the reference, in the same order; `at_least` is in seconds."""
    named = [
        (answer.speaker, turn.label)
        for answer, turn in zip(answers, turns, strict=True)
        if turn.end - turn.start >= at_least
    ]
    right = sum(speaker == label for speaker, label in named)
    abstained = sum(speaker is None for speaker, _ in named)
    return Score(len(named), right, len(named) - right - abstained, abstained)


def _fill(store: VoiceStore, encoder: Encoder, conversation: Conversation) -> FillReport:
    segments = options.spans(conversation.asking)
    return fill(store, encoder, video=VIDEO, audio=conversation.audio, segments=segments)


def _sample_file(name: str) -> Path:
    try:
        files = distribution(PACKAGE).files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if file.match(f"pyannote/audio/sample/{name}") and path.is_file():
            return path
    raise EncoderUnavailable(
        f'{name}, a file of {PACKAGE}, is not installed: `pip install "pgvoice[demo]"`'
    )
