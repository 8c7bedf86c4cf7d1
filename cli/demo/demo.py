"""``pgvoice demo``: a conversation of two people, whose names are known."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from pgvoice.cli import options, output
from pgvoice.cli.answers.identify import who
from pgvoice.cli.demo import by_sound, series
from pgvoice.cli.demo.by_sound import Heard
from pgvoice.cli.demo.sample import CREDIT, sample_file
from pgvoice.cli.fill import report_document, summary
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.enroll.enroll import enroll_video
from pgvoice.hooks.fill.fill import fill
from pgvoice.hooks.formats.reading import read_segments
from pgvoice.hooks.new_files import write_file
from pgvoice.hooks.results import FillReport
from pgvoice.store.answers.identify import Identification
from pgvoice.store.database import embedded
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore

ENCODER = "campplus"
VIDEO = "sample"
#: The folders of the two demonstrations' data.
CONVERSATION, SERIES = "demo", "demo-series"
#: Turns of at least this many seconds serve to enroll, and get a score of their own.
LONG_TURN = 1.0


class Conversation(NamedTuple):
    """A recording, and who speaks when according to its reference."""

    audio: Path
    #: Each speaker's first long turn, to enroll them from.
    enrolling: list[Turn]
    #: The other turns, to identify.
    asking: list[Turn]

    @property
    def turns(self) -> list[Turn]:
        """All of the reference, in order."""
        return sorted(self.enrolling + self.asking, key=lambda turn: turn.start)


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
    #: The same without the reference's turns.
    heard: Heard


@click.command(
    epilog="""\b
Examples: pgvoice demo
          pgvoice demo --series
          pgvoice demo --save .
          pgvoice demo --series --save ."""
)
@click.option(
    "--series",
    "is_series",
    is_flag=True,
    help="Link, name and undo the voices of a series of four episodes instead.",
)
@click.option("--remove", is_flag=True, help="Delete the demo's data.")
@click.option(
    "--save",
    type=options.ExistingPath(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Only save the recording there, as talk.wav, and who speaks in it, as talk.rttm; of the"
    " series, episode1.wav and so on.",
)
@options.dry_run_option
@options.device_option
@options.wide_option
@options.json_option
def demo(
    is_series: bool,
    remove: bool,
    save: Path | None,
    dry_run: bool,
    device: str | None,
    as_json: bool,
) -> None:
    """Try pgvoice on a conversation of two people.

    Enrolls both from one turn each, fills and identifies the other turns, and compares the answers
    with the reference. Then finds out from the sound alone who speaks when, and compares that too.

    With --series nobody is enrolled: four people who recur in four episodes made of that
    conversation are linked, two are named once, and all of it is undone.

    Needs `pip install "pgvoice[demo]"`. The data is stored in an embedded server of its own;
    PGVOICE_DATABASE_URL is ignored.
    """
    folder = embedded.data_folder() / (SERIES if is_series else CONVERSATION)
    if remove and save is not None:
        raise click.UsageError("Give either --remove or --save.")
    if remove:
        dry_run = dry_run and embedded.exists(folder)
        if not dry_run:
            embedded.remove(folder)
        click.echo(f"{folder} {output.done('deleted', dry_run)}")
        return
    if dry_run:
        raise click.UsageError("--dry-run needs --remove.")
    if save is not None:
        (series.save if is_series else _save)(save)
        return
    if is_series:
        series.play(folder, device, as_json)
        return
    conversation = find_conversation()
    if not as_json:
        people, others = len(conversation.enrolling), len(conversation.asking)
        click.echo(f"A conversation of {people} people in {people + others} turns: {CREDIT}.")
        click.echo(f"The store is in {folder}\n")
    with (
        output.waiting("filling and identifying"),
        VoiceStore.open(folder=folder, consent=False) as store,
    ):
        outcome = play(store, conversation, device)
    if as_json:
        output.write_json(_document(outcome, folder))
    else:
        _write_outcome(outcome)
        _write_ending(outcome, folder)


def _save(folder: Path) -> None:
    for sample, name in (("sample.wav", "talk.wav"), ("sample.rttm", "talk.rttm")):
        write_file(folder / name, sample_file(sample).read_bytes())
        click.echo(f"{output.printable(str(folder / name))}: {CREDIT}")


def _write_outcome(outcome: Outcome) -> None:
    for turn in outcome.conversation.enrolling:
        when = f"{output.clock(turn.start)} to {output.clock(turn.end)}"
        click.echo(f"enrolled {turn.label} from {when}")
    first = outcome.first
    turns = output.counted(first.run.requested - first.clean_parts, "other turn")
    parts = output.counted(first.clean_parts, "clean part")
    also = f" and {parts} of them" if first.clean_parts else ""
    click.echo(f"filled {turns}{also}: {summary(first)}\n")
    start, similarity = output.numbers("start", "similarity")
    others = output.person("runner-up"), output.word("reason")
    output.write_table(
        [start, output.person("reference"), output.person("speaker"), similarity, *others],
        (
            (
                output.clock(answer.start),
                turn.label,
                who(answer),
                answer.similarity,
                output.named(answer.runner_up, answer.runner_up_similarity),
                answer.reason,
            )
            for turn, answer in zip(outcome.conversation.asking, outcome.answers, strict=True)
        ),
    )


def _write_ending(outcome: Outcome, folder: Path) -> None:
    scores = _scores(outcome)
    click.echo(f"\nall {_counts(scores['all_turns'], 'turns')}")
    click.echo(_counts(scores["long_turns"], "turns of at least 1 s"))
    click.echo(f"the same fill again: {summary(outcome.second)}")
    by_sound.write(outcome.heard)
    person = outcome.conversation.enrolling[0].label
    unset = "env -u PGVOICE_DATABASE_URL " if os.environ.get("PGVOICE_DATABASE_URL") else ""
    click.echo("\nLook further:")
    for command in (f"search {person}", f"identify {by_sound.VIDEO}", "db shell"):
        click.echo(f"  {unset}PGVOICE_DATA={shlex.quote(str(folder))} pgvoice {command}")
    click.echo("Delete the demo's data:\n  pgvoice demo --remove")


def _counts(score: Score, turns: str) -> str:
    counts = f"{score.right} right, {score.wrong} wrong, {score.abstained} not named"
    return f"{score.turns} {turns}: {counts}"


def _scores(outcome: Outcome) -> dict[str, Score]:
    asked = outcome.conversation.asking
    return {
        "all_turns": score(outcome.answers, asked),
        "long_turns": score(outcome.answers, asked, at_least=LONG_TURN),
    }


def _document(outcome: Outcome, folder: Path) -> dict[str, object]:
    conversation = outcome.conversation
    return {
        "folder": folder,
        "credit": CREDIT,
        "enrolled": [
            {"speaker": turn.label, "start": turn.start, "end": turn.end}
            for turn in conversation.enrolling
        ],
        "turns": [
            {"reference": turn.label} | output.in_seconds(answer)
            for turn, answer in zip(conversation.asking, outcome.answers, strict=True)
        ],
        **{name: score._asdict() for name, score in _scores(outcome).items()},
        "first_fill": report_document(outcome.first),
        "second_fill": report_document(outcome.second),
        "from_sound": by_sound.document(outcome.heard),
    }


def find_conversation() -> Conversation:
    """The two-person conversation in the package pyannote-audio, whose code is not imported.

    Raises `EncoderUnavailable` if the package is not installed or lacks the recording.
    """
    audio, turns = sample_file("sample.wav"), read_segments(sample_file("sample.rttm"))
    enrolling = [
        next(turn for turn in turns if turn.label == label and turn.end - turn.start >= LONG_TURN)
        for label in dict.fromkeys(turn.label for turn in turns)
    ]
    return Conversation(audio, enrolling, [turn for turn in turns if turn not in enrolling])


def play(store: VoiceStore, conversation: Conversation, device: str | None = None) -> Outcome:
    """Enroll both speakers, fill the other turns, ask who speaks, fill again; then by sound."""
    encoder = make_encoder(ENCODER, device=device)
    for turn in conversation.enrolling:
        span = [(turn.start, turn.end)]
        name = str(turn.label)
        enroll_video(
            store, encoder, name, VIDEO, span, audio=conversation.audio, min_speech=LONG_TURN
        )
    first = _fill(store, encoder, conversation)
    asked = options.spans(conversation.asking)
    answers = store.answers.identify(VIDEO, asked, encoder=encoder.identity)
    second = _fill(store, make_encoder(ENCODER, device=device), conversation)
    heard = by_sound.listen(store, encoder, conversation.audio, conversation.turns, device)
    return Outcome(conversation, first, answers, second, heard)


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
