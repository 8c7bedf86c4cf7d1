"""``pgvoice fill``."""

from __future__ import annotations

import click

from pgvoice.cli import options, output
from pgvoice.cli.errors import invalid_rows
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.errors import InvalidSegments
from pgvoice.hooks.fill.fill import fill as fill_missing
from pgvoice.hooks.formats.swapped import check_order
from pgvoice.hooks.results import FillReport
from pgvoice.store.errors import InvalidSegment
from pgvoice.store.recordings.turns import OnTurns, TurnsStored
from pgvoice.store.recordings.videos import OnAudioChange
from pgvoice.store.voice_store import VoiceStore


def _files(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str | None, str]:
    """AUDIO, which may be omitted, and SEGMENTS."""
    if len(values) > 2:
        raise click.UsageError(
            f"Unexpected argument {values[2]!r}: give VIDEO, AUDIO and SEGMENTS."
        )
    segments = options.segments_file.convert(values[-1], parameter, context)
    return (values[0] if len(values) == 2 else None), str(segments)


@click.command(
    epilog="""\b
Examples: pgvoice fill talk talk.mp3 talk.rttm --device cpu
          pgvoice fill talk talk.rttm"""
)
@click.argument("video")
@click.argument("files", nargs=-1, required=True, metavar="[AUDIO] SEGMENTS", callback=_files)
@options.model_options
@click.option(
    "--on-audio-change",
    type=click.Choice(["raise", "keep", "replace"]),
    default="raise",
    show_default=True,
    help="If AUDIO is not the file of earlier fills: fail, keep the stored segments and add to"
    " them, or replace them.",
)
@click.option(
    "--on-turns",
    type=click.Choice(["replace", "add", "ignore"]),
    default="replace",
    show_default=True,
    help="What becomes of the recording's stored turns: SEGMENTS replace them, are added to them,"
    " or leave them as they are.",
)
@options.format_option
@options.uri_option
@options.url_options
def fill(
    video: str,
    files: tuple[str | None, str],
    encoder: str | None,
    device: str | None,
    on_audio_change: OnAudioChange,
    on_turns: OnTurns,
    format_name: str | None,
    uri: str | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Compute the voice embeddings that a recording lacks.

    VIDEO is your own name for the recording and AUDIO its sound or video file. SEGMENTS is a file
    that says when somebody speaks, such as a transcript (see `pgvoice format list`), or - for
    standard input. Without AUDIO, pgvoice looks the file up in its audio sources: the folder
    PGVOICE_AUDIO and plugins.

    Stored segments are not computed again; if none is missing, AUDIO is not even opened. A fill
    that was stopped resumes where it ended. Segments that are not spans of time are named, the
    others are stored, and the exit code is 3.
    """
    audio, segments = files
    check_order(audio, segments)
    document = options.document_from(segments, format_name, uri)
    made = make_encoder(encoder, device=device)
    try:
        with VoiceStore.open(url) as store, output.progress("filling") as progress:
            report = fill_missing(
                store,
                made,
                video=video,
                audio=audio,
                segments=document.segments,
                on_audio_change=on_audio_change,
                on_turns=on_turns,
                source=None if segments == options.STANDARD_INPUT else segments,
                progress=progress,
            )
    except InvalidSegments as error:
        _write_report(error.report, as_json, error.errors)
        raise
    _write_report(report, as_json)


def _write_report(
    report: FillReport, as_json: bool, invalid: tuple[InvalidSegment, ...] = ()
) -> None:
    """Print what a fill found and did."""
    if as_json:
        output.write_json(report_document(report, invalid))
        return
    run = report.run
    click.echo(output.printable(f"{report.video}, {report.encoder}"))
    counts = {"requested": run.requested}
    if report.clean_parts:
        counts["clean parts"] = report.clean_parts
    counts |= {"already stored": run.hits, "missing": report.missing}
    counts |= {"filled": run.filled, **run.skipped}
    if invalid:
        counts["invalid"] = len(invalid)
    for name, count in counts.items():
        click.echo(f"  {name:<14} {count:>9,}")
    click.echo(summary(report))
    if report.turns is not None and report.turns.added + report.turns.removed:
        click.echo(output.printable(_turns(report.turns)))


def _turns(stored: TurnsStored) -> str:
    """How the stored turns changed, in one line."""
    if stored.added == stored.turns and not stored.removed:
        return f"{output.counted(stored.turns, 'turn')} stored"
    before = f" of {stored.source_before}" if stored.source_before else ""
    removed = f", {stored.removed:,}{before} removed" if stored.removed else ""
    return f"{output.counted(stored.turns, 'turn')} stored: {stored.added:,} new{removed}"


def summary(report: FillReport) -> str:
    """The work that a fill did, in one line."""
    run = report.run
    if not report.decoded:
        return f"{report.missing} missing, audio not opened, no model loaded"
    decoded = f"decoded in {run.decode_seconds:.1f} s"
    if report.segment_seconds:
        decoded += f", segmented in {report.segment_seconds:.1f} s"
    if not report.encoder_calls:
        return f"{decoded}, nothing to encode"
    return f"{decoded}, encoded in {run.encode_seconds:.1f} s on {run.device}"


def report_document(
    report: FillReport, invalid: tuple[InvalidSegment, ...] = ()
) -> dict[str, object]:
    """A report as JSON."""
    run = report.run
    return {
        "video": report.video,
        "turns": report.turns,
        "encoder": str(report.encoder),
        "requested": run.requested,
        "clean_parts": report.clean_parts,
        "already_stored": run.hits,
        "missing": report.missing,
        "filled": run.filled,
        "skipped": dict(run.skipped),
        "invalid": invalid_rows(invalid),
        "audio_decoded": report.decoded,
        "encoder_calls": report.encoder_calls,
        "decode_seconds": run.decode_seconds,
        "encode_seconds": run.encode_seconds,
        "segmenter": report.segmenter,
        "segment_seconds": report.segment_seconds,
        "device": run.device,
    }
