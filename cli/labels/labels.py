"""``pgvoice labels``: the current labels, their runs, and pins."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import click

from pgvoice.cli import options, output
from pgvoice.cli.answers.answering import say_encoder
from pgvoice.cli.answers.resolved import write_resolved
from pgvoice.cli.group import Group
from pgvoice.cli.labels.export import export
from pgvoice.cli.labels.import_names import import_
from pgvoice.store.keys import SegmentKey
from pgvoice.store.labels.current import Label
from pgvoice.store.voice_store import VoiceStore


@click.group(cls=Group)
def labels() -> None:
    """See labels, revert runs, and pin what you know.

    `pgvoice label` stores labels, `pgvoice relabel` judges them again.
    """


labels.add_command(export)
labels.add_command(import_)

span_option = click.option(
    "--span",
    "spans",
    multiple=True,
    type=options.span,
    metavar="START-END",
    help="The segment, or segments inside this span: 8.3-10 or 1:02-1:05.5.",
)


@labels.command(epilog="Example: pgvoice labels show talk")
@click.argument("video")
@options.stored_encoder_option
@options.wide_option
@options.store_options
def show(store: VoiceStore, video: str, encoder: str | None, as_json: bool) -> None:
    """Show a recording's labels in time order.

    Similarity, runner-up and margin are as of the day when the label was stored.
    """
    found = store.labels.current(video, encoder=encoder)
    if as_json:
        output.write_json({"video": video, "labels": [output.in_seconds(label) for label in found]})
    elif found:
        _write_labels(found)
        say_encoder(store, encoder, as_json=as_json)
    else:
        shown = output.printable(video)
        click.echo(f"{shown} has no labels: `pgvoice label {shlex.quote(shown)}` stores them")


@labels.command(epilog="Example: pgvoice labels time talk")
@click.argument("video", required=False)
@options.stored_encoder_option
@options.wide_option
@options.store_options
def time(store: VoiceStore, video: str | None, encoder: str | None, as_json: bool) -> None:
    """Show how long everybody speaks.

    Adds up the current labels of every recording, or of VIDEO. Overlapping segments each count in
    full.
    """
    output.write_list(
        store.labels.speaker_time(video, encoder=encoder),
        as_json,
        ["video", output.person("speaker"), *output.numbers("segments", "speech")],
        lambda each: (each.video, each.speaker, each.segments, output.clock(each.seconds)),
        "nothing is labelled: see `pgvoice label --help`",
    )
    say_encoder(store, encoder, as_json=as_json)


@labels.command(epilog="Example: pgvoice labels runs")
@options.wide_option
@options.store_options
def runs(store: VoiceStore, as_json: bool) -> None:
    """List the runs, the newest first.

    A run consists of the labels that it changed. They stay current until a newer run changes them
    or their run is reverted.
    """
    found = store.labels.runs()
    encoders = output.short_labels(each.encoder for each in found)
    run = output.number("run"), output.word("kind"), "kept", output.encoder("encoder", encoders)
    numbers = output.number("threshold", 3), output.number("margin", 2)
    output.write_list(
        found,
        as_json,
        [*run, *numbers, *output.numbers("labels", "current"), "reverted"],
        lambda each: (
            str(each.id),
            each.kind,
            output.day(each.created_at),
            encoders[each.encoder],
            each.threshold,
            each.margin,
            each.changed,
            each.current,
            output.day(each.reverted_at) if each.reverted_at else "",
        ),
        "there are no runs yet: see `pgvoice label --help`",
    )


@labels.command(epilog="Example: pgvoice labels revert 2")
@click.argument("run", type=options.Count(1))
@options.open_store
def revert(store: VoiceStore, run: int) -> None:
    """Revert a run.

    The labels before it become current again; labels that newer runs changed stay as they are.
    """
    count = store.labels.revert(run)
    click.echo(f"run {run} reverted: {output.counted(count, 'current label')} withdrawn")


@labels.command(
    epilog="""\b
Examples: pgvoice labels pin talk Ada --span 8.3-10
          pgvoice labels pin talk Ada --label SPEAKER_00
          pgvoice labels pin talk Bob --label SPEAKER_00 --not
          pgvoice labels pin talk --nobody --span 8.3-10"""
)
@click.argument("video")
@click.argument("name", required=False)
@click.option("--nobody", is_flag=True, help="Nobody known speaks.")
@click.option("--not", "denied", is_flag=True, help="NAME does not speak; it may be anybody else.")
@click.option("--new", is_flag=True, help="Add NAME, who is not enrolled.")
@span_option
@options.turn_label_option
@options.stored_encoder_option
@options.url_option
def pin(
    video: str,
    name: str | None,
    nobody: bool,
    denied: bool,
    new: bool,
    spans: tuple[options.Span, ...],
    labels: tuple[str, ...],
    encoder: str | None,
    url: str | None,
) -> None:
    """Pin who speaks in segments, or who does not.

    Your word counts more than what the voice sounds like: `pgvoice identify` answers with it,
    and no run changes a pinned label, with whatever encoder. NAME need not be enrolled. A span
    means segments as in `pgvoice enroll add`; of a diarizer's --label, all turns are pinned.
    """
    if (name is None) != nobody or (nobody and (denied or new)):
        raise click.UsageError("Give a NAME, or --nobody.")
    with VoiceStore.open(url) as store:
        keys = _meant(store, video, spans, labels, encoder)
        run = store.labels.pin_segments(video, keys, name, holds=not denied, new=new)
    to = f"pinned as not {name}" if denied else f"pinned to {name or 'nobody'}"
    kept = "no stored label changed" if run is None else f"run {run}"
    click.echo(output.printable(f"{to} ({kept})"))


@labels.command(epilog="Example: pgvoice labels unpin talk --span 8.3-10")
@click.argument("video")
@span_option
@options.turn_label_option
@options.stored_encoder_option
@options.open_store
def unpin(
    store: VoiceStore,
    video: str,
    spans: tuple[options.Span, ...],
    labels: tuple[str, ...],
    encoder: str | None,
) -> None:
    """Forget what you pinned.

    The label from the runs becomes current again; `pgvoice relabel` judges it again.
    """
    keys = _meant(store, video, spans, labels, encoder)
    count = store.labels.unpin_segments(video, keys)
    click.echo(f"{output.counted(count, 'segment')} unpinned")


@labels.command(epilog="Example: pgvoice labels words talk")
@click.argument("video")
@options.wide_option
@options.store_options
def words(store: VoiceStore, video: str, as_json: bool) -> None:
    """List what people said of a recording, the oldest first.

    That is every pin, and what was said of its voices. Of words that contradict each other, the
    newest counts.
    """
    output.write_list(
        store.labels.words(video),
        as_json,
        [*output.numbers("start", "end", "spans", "speech"), output.person("said"), "by", "on"],
        lambda each: (
            output.clock(each.spans[0].start_s),
            output.clock(each.spans[-1].end_s),
            len(each.spans),
            output.clock(each.seconds),
            str(each),
            each.author,
            output.day(each.said_at),
        ),
        f"nobody said anything of {output.printable(video)}: see `pgvoice labels pin --help`",
    )


def _meant(
    store: VoiceStore,
    video: str,
    spans: Sequence[options.Span],
    turn_labels: Sequence[str],
    encoder: str | None,
) -> list[SegmentKey]:
    """The segments that these options mean; prints them."""
    if not (spans or turn_labels):
        raise click.UsageError("Choose the segments: --span START-END, or --label LABEL.")
    found = store.labels.resolve(video, spans, turn_labels, encoder=encoder)
    write_resolved(found)
    return [key for each in found for key in each.segments]


def _write_labels(found: Sequence[Label]) -> None:
    columns: list[str | output.Column] = [*output.numbers("start", "end")]
    columns += [
        output.person("speaker"),
        output.number("similarity"),
        output.person("runner-up", 1),
    ]
    columns += [output.number("margin", 2), output.word("reason"), output.number("run", 3)]
    output.write_table(
        columns,
        (
            (
                output.clock(label.start),
                output.clock(label.end),
                label.speaker,
                label.similarity,
                label.runner_up,
                label.margin,
                _reason(label),
                str(label.run),
            )
            for label in found
        ),
    )


def _reason(label: Label) -> str:
    if label.pinned and label.reason != "pinned":
        return f"{label.reason} (pinned)"
    return label.reason
