"""``pgvoice label`` and ``pgvoice relabel``: answers that are kept, and judged again later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pgvoice.cli import options, output
from pgvoice.cli.thresholds import rule

if TYPE_CHECKING:
    from pgvoice.cli.thresholds.rule import Yardstick
    from pgvoice.store.labels.runs import LabelMove, Relabelling

#: So many recordings of a move are named in a table.
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

    What `pgvoice identify` answers is kept as a run that can be reverted: see `pgvoice labels`.
    Pinned labels stay as they are.
    """
    from pgvoice.store.voice_store import VoiceStore

    if bool(videos) == everything:
        raise click.UsageError("Say what to label: VIDEO, or --all.")
    with VoiceStore.open(url) as store, output.waiting("labelling"):
        found = store.labels.label(
            None if everything else videos, encoder=encoder, threshold=threshold, min_margin=margin
        )
        used = rule.yardstick(store, encoder, threshold, margin)
    if as_json:
        output.write_json(document(found, used))
    else:
        write_summary(found)
        rule.write(used)


@click.command(epilog="Example: pgvoice relabel --dry-run")
@click.argument("videos", nargs=-1, metavar="[VIDEO]...")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
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

    After people were enrolled, merged or removed, or thresholds changed: shows what would change,
    in every recording that has labels or in these, and keeps it as a run that can be reverted.
    Without VIDEO only new and changed profiles are compared. Pinned labels stay as they are.
    """
    from functools import partial

    from pgvoice.store.voice_store import VoiceStore

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
        used = rule.yardstick(store, encoder, threshold, margin)
        if not as_json:
            write_moves(found)
        if found.changed and not dry_run and not yes:
            options.confirm(f"Change {output.counted(found.changed, 'label')}?", yes)
            found = judge()
    if as_json:
        output.write_json(document(found, used))
    else:
        write_summary(found)
        rule.write(used)


def write_moves(found: Relabelling) -> None:
    """A table of who gets segments from whom."""
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


def write_summary(found: Relabelling) -> None:
    """What was judged, what changed, and how to take it back."""
    click.echo(
        f"{output.counted(found.segments, 'segment')} ({output.clock(found.seconds)}),"
        f" {output.counted(found.speakers, 'speaker')}"
    )
    if found.run is not None:
        click.echo(
            f"{output.counted(found.changed, 'label')} changed, kept as run {found.run}"
            f" (`pgvoice labels revert {found.run}` takes it back)"
        )
    elif found.changed:
        click.echo(f"{output.counted(found.changed, 'label')} would change")
    else:
        click.echo("no label changed")
    if found.pinned:
        click.echo(f"{output.counted(found.left_pinned, 'label')} left because pinned")


def document(found: Relabelling, used: Yardstick) -> dict[str, object]:
    """For JSON."""
    from dataclasses import asdict

    counted = {"changed": found.changed, "left_pinned": found.left_pinned}
    return asdict(used) | counted | asdict(found)


def _person(speaker: str | None, reason: str | None) -> str:
    if reason is None:
        return "(not labelled)"
    return speaker or f"({reason})"


def _videos(move: LabelMove) -> str:
    named: Sequence[str] = move.videos[:NAMED_VIDEOS]
    more = move.video_count - len(named)
    return ", ".join(named) + (f" and {more:,} more" if more else "")
