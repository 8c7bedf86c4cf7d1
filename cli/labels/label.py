"""``pgvoice label`` and ``pgvoice relabel``: keep answers as labels, and judge them again."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

import click

from pgvoice.cli import options, output
from pgvoice.cli.thresholds import rule
from pgvoice.store.labels.runs import LabelMove, Relabelling
from pgvoice.store.thresholds.requirement import Requirement
from pgvoice.store.voice_store import VoiceStore

#: How many recordings of a change the table names.
NAMED_VIDEOS = 3


@click.command(epilog="Example: pgvoice label talk")
@click.argument("videos", nargs=-1, metavar="[VIDEO]...")
@click.option("--all", "everything", is_flag=True, help="Every recording in the store.")
@options.threshold_option
@options.margin_option
@options.stored_encoder_option
@options.url_option
@options.json_option
def label(
    videos: tuple[str, ...],
    everything: bool,
    threshold: float | None,
    margin: float | None,
    encoder: str | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Keep who speaks in recordings.

    Stores the answers of `pgvoice identify` as labels, in a run that you can revert: see
    `pgvoice labels`. Pinned labels stay as they are.
    """
    if bool(videos) == everything:
        raise click.UsageError("Give a VIDEO, or --all.")
    with VoiceStore.open(url) as store, output.waiting("labelling"):
        found = store.labels.label(
            None if everything else videos, encoder=encoder, threshold=threshold, min_margin=margin
        )
        required = store.thresholds.required(
            encoder=encoder, threshold=threshold, min_margin=margin
        )
    if as_json:
        output.write_json(_document(found, required))
    else:
        _write_summary(found)
        rule.write(required)


@click.command(epilog="Example: pgvoice relabel --dry-run")
@click.argument("videos", nargs=-1, metavar="[VIDEO]...")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@options.yes_option
@options.threshold_option
@options.margin_option
@options.stored_encoder_option
@options.url_option
@options.json_option
def relabel(
    videos: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    threshold: float | None,
    margin: float | None,
    encoder: str | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Judge kept labels again.

    Run this after people were enrolled, merged or removed, or thresholds changed. It shows what
    would change, in VIDEO or in every recording that has labels, and stores it as a run that you
    can revert. Without VIDEO, only new and changed profiles are compared. Pinned labels stay.
    """
    with VoiceStore.open(url) as store:
        judge = partial(
            store.labels.relabel,
            videos or None,
            encoder=encoder,
            threshold=threshold,
            min_margin=margin,
        )
        with output.waiting("comparing"):
            found = judge(dry_run=dry_run or not yes)
        required = store.thresholds.required(
            encoder=encoder, threshold=threshold, min_margin=margin
        )
        if not as_json:
            _write_moves(found)
        if found.changed and not dry_run and not yes:
            options.confirm(f"Change {output.counted(found.changed, 'label')}?", yes)
            found = judge()
    if as_json:
        output.write_json(_document(found, required))
    else:
        _write_summary(found)
        rule.write(required)


def _write_moves(found: Relabelling) -> None:
    if not found.moves:
        return
    columns = [output.Column("from"), output.Column("to"), output.number("segments")]
    columns += [output.number("speech"), output.Column("in")]
    rows = (
        (
            _person(move.from_speaker, move.from_reason),
            _person(move.to_speaker, move.to_reason),
            f"{move.segments:,}",
            output.clock(move.seconds),
            _videos(move),
        )
        for move in found.moves
    )
    output.write_table(columns, rows)
    click.echo()


def _write_summary(found: Relabelling) -> None:
    click.echo(
        f"{output.counted(found.segments, 'segment')} ({output.clock(found.seconds)}),"
        f" {output.counted(found.speakers, 'speaker')}"
    )
    if found.run is not None:
        click.echo(
            f"{output.counted(found.changed, 'label')} changed, kept as run {found.run}"
            f" (`pgvoice labels revert {found.run}` reverts it)"
        )
    elif found.changed:
        click.echo(f"{output.counted(found.changed, 'label')} would change")
    else:
        click.echo("no label changed")
    if found.pinned:
        click.echo(f"{output.counted(found.left_pinned, 'label')} left because pinned")


def _document(found: Relabelling, required: Requirement) -> dict[str, object]:
    counted = {"changed": found.changed, "left_pinned": found.left_pinned}
    return asdict(required) | counted | asdict(found)


def _person(speaker: str | None, reason: str | None) -> str:
    if reason is None:
        return "(not labelled)"
    return speaker or f"({reason})"


def _videos(move: LabelMove) -> str:
    named = move.videos[:NAMED_VIDEOS]
    more = move.video_count - len(named)
    return ", ".join(named) + (f" and {more:,} more" if more else "")
