"""``pgvoice label`` and ``pgvoice relabel``: keep answers as labels, and judge them again."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TextIO, Unpack

import click

from pgvoice.cli import options, output
from pgvoice.cli.answers.roster import one_name_option, roster_options, speakers_from
from pgvoice.cli.labels.moves import write_moves
from pgvoice.cli.thresholds.rule import document, write_rule
from pgvoice.store.labels.runs import Relabelling
from pgvoice.store.thresholds.requirement import Requirement
from pgvoice.store.voice_store import VoiceStore

_clusters_option = click.option(
    "--clusters/--no-clusters",
    default=True,
    show_default=True,
    help="Judge turns with the same label together where one alone says too little.",
)


@click.command(
    epilog="""\b
Examples: pgvoice label talk
          pgvoice label talk --speakers Ada --speakers Bob"""
)
@click.argument("videos", nargs=-1, metavar="[VIDEO]...")
@click.option("--all", "everything", is_flag=True, help="Every recording in the store.")
@_clusters_option
@one_name_option
@roster_options
@options.rule_options
@options.url_options
def label(
    videos: tuple[str, ...],
    everything: bool,
    clusters: bool,
    one_label_one_name: bool,
    speakers: tuple[str, ...],
    roster: TextIO | None,
    url: str | None,
    as_json: bool,
    **rule: Unpack[options.Rule],
) -> None:
    """Keep who speaks in recordings.

    Stores the answers of `pgvoice identify` as labels, in a run that you can revert: see
    `pgvoice labels`. Pinned labels stay as they are.
    """
    if bool(videos) == everything:
        raise click.UsageError("Give a VIDEO, or --all.")
    with VoiceStore.open(url) as store, output.waiting("labelling"):
        among = speakers_from(store, speakers, roster)
        found = store.labels.label(
            None if everything else videos,
            clusters=clusters,
            one_label_one_name=one_label_one_name,
            speakers=among,
            **rule,
        )
        required = store.thresholds.required(gallery=len(among) if among else None, **rule)
    _write(found, required, as_json)


@click.command(epilog="Example: pgvoice relabel --dry-run")
@click.argument("videos", nargs=-1, metavar="[VIDEO]...")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@options.yes_option
@_clusters_option
@one_name_option
@roster_options
@options.rule_options
@options.wide_option
@options.store_options
def relabel(
    store: VoiceStore,
    videos: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    clusters: bool,
    one_label_one_name: bool,
    speakers: tuple[str, ...],
    roster: TextIO | None,
    as_json: bool,
    **rule: Unpack[options.Rule],
) -> None:
    """Judge kept labels again.

    Run this after people were enrolled, merged or removed, or thresholds changed. It shows what
    would change, in VIDEO or in every recording that has labels, and stores it as a run that you
    can revert. Without VIDEO, only new and changed profiles are compared. Pinned labels stay.
    """
    among = speakers_from(store, speakers, roster)
    relabel_among = partial(
        store.labels.relabel,
        videos or None,
        clusters=clusters,
        one_label_one_name=one_label_one_name,
        speakers=among,
        **rule,
    )
    with output.waiting("comparing"):
        found = relabel_among(dry_run=dry_run or not yes)
    required = store.thresholds.required(gallery=len(among) if among else None, **rule)
    if not as_json:
        write_moves(found.moves)
    if found.changed and not dry_run and not yes:
        options.confirm(f"Change {output.counted(found.changed, 'label')}?", yes)
        found = relabel_among()
    _write(found, required, as_json)


def _write(found: Relabelling, required: Requirement, as_json: bool) -> None:
    if as_json:
        counted = {"changed": found.changed, "left_pinned": found.left_pinned}
        output.write_json(document(required) | counted | asdict(found))
        return
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
    write_rule(required)
