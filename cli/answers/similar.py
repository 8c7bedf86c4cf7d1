"""``pgvoice similar``."""

from __future__ import annotations

from datetime import datetime

import click

from pgvoice.cli import options, output
from pgvoice.store.answers.similar import SimilarFilter
from pgvoice.store.voice_store import VoiceStore


def _one_span(
    context: click.Context, parameter: click.Parameter, value: str
) -> tuple[float, float]:
    return options.parsed_spans(context, parameter, [value])[0]


@click.command(epilog="Example: pgvoice similar talk --span 8.3-10 --not-speaker Ada")
@click.argument("video")
@click.option(
    "--span",
    required=True,
    callback=_one_span,
    metavar="START-END",
    help="The stored segment to compare with: 12.5-15 or 1:02-1:05.5.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    metavar="N",
    help="Show only the N most similar.",
)
@click.option(
    "--video", "videos", multiple=True, metavar="KEY", help="Search only these recordings."
)
@click.option("--other-videos", is_flag=True, help="Search only recordings other than VIDEO.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]),
    metavar="DATE",
    help="Search only recordings added to the store from then on: 2026-01-31.",
)
@click.option(
    "--min-seconds",
    type=click.FloatRange(0),
    metavar="S",
    help="Show only segments at least this long.",
)
@click.option(
    "--not-speaker",
    "excluded",
    multiple=True,
    metavar="NAME",
    help="Leave out segments that `pgvoice identify` assigns to this person.",
)
@click.option("--exact", is_flag=True, help="Compare every segment, even if there is an index.")
@options.stored_encoder_option
@options.store_options
def similar(
    store: VoiceStore,
    video: str,
    span: tuple[float, float],
    limit: int,
    videos: tuple[str, ...],
    other_videos: bool,
    since: datetime | None,
    min_seconds: float | None,
    excluded: tuple[str, ...],
    exact: bool,
    encoder: str | None,
    as_json: bool,
) -> None:
    """Find segments that sound like a stored one, in all recordings.

    VIDEO and --span name the stored segment; nobody needs to be enrolled. The most similar comes
    first. In a large library, build an index to make this fast: `pgvoice index build`. The index
    may miss a few of the most similar segments; --exact finds all.
    """
    among = SimilarFilter(
        videos=list(videos) or None,
        since=None if since is None else since.astimezone(),
        min_seconds=min_seconds,
        excluded_speakers=list(excluded) or None,
        same_video=not other_videos,
    )
    found = store.answers.similar(
        video, span, limit=limit, among=among, encoder=encoder, exact=exact
    )
    if as_json:
        output.write_json(
            {"video": video, "segments": [output.in_seconds(segment) for segment in found]}
        )
        return
    if found:
        rows = ((e.video, output.clock(e.start), output.clock(e.end), e.similarity) for e in found)
        output.write_table(["video", *output.numbers("start", "end", "similarity")], rows)
    click.echo(f"\n{output.counted(len(found), 'segment')}")
