"""``pgvoice identify``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Unpack

import click

from pgvoice.cli import options, output
from pgvoice.cli.pictures import timeline
from pgvoice.cli.thresholds.rule import write_rule
from pgvoice.hooks.formats.reading import SegmentsDocument
from pgvoice.hooks.formats.writing import save_labels, write_labels
from pgvoice.hooks.identify import identify as ask
from pgvoice.hooks.results import Labelled
from pgvoice.store.answers.clusters import ClusterSummary
from pgvoice.store.answers.identify import Identification
from pgvoice.store.thresholds.requirement import Requirement
from pgvoice.store.voice_store import VoiceStore


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
    help="Judge segments with the same label in SEGMENTS together if one alone says too little.",
)
@click.option(
    "--output",
    "named",
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write SEGMENTS with names to a new FILE, in the format of its suffix; with -, to"
    " standard output instead of the table.",
)
@click.option(
    "--output-format",
    "named_format",
    metavar="NAME",
    help="Format of FILE if its suffix does not tell: json, rttm, srt, vtt or whisperx.",
)
@click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
@options.rule_options
@options.format_option
@options.uri_option
@options.url_option
@options.plot_option
@options.wide_option
@options.json_option
def identify(
    video: str,
    segments: str | None,
    by_cluster: bool,
    named: str | None,
    named_format: str | None,
    overwrite: bool,
    format_name: str | None,
    uri: str | None,
    url: str | None,
    picture: Path | None,
    as_json: bool,
    **rule: Unpack[options.Rule],
) -> None:
    """Show who speaks in a recording, segment by segment.

    VIDEO is the name that the recording was filled under, SEGMENTS a file as for `pgvoice fill`;
    without SEGMENTS, every stored segment gets an answer. A person is named only if the segment
    is similar enough; otherwise `reason` says why not, and the nearest person is in parentheses.
    With --clusters, segments with the same label of the diarizer are judged together; a label
    that covers several people is split.
    """
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
        spans = None if given is None else options.spans(given)
        result = ask(store, video, spans, labels if by_cluster else None, **rule)
        required = store.thresholds.required(**rule)
    found = result.answers
    if picture is not None:
        _draw(picture, video, found, required)
    if source is not None and named is not None:
        _write_named(source, found, named, named_format, overwrite)
    if named == options.STANDARD_INPUT:
        return
    if as_json:
        document = _document(video, required, found, labels)
        output.write_json(document | {"clusters": result.clusters} if by_cluster else document)
    else:
        write_answers(found, labels)
        _write_summary(found, required, result.clusters)


def _write_named(
    source: SegmentsDocument,
    found: Sequence[Identification],
    destination: str,
    format_name: str | None,
    overwrite: bool,
) -> None:
    labelled = [Labelled(*pair) for pair in zip(source.segments, found, strict=True)]
    if destination == options.STANDARD_INPUT:
        output.write_document(write_labels(labelled, format_name, source=source))
    else:
        path = Path(destination)
        save_labels(labelled, path, format_name, source=source, overwrite=overwrite)


def _draw(path: Path, video: str, found: Sequence[Identification], required: Requirement) -> None:
    bars = [timeline.Bar(one.start, one.end, one.speaker, one.similarity) for one in found]
    limits = [band.threshold for band in required.by_length]
    timeline.draw(bars, path, f"Who speaks in {video}", *limits)
    click.echo(f"picture in {path}", err=True)


def write_answers(found: Sequence[Identification], labels: Sequence[str | None] | None) -> None:
    """Print a table of answers, with the labels from the file of segments if it has any."""
    labelled = labels if labels is not None and any(labels) else None
    columns: list[str | output.Column] = [*output.numbers("start", "end")]
    columns += [output.optional("label", 3)] if labelled else []
    columns += [output.person("speaker"), output.number("similarity")]
    columns += [output.person("runner-up", 1), output.number("margin", 2)]
    output.write_table(
        [*columns, output.word("reason")],
        (
            (
                output.clock(answer.start),
                output.clock(answer.end),
                *([labelled[place] or None] if labelled else []),
                who(answer),
                answer.similarity,
                output.named(answer.runner_up, answer.runner_up_similarity),
                answer.margin,
                answer.reason,
            )
            for place, answer in enumerate(found)
        ),
    )


def who(answer: Identification) -> str:
    """The speaker, or the nearest person in parentheses."""
    if answer.speaker is None and answer.nearest is not None:
        return f"({answer.nearest})"
    return answer.speaker or output.NOTHING


def _write_summary(
    found: Sequence[Identification], required: Requirement, clusters: Sequence[ClusterSummary]
) -> None:
    reasons = Counter(answer.reason for answer in found).most_common()
    counts = ", ".join(f"{count:,} {reason}" for reason, count in reasons)
    click.echo(f"\n{output.counted(len(found), 'segment')}{': ' if counts else ''}{counts}")
    for cluster in clusters:
        click.echo(output.printable(str(cluster)))
    write_rule(required)


def _document(
    video: str,
    required: Requirement,
    found: Sequence[Identification],
    labels: Sequence[str | None] | None,
) -> dict[str, object]:
    rows = [output.in_seconds(answer) for answer in found]
    if labels is not None:
        rows = [row | {"label": label} for row, label in zip(rows, labels, strict=True)]
    return {"video": video} | asdict(required) | {"segments": rows}
