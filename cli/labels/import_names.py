"""``pgvoice labels import``: an edited transcript becomes pins."""

from __future__ import annotations

import click

from pgvoice.cli import options, output
from pgvoice.hooks.labels_import import LabelsImport, NameChange, import_labels
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore

#: How many stretches without a turn are listed.
LISTED = 5


@click.command(
    "import",
    epilog="""\b
Examples: pgvoice labels export talk --output talk.vtt
          pgvoice labels import talk talk.vtt --dry-run""",
)
@click.argument("video")
@click.argument("document", type=options.segments_file)
@click.option("--new", is_flag=True, help="Accept names that nobody has yet: add these people.")
@options.dry_run("pinned")
@options.yes_option
@options.format_option
@options.uri_option
@options.stored_encoder_option
@options.wide_option
@options.store_options
def import_(
    store: VoiceStore,
    video: str,
    document: str,
    new: bool,
    dry_run: bool,
    yes: bool,
    format_name: str | None,
    uri: str | None,
    encoder: str | None,
    as_json: bool,
) -> None:
    """Pin the names that somebody changed in a transcript.

    DOCUMENT is a file as for `pgvoice fill`, with people's names as labels: `pgvoice labels export`
    writes one to edit. Turns with another name than their label are shown, and pinned. A label of
    the diarizer, such as SPEAKER_00, changes nothing; nor does the text.
    """
    segments = options.document_from(document, format_name, uri).segments
    found = import_labels(store, video, segments, dry_run=True, encoder=encoder)
    if not as_json:
        _write_changes(found)
    if not found.changes or dry_run:
        _write(found, as_json)
        return
    if found.new and not new:
        raise click.UsageError(
            f"Nobody is called {', '.join(found.new)}: correct the document, or add them with"
            " --new."
        )
    options.confirm(f"Pin {output.counted(len(found.changes), 'turn')}?", yes)
    _write(import_labels(store, video, segments, new=new, encoder=encoder), as_json)


def _write_changes(found: LabelsImport) -> None:
    if found.changes:
        output.write_table(
            [
                *output.numbers("start", "end"),
                output.optional("label", 1),
                output.person("from"),
                output.person("to"),
            ],
            [_row(each, found) for each in found.changes],
        )
        click.echo()
    for turn in found.unmatched[:LISTED]:
        output.say(f"no stored turn: {_span(turn)} {turn.label}")
    if len(found.unmatched) > LISTED:
        output.say(f"no stored turn: {len(found.unmatched) - LISTED:,} more")
    if found.nameless:
        turns = output.counted(found.nameless, "turn")
        output.say(f"{turns} without a name in the document left as they are")


def _row(change: NameChange, found: LabelsImport) -> tuple[output.Cell, ...]:
    to = f"{change.after} (new)" if change.after in found.new else change.after
    return output.clock(change.start), output.clock(change.end), change.label, change.before, to


def _span(turn: Turn) -> str:
    return f"{output.clock(turn.start)}-{output.clock(turn.end)}"


def _write(found: LabelsImport, as_json: bool) -> None:
    if as_json:
        output.write_json(_document(found))
    elif not found.changes:
        output.say(f"no name differs from the labels of {found.video}")
    elif found.act is None:
        click.echo(f"{output.counted(len(found.changes), 'turn')} would be pinned")
    else:
        pinned = f"{output.counted(len(found.changes), 'turn')} pinned"
        click.echo(f"{pinned} (act {found.act}: `pgvoice undo {found.act}`)")


def _document(found: LabelsImport) -> dict[str, object]:
    return {
        "video": found.video,
        "encoder": found.encoder,
        "act": found.act,
        "changes": [output.in_seconds(each) for each in found.changes],
        "new": found.new,
        "unmatched": found.unmatched,
        "nameless": found.nameless,
    }
