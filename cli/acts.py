"""``pgvoice acts`` and ``pgvoice undo``: what people did, and taking it back."""

from __future__ import annotations

from collections.abc import Mapping

import click

from pgvoice.cli import options, output
from pgvoice.store.voice_store import VoiceStore
from pgvoice.store.voices.acts import Act, Undone

#: What the rows of a table are called, in the order in which they are told; others are not.
_ROWS = {
    "speaker": ("person", "people"),
    "consent": ("consent", "consents"),
    "enrollment": ("exemplar", "exemplars"),
    "profile": ("profile", "profiles"),
    "unknown_voice": ("unknown voice", "unknown voices"),
    "linked_voice": ("link", "links"),
    "verdict": ("statement", "statements"),
    "attribution_run": ("run", "runs"),
    "label": ("label", "labels"),
}


@click.command(epilog="Example: pgvoice acts --limit 10")
@options.integer("--limit", 1, "Show at most this many.", 20)
@options.wide_option
@options.store_options
def acts(store: VoiceStore, limit: int, as_json: bool) -> None:
    """List what people did, newest first.

    An act is what one command changed: people, exemplars, consents, labels, pins, names of unknown
    voices. `pgvoice undo` takes it back. Fills and erasures are no acts.
    """
    output.write_list(
        store.acts.list(limit=limit),
        as_json,
        [
            output.number("act"),
            "day",
            output.optional("by", 1),
            output.word("kind"),
            output.person("subject"),
            output.explanation("what changed"),
        ],
        lambda act: (
            str(act.number),
            output.day(act.at),
            output.author(act.author, act.on_behalf_of),
            act.kind,
            subject_of(act),
            _state(act) + told(act.changed),
        ),
        "nobody has changed anything yet that can be undone",
    )


@click.command(epilog="Example: pgvoice undo 12 --dry-run")
@click.argument("number", type=options.Count(1), required=False, metavar="[N]")
@options.dry_run("restored")
@options.store_options
def undo(store: VoiceStore, number: int | None, dry_run: bool, as_json: bool) -> None:
    """Undo an act: what it changed becomes what it was.

    N is its number in `pgvoice acts`; without N, it is the newest act that can be undone. If a
    later act depends on it, pgvoice says which one to undo first. What was erased since stays
    erased. An act can be undone once, for 90 days.
    """
    output.write(
        store.acts.undo(number, dry_run=dry_run), as_json, lambda done: _tell(done, dry_run)
    )


def _tell(done: Undone, dry_run: bool) -> None:
    act = f"act {done.number} ({done.kind} {done.subject})"
    click.echo(output.printable(f"{act} {output.done('undone', dry_run)}"))
    if restored := told(done.restored):
        click.echo(click.wrap_text(f"as before: {restored}", 80, subsequent_indent="  "))
    if left := told(done.left_out):
        output.say(f"erased or changed since, and left as it is: {left}")


def subject_of(act: Act) -> str:
    """Whom or what an act was done to, with the person if there is one."""
    speaker = act.details.get("speaker")
    if isinstance(speaker, str) and speaker not in act.subject:
        return f"{act.subject}: {speaker}"
    return act.subject


def _state(act: Act) -> str:
    if act.undone_at is not None:
        return "undone: "
    return f"final, {act.final_because}: " if act.final_because else ""


def told(rows: Mapping[str, int]) -> str:
    """``2 exemplars, 1 profile``."""
    return ", ".join(f"{count:,} {what}" for what, count in rows_told(rows))


def rows_told(rows: Mapping[str, int]) -> list[tuple[str, int]]:
    """What kinds of rows an act changed, in words, and how many; those that say something."""
    # A run's labels tell more than the run.
    counts = {
        table: 0 if table == "attribution_run" and rows.get("label") else rows[table]
        for table in rows
    }
    counts["label"] = counts.get("label") or counts.get("attribution", 0)
    return [
        (one if counts[table] == 1 else several, counts[table])
        for table, (one, several) in _ROWS.items()
        if counts.get(table)
    ]
