"""``pgvoice identify``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, Unpack

import click

from pgvoice.cli import options, output
from pgvoice.cli.answers.roster import one_name_option, roster_options, speakers_from
from pgvoice.cli.errors import InvalidSegmentFailure, finite, invalid_rows
from pgvoice.cli.pictures import timeline
from pgvoice.cli.thresholds.rule import document, write_rule
from pgvoice.hooks.errors import invalid_text
from pgvoice.hooks.identify import identify as ask
from pgvoice.hooks.results import IdentifyResult, Labelled, with_voices_as_names
from pgvoice.store.answers.identify import Identification
from pgvoice.store.thresholds.requirement import Requirement
from pgvoice.store.voice_store import VoiceStore

if TYPE_CHECKING:
    from pgvoice.hooks.formats.reading import SegmentsDocument


@click.command(
    epilog="""\b
Examples: pgvoice identify talk
          pgvoice identify talk talk.rttm --threshold 0.6
          pgvoice identify talk --speakers Ada --speakers "Bob Ray"
          pgvoice identify talk --voices
          pgvoice identify talk talk.json --output named.json
          pgvoice identify talk talk.rttm --output - --output-format whisperx
          pgvoice identify talk --plot talk.html"""
)
@click.argument("video")
@click.argument("segments", type=options.segments_file, required=False)
@options.clusters_option
@one_name_option
@roster_options
@click.option(
    "--voices",
    is_flag=True,
    help="Show the unknown voice of segments in which nobody is named, also in FILE.",
)
@click.option(
    "--output",
    "named",
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write the segments with names to a new FILE, in the format of its suffix; with -, to"
    " standard output instead of the table.",
)
@click.option(
    "--output-format",
    "named_format",
    metavar="NAME",
    help="Format of FILE if its suffix does not tell, see `pgvoice format list`.",
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
    clusters: bool | None,
    one_label_one_name: bool,
    speakers: tuple[str, ...],
    roster: TextIO | None,
    voices: bool,
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
    without SEGMENTS, every stored turn gets an answer. A person is named only if the segment is
    similar enough; otherwise `reason` says why not, and the nearest person is in parentheses. If
    that is `suggested`, somebody should listen: the nearest person or the runner-up may speak.
    Segments with the same label of the diarizer are judged together; a label that covers several
    people is split. --voices needs linked voices, see `pgvoice voices`. Segments that are not
    spans of time are shown as `invalid`, the others are answered, and the exit code is 3.
    """
    if one_label_one_name and clusters is False:
        raise click.UsageError("--one-label-one-name judges by labels: leave out --no-clusters.")
    if named is None and (overwrite or named_format is not None):
        option = "--overwrite" if overwrite else "--output-format"
        raise click.UsageError(f"{option} needs --output: the file to write.")
    source = None if segments is None else options.document_from(segments, format_name, uri)
    with VoiceStore.open(url) as store:
        given = None if source is None else source.segments
        among = speakers_from(store, speakers, roster)
        found = ask(
            store,
            video,
            given,
            clusters=clusters,
            one_label_one_name=one_label_one_name,
            speakers=among,
            voices=voices,
            **rule,
        )
        required = store.thresholds.required(gallery=len(among) if among else None, **rule)
    if (clusters or one_label_one_name) and not any(each.segment.label for each in found.labels):
        option = "--clusters" if clusters else "--one-label-one-name"
        raise click.UsageError(f"{option} needs segments with a diarizer's labels.")
    if picture is not None:
        _draw(picture, video, found.labels)
    if named is not None:
        _write_named(found, source, named, named_format, overwrite)
    if named == options.STANDARD_INPUT:
        pass
    elif as_json:
        output.write_json(_document(found, required))
    else:
        write_answers(found.labels)
        _write_summary(found, required)
    if found.invalid:
        raise InvalidSegmentFailure(invalid_text(found.invalid, "answered"))


def _write_named(
    found: IdentifyResult,
    source: SegmentsDocument | None,
    destination: str,
    format_name: str | None,
    overwrite: bool,
) -> None:
    """Write the document with names, or a new one of the stored turns."""
    from pgvoice.hooks.formats.writing import save_labels, write_labels

    uri, labels = None if source else found.video, with_voices_as_names(found.labels)
    if destination == options.STANDARD_INPUT:
        output.write_document(write_labels(labels, format_name, source=source, uri=uri))
    else:
        save_labels(
            labels,
            Path(destination),
            format_name,
            source=source,
            uri=uri,
            overwrite=overwrite,
        )


def _draw(path: Path, video: str, found: Sequence[Labelled]) -> None:
    answers = [each.identification for each in found if each.identification]
    bars = [
        timeline.Bar(one.start, one.end, one.speaker, one.similarity, one.suggestion)
        for one in answers
    ]
    limits = sorted(one.threshold for one in answers if one.threshold is not None)
    ends = dict.fromkeys((*limits[:1], *limits[-1:]))
    timeline.draw(bars, path, f"Who speaks in {video}", *ends)
    click.echo(f"picture in {path}", err=True)


def write_answers(found: Sequence[Labelled]) -> None:
    """Print a table of answers, with the diarizer's labels if there are any."""
    labelled = any(each.segment.label for each in found)
    suggested = any(each.suggestion for each in found)
    columns: list[str | output.Column] = [*output.numbers("start", "end")]
    columns += [output.optional("label", 4)] if labelled else []
    voices = any(each.voice for each in found)
    columns += [output.person("speaker"), *output.numbers(*(["voice"] if voices else []))]
    columns += [output.number("similarity")]
    # A suggestion is never shown without its rival.
    columns += [output.person("runner-up", 0 if suggested else 2), output.number("margin", 3)]
    output.write_table(
        [*columns, output.number("threshold", 1), output.word("reason")],
        (
            (
                *_times(each),
                *([each.segment.label or None] if labelled else []),
                who(each.identification) if each.identification else None,
                *([_number(each.voice)] if voices else []),
                *_answer(each.identification),
                each.reason,
            )
            for each in found
        ),
    )


def _times(labelled: Labelled) -> tuple[str, str]:
    """Start and end on the store's grid; as given if they are no span of time."""
    answer, given = labelled.identification, labelled.segment
    if answer is None:
        return f"{given.start:g}", f"{given.end:g}"
    return output.clock(answer.start), output.clock(answer.end)


def _answer(answer: Identification | None) -> tuple[output.Cell, ...]:
    """Similarity, runner-up, margin and threshold."""
    if answer is None:
        return None, None, None, None
    runner_up = output.named(answer.runner_up, answer.runner_up_similarity)
    return answer.similarity, runner_up, answer.margin, answer.threshold


def _number(voice: int | None) -> str | None:
    return None if voice is None else str(voice)


def who(answer: Identification) -> str:
    """The speaker, or the nearest person in parentheses, with a question mark if suggested."""
    if answer.speaker is None and answer.nearest is not None:
        return f"({answer.nearest}?)" if answer.suggestion else f"({answer.nearest})"
    return answer.speaker or output.NOTHING


def _write_summary(found: IdentifyResult, required: Requirement) -> None:
    reasons = Counter(each.reason for each in found.labels).most_common()
    counts = ", ".join(f"{count:,} {reason}" for reason, count in reasons)
    click.echo(f"\n{output.counted(len(found.labels), 'segment')}{': ' if counts else ''}{counts}")
    suggestions = Counter(str(each.suggestion) for each in found.labels if each.suggestion)
    if suggestions:
        told = ", ".join(f"{count:,} {pair}" for pair, count in suggestions.most_common())
        output.say(f"suggested: {told}")
    for cluster in found.clusters:
        click.echo(output.printable(str(cluster)))
    write_rule(required)


def _document(found: IdentifyResult, required: Requirement) -> dict[str, object]:
    return (
        {"video": found.video}
        | document(required)
        | {
            "segments": [
                _row(each) | {"label": each.segment.label, "voice": each.unknown_voice}
                for each in found.labels
            ],
            "invalid": invalid_rows(found.invalid),
            "clusters": found.clusters,
        }
    )


def _row(labelled: Labelled) -> dict[str, object]:
    """The fields of an answer; those of an invalid segment are null but its times as given."""
    if labelled.identification:
        return output.in_seconds(labelled.identification)
    given = {"start": finite(labelled.segment.start), "end": finite(labelled.segment.end)}
    others = [each.name for each in fields(Identification) if not each.name.endswith("_ms")]
    return given | dict.fromkeys(others) | {"reason": labelled.reason}
