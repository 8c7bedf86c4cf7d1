"""``pgvoice cache``: how well the stored vectors serve, and deleting what is wanted no more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import Group

if TYPE_CHECKING:
    from pgvoice.store.recordings.pruning import PruneSelection
    from pgvoice.store.recordings.statistics import CacheStatistics, Hits, Holding
    from pgvoice.store.voice_store import VoiceStore


@click.group(cls=Group)
def cache() -> None:
    """See how well the stored vectors serve, and delete old ones."""


@cache.command(epilog="Example: pgvoice cache stats --video talk")
@click.option("--video", metavar="KEY", help="List what is stored of this recording only.")
@options.url_option
@options.json_option
def stats(video: str | None, url: str | None, as_json: bool) -> None:
    """Show hits, misses, and what is stored.

    A hit is a segment that a fill asked for and the store had already. Hits and misses are of all
    recordings; statuses tell why a segment has no vector.
    """
    from pgvoice.store.errors import UnknownVideo
    from pgvoice.store.voice_store import VoiceStore

    with VoiceStore.open(url) as store:
        found = store.recordings.statistics()
    holdings = [holding for holding in found.holdings if video in (None, holding.video)]
    if video is not None and not holdings:
        raise UnknownVideo(video)
    if as_json:
        output.write_json(_document(found, holdings))
    else:
        _write_hits(found)
        _write_holdings(holdings, found.bytes_on_disk)


@cache.command(epilog="Example: pgvoice cache prune --older-than 365 --dry-run")
@click.option("--video", metavar="KEY", help="Of this recording.")
@click.option("--encoder", metavar="NAME", help="Made by this encoder.")
@click.option("--older-than", type=click.IntRange(1, 36_500), metavar="DAYS", help="Stored before.")
@options.dry_run_option
@options.yes_option
@options.url_option
@options.json_option
def prune(
    video: str | None,
    encoder: str | None,
    older_than: int | None,
    dry_run: bool,
    yes: bool,
    url: str | None,
    as_json: bool,
) -> None:
    """Delete stored segments that fit every option given.

    They are computed again when a fill asks for them. Speakers stay enrolled.
    """
    from pgvoice.store.voice_store import VoiceStore

    if video is None and encoder is None and older_than is None:
        raise click.UsageError("Say what to delete: --video, --encoder or --older-than.")
    with VoiceStore.open(url) as store:
        selection = _selection(store, video, encoder, older_than)
        count = store.recordings.prune(selection, dry_run=True)
        if count and not dry_run:
            options.confirm(f"Delete {output.counted(count, 'stored segment')}?", yes)
            count = store.recordings.prune(selection)
    if as_json:
        output.write_json({"segments": count, "dry_run": dry_run})
    else:
        verb = "would be deleted" if dry_run else "deleted"
        click.echo(f"{output.counted(count, 'stored segment')} {verb}")


def _selection(
    store: VoiceStore, video: str | None, encoder: str | None, days: int | None
) -> PruneSelection:
    from pgvoice.store.recordings.pruning import PruneSelection

    return PruneSelection(
        video,
        None if encoder is None else store.recordings.encoder(encoder).id,
        None if days is None else timedelta(days=days),
    )


def _write_hits(found: CacheStatistics) -> None:
    columns = [output.Column("fills"), output.number("requested"), output.number("hits")]
    columns += [output.number("misses"), output.number("hit rate")]
    rows = [("all time", *_counts(found.all_time))]
    if found.last_fill is not None:
        rows.append((f"last ({found.last_fill.video})", *_counts(found.last_fill.hits)))
    output.write_table(columns, rows)


def _counts(hits: Hits) -> tuple[str, str, str, str]:
    rate = output.NOTHING if hits.rate is None else f"{hits.rate:.1%}"
    return f"{hits.requested:,}", f"{hits.hits:,}", f"{hits.misses:,}", rate


def _write_holdings(holdings: Sequence[Holding], bytes_on_disk: int) -> None:
    columns = [output.Column("video"), output.Column("encoder"), output.number("segments")]
    columns += [output.number("size"), output.Column("statuses")]
    labels = output.short_labels(holding.encoder for holding in holdings)
    if holdings:
        click.echo()
        output.write_table(columns, (_holding_row(holding, labels) for holding in holdings))
    segments = sum(holding.segments for holding in holdings)
    click.echo(
        f"\n{output.counted(segments, 'stored segment')}; all of them, with indexes, take"
        f" {output.size(bytes_on_disk)} on disk"
    )


def _holding_row(holding: Holding, labels: dict[str, str]) -> tuple[str, ...]:
    statuses = sorted(holding.statuses.items(), key=lambda item: (item[0] != "ok", item[0]))
    return (
        holding.video,
        labels[holding.encoder],
        f"{holding.segments:,}",
        output.size(holding.bytes),
        ", ".join(f"{count:,} {status}" for status, count in statuses),
    )


def _document(found: CacheStatistics, holdings: Sequence[Holding]) -> dict[str, object]:
    last = found.last_fill
    return {
        "all_time": _hits_document(found.all_time),
        "last_fill": None
        if last is None
        else {"video": last.video, "finished_at": last.finished_at, **_hits_document(last.hits)},
        "bytes_on_disk": found.bytes_on_disk,
        "holdings": holdings,
    }


def _hits_document(hits: Hits) -> dict[str, object]:
    return {
        "requested": hits.requested,
        "hits": hits.hits,
        "misses": hits.misses,
        "hit_rate": hits.rate,
    }
