"""``pgvoice cache``: how often the stored vectors are reused, and deleting old ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import Group
from pgvoice.store.errors import UnknownVideo
from pgvoice.store.recordings.segments import PruneSelection
from pgvoice.store.recordings.statistics import CacheStatistics, Hits, Holding
from pgvoice.store.voice_store import VoiceStore


@click.group(cls=Group)
def cache() -> None:
    """Show how often stored vectors are reused; delete old ones."""


@cache.command(epilog="Example: pgvoice cache stats --video talk")
@click.option("--video", metavar="KEY", help="List the stored segments of this recording only.")
@options.wide_option
@options.store_options
def stats(store: VoiceStore, video: str | None, as_json: bool) -> None:
    """Show hits, misses, and what is stored.

    A hit is a segment that a fill asked for and the store already had. Hits and misses count all
    recordings. Statuses other than ok say why a segment has no vector.
    """
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
@click.option("--video", metavar="KEY", help="Segments of this recording.")
@click.option("--encoder", metavar="NAME", help="Vectors of this encoder.")
@click.option(
    "--older-than",
    type=click.IntRange(1, 36_500),
    metavar="DAYS",
    help="Segments stored more than this many days ago.",
)
@options.dry_run_option
@options.yes_option
@options.url_options
def prune(
    video: str | None,
    encoder: str | None,
    older_than: int | None,
    dry_run: bool,
    yes: bool,
    url: str | None,
    as_json: bool,
) -> None:
    """Delete the stored segments that match every option given.

    A later fill that asks for them computes them again. Speakers stay enrolled.
    """
    if video is None and encoder is None and older_than is None:
        raise click.UsageError("Choose what to delete: --video, --encoder or --older-than.")
    with VoiceStore.open(url) as store:
        selection = PruneSelection(
            video,
            None if encoder is None else store.encoders.find(encoder).id,
            None if older_than is None else timedelta(days=older_than),
        )
        count = store.recordings.prune(selection, dry_run=True)
        if count and not dry_run:
            options.confirm(f"Delete {output.counted(count, 'stored segment')}?", yes)
            count = store.recordings.prune(selection)
    if as_json:
        output.write_json({"segments": count, "dry_run": dry_run})
    else:
        segments = output.counted(count, "stored segment")
        click.echo(f"{segments} {output.done('deleted', dry_run)}")


def _write_hits(found: CacheStatistics) -> None:
    rows = {"all time": found.all_time}
    if found.last_fill is not None:
        rows[f"last ({found.last_fill.video})"] = found.last_fill.hits
    output.write_table(
        ["fills", *output.numbers("requested", "hits", "misses", "hit rate")],
        (
            (name, e.requested, e.hits, e.misses, None if e.rate is None else f"{e.rate:.1%}")
            for name, e in rows.items()
        ),
    )


def _write_holdings(holdings: Sequence[Holding], bytes_on_disk: int) -> None:
    labels = output.short_labels(holding.encoder for holding in holdings)
    if holdings:
        click.echo()
        numbers = output.numbers("segments", "size")
        output.write_table(
            ["video", output.encoder("encoder", labels), *numbers, output.explanation("statuses")],
            (
                (e.video, labels[e.encoder], e.segments, output.size(e.bytes), _statuses(e))
                for e in holdings
            ),
        )
    segments = sum(holding.segments for holding in holdings)
    click.echo(
        f"\n{output.counted(segments, 'stored segment')}; the table of segments and its"
        f" indexes take {output.size(bytes_on_disk)} on disk"
    )


def _statuses(holding: Holding) -> str:
    statuses = sorted(holding.statuses.items(), key=lambda item: (item[0] != "ok", item[0]))
    shown = ", ".join(f"{count:,} {status}" for status, count in statuses)
    return shown if holding.source is None else f"{shown}; imported from {_file(holding.source)}"


def _file(source: str) -> str:
    """The file of an import without its hash."""
    return source.partition(" sha256:")[0]


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
    return asdict(hits) | {"misses": hits.misses, "hit_rate": hits.rate}
