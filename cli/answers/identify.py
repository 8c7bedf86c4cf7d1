"""``pgvoice identify``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pgvoice.cli import options, output
from pgvoice.cli.thresholds import rule

if TYPE_CHECKING:
    from pgvoice.cli.thresholds.rule import Yardstick
    from pgvoice.hooks.formats.reading import SegmentsDocument
    from pgvoice.store.answers.clusters import ClusterSummary
    from pgvoice.store.answers.identify import Identification


@click.command(
    epilog="""\b
Examples: pgvoice identify talk --threshold 0.6
          pgvoice identify talk talk.rttm --clusters
          pgvoice identify talk talk.json --output named.json
          pgvoice identify talk talk.rttm --output - --output-format whisperx
          pgvoice identify talk --plot talk.html"""
)
@click.argument("video")
@click.argument("segments", type=options.segments_file, required=False)
@click.option(
    "--clusters",
    "by_cluster",
    is_flag=True,
    help="Hear segments with the same label in SEGMENTS together where one alone says too little.",
)
@click.option(
    "--output",
    "named",
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write SEGMENTS with the names in it to a new FILE, in the format of its suffix; - is"
    " standard output, instead of the table.",
)
@click.option(
    "--output-format",
    "named_format",
    metavar="NAME",
    help="Format of FILE, where its suffix does not say it: json, rttm, srt, vtt or whisperx.",
)
@click.option("--overwrite", is_flag=True, help="Put the new FILE in the place of an old one.")
@options.threshold_option
@options.margin_option
@options.stored_encoder_option
@options.format_option
@options.uri_option
@options.url_option
@options.plot_option
@options.json_option
def identify(
    video: str,
    segments: str | None,
    by_cluster: bool,
    named: str | None,
    named_format: str | None,
    overwrite: bool,
    threshold: float | None,
    margin: float | None,
    encoder: str | None,
    format_name: str | None,
    uri: str | None,
    url: str | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Say who speaks in a recording, segment by segment.

    VIDEO is the name it was filled under, SEGMENTS a file as for `pgvoice fill`; without it,
    every stored segment is answered. Somebody is named only when similar enough; otherwise
    `reason` says why not, and the nearest person stands in parentheses. With --clusters, a
    diarizer's label names who a cluster is of, and splits it where it is of several people.
    """
    from pgvoice.hooks.identify import identify as ask
    from pgvoice.store.voice_store import VoiceStore

    if segments is None and (by_cluster or named is not None):
        option = "--clusters" if by_cluster else "--output"
        raise click.UsageError(f"{option} needs SEGMENTS: a file with the diarizer's labels.")
    if named is None and (overwrite or named_format is not None):
        option = "--overwrite" if overwrite else "--output-format"
        raise click.UsageError(f"{option} needs --output: the file to write.")
    source = None if segments is None else options.document_from(segments, format_name, uri)
    given = None if source is None else source.segments
    labels = None if given is None else [segment.label for segment in given]
    with VoiceStore.open(url) as store:
        result = ask(
            store,
            video,
            None if given is None else options.spans(given),
            labels if by_cluster else None,
            encoder=encoder,
            threshold=threshold,
            min_margin=margin,
        )
        used = rule.yardstick(store, encoder, threshold, margin)
    found = result.answers
    if picture is not None:
        _draw(picture, video, found, used)
    if source is not None and named is not None:
        _write_named(source, found, named, named_format, overwrite)
    if named == options.STANDARD_INPUT:
        return
    if as_json:
        document = _document(video, used, found, labels)
        output.write_json(document | {"clusters": result.clusters} if by_cluster else document)
    else:
        write_answers(found, labels)
        _write_summary(found, used, result.clusters)


def _write_named(
    source: SegmentsDocument,
    found: Sequence[Identification],
    destination: str,
    format_name: str | None,
    overwrite: bool,
) -> None:
    from pathlib import Path

    from pgvoice.hooks.answers import Labelled
    from pgvoice.hooks.formats.writing import save_labels, write_labels

    labelled = [Labelled(*pair) for pair in zip(source.segments, found, strict=True)]
    if destination == options.STANDARD_INPUT:
        click.echo(write_labels(labelled, format_name, source=source), nl=False)
    else:
        path = Path(destination)
        save_labels(labelled, path, format_name, source=source, overwrite=overwrite)


def _draw(path: Path, video: str, found: Sequence[Identification], used: Yardstick) -> None:
    from pgvoice.cli.pictures import timeline

    bars = [timeline.Bar(one.start, one.end, one.speaker, one.similarity) for one in found]
    limits = [band.threshold for band in rule.by_length(used)]
    timeline.draw(bars, path, f"Who speaks in {video}", *limits)
    click.echo(f"picture in {path}", err=True)


def write_answers(found: Sequence[Identification], labels: Sequence[str | None] | None) -> None:
    """A table of answers; with the labels of the segments' file, if it has any."""
    labelled = labels if labels is not None and any(labels) else None
    columns = [output.number("start"), output.number("end")]
    columns += [output.Column("label")] if labelled else []
    columns += [output.Column("speaker"), output.number("similarity"), output.Column("runner-up")]
    columns += [output.number("margin"), output.word("reason")]
    rows = []
    for place, answer in enumerate(found):
        row = [output.clock(answer.start), output.clock(answer.end)]
        row += [labelled[place] or output.NOTHING] if labelled else []
        row += [who(answer), output.similarity(answer.similarity)]
        row += [output.named(answer.runner_up, answer.runner_up_similarity)]
        row += [output.similarity(answer.margin), answer.reason]
        rows.append(row)
    output.write_table(columns, rows)


def who(answer: Identification) -> str:
    """The speaker; in parentheses the nearest person where nobody is named."""
    if answer.speaker is None and answer.nearest is not None:
        return f"({answer.nearest})"
    return answer.speaker or output.NOTHING


def _write_summary(
    found: Sequence[Identification], used: Yardstick, clusters: Sequence[ClusterSummary]
) -> None:
    reasons = Counter(answer.reason for answer in found).most_common()
    counts = ", ".join(f"{count:,} {reason}" for reason, count in reasons)
    click.echo(f"\n{output.counted(len(found), 'segment')}{': ' if counts else ''}{counts}")
    for cluster in clusters:
        click.echo(output.printable(str(cluster)))
    rule.write(used)


def _document(
    video: str,
    used: Yardstick,
    found: Sequence[Identification],
    labels: Sequence[str | None] | None,
) -> dict[str, object]:
    rows = [asdict(answer) for answer in found]
    if labels is not None:
        rows = [row | {"label": label} for row, label in zip(rows, labels, strict=True)]
    return {"video": video} | asdict(used) | {"segments": rows}
