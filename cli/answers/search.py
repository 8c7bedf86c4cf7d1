"""``pgvoice search`` and ``pgvoice similar``: finding segments in all recordings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Unpack

import click

from pgvoice.cli import options, output
from pgvoice.cli.answers.answering import say_encoder
from pgvoice.cli.answers.resolved import write_resolved
from pgvoice.cli.thresholds.rule import document, write_rule
from pgvoice.store.answers.appearances import Appearance, Order
from pgvoice.store.answers.similar import SimilarFilter
from pgvoice.store.voice_store import VoiceStore


@click.command(epilog="Example: pgvoice search Ada --limit 20")
@click.argument("name")
@click.option("--limit", type=options.Count(1), metavar="N", help="Show only the first N [all].")
@click.option(
    "--order",
    type=click.Choice(["similarity", "time"]),
    default="similarity",
    show_default=True,
    help="Most similar first, or by recording and time.",
)
@options.rule_options
@options.wide_option
@options.store_options
def search(
    store: VoiceStore,
    name: str,
    limit: int | None,
    order: Order,
    as_json: bool,
    **rule: Unpack[options.Rule],
) -> None:
    """Find where somebody speaks, in all recordings.

    NAME is an enrolled speaker. The segments are those that `pgvoice identify` assigns to them.
    """
    found = store.answers.appearances(name, limit=limit, order=order, **rule)
    required = store.thresholds.required(**rule)
    if as_json:
        segments = [output.in_seconds(appearance) for appearance in found]
        output.write_json({"speaker": name} | document(required) | {"segments": segments})
        return
    if found:
        _write_table(found)
    click.echo(f"\n{output.counted(len(found), 'segment')} of {output.printable(name)}")
    write_rule(required)


def _write_table(found: Sequence[Appearance]) -> None:
    numbers = output.numbers("start", "end", "similarity")
    output.write_table(
        ["video", *numbers, output.person("runner-up", 1), output.number("margin", 2)],
        (
            (
                each.video,
                output.clock(each.start),
                output.clock(each.end),
                each.similarity,
                output.named(each.runner_up, each.runner_up_similarity),
                each.margin,
            )
            for each in found
        ),
    )


@click.command(epilog="Example: pgvoice similar talk --span 8.3-10 --not-speaker Ada")
@click.argument("video")
@click.option(
    "--span",
    required=True,
    type=options.span,
    metavar="START-END",
    help="The stored segment to compare with: 12.5-15 or 1:02-1:05.5.",
)
@click.option(
    "--limit",
    type=options.Count(1),
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
    type=options.start_of_day,
    metavar="DATE",
    help="Search only recordings added to the store from then on: 2026-01-31, in this machine's"
    " time zone, or 2026-01-31T18:00:00+01:00.",
)
@click.option(
    "--min-seconds",
    type=options.Number(0),
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
@options.wide_option
@options.store_options
def similar(
    store: VoiceStore,
    video: str,
    span: options.Span,
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

    VIDEO and --span name the stored segment, as in `pgvoice enroll add`; nobody needs to be
    enrolled. The most similar comes first. In a large library, build an index to make this fast:
    `pgvoice index build`. The index may miss a few of the most similar segments; --exact finds all.
    """
    among = SimilarFilter(
        videos=list(videos) or None,
        since=since,
        min_seconds=min_seconds,
        excluded_speakers=list(excluded) or None,
        same_video=not other_videos,
    )
    found = store.answers.similar(
        video, span, limit=limit, among=among, encoder=encoder, exact=exact
    )
    (meant,) = store.recordings.resolve(video, [span], encoder=encoder, with_vector=True)
    if as_json:
        (key,) = meant.segments
        segments = [output.in_seconds(segment) for segment in found]
        place = {"video": video, "start": key.start_s, "end": key.end_s}
        which = {"encoder": str(store.encoders.find(encoder).identity)}
        output.write_json(place | which | {"segments": segments})
        return
    write_resolved([meant])
    if found:
        rows = ((e.video, output.clock(e.start), output.clock(e.end), e.similarity) for e in found)
        output.write_table(["video", *output.numbers("start", "end", "similarity")], rows)
    click.echo(f"\n{output.counted(len(found), 'segment')}")
    say_encoder(store, encoder, as_json=as_json)
