"""``pgvoice consent``: who agreed to be enrolled."""

from __future__ import annotations

from datetime import datetime

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import Group
from pgvoice.cli.privacy.erase import write_remains
from pgvoice.store.privacy.consents import Consent, StoredConsent
from pgvoice.store.voice_store import VoiceStore


@click.group(cls=Group)
def consent() -> None:
    """Record who agreed to be enrolled.

    Enrolling requires a valid consent on record, unless the tables were created with
    `pgvoice db upgrade --no-consent` or by a version of pgvoice without consents.
    """


@consent.command(epilog='Example: pgvoice consent grant Ada --evidence "form 7" --until 2028-03-01')
@click.argument("name")
@click.option("--evidence", metavar="TEXT", help="Where the consent is documented.")
@click.option("--by", "granted_by", metavar="WHO", help="Who agreed [NAME].")
@options.purpose_option
@options.until_option
@options.open_store
def grant(
    store: VoiceStore,
    name: str,
    evidence: str | None,
    granted_by: str | None,
    purpose: str,
    until: datetime | None,
) -> None:
    """Record that NAME agreed to be enrolled."""
    given = Consent(granted_by or name, purpose, evidence, expires_at=until)
    store.privacy.grant_consent(name, given)
    end = f" until {output.last_day(until)}" if until else ""
    click.echo(output.printable(f"{name}: {purpose}{end}"))


@consent.command(epilog="Example: pgvoice consent withdraw Ada")
@click.argument("name")
@options.yes_option
@options.open_store
def withdraw(store: VoiceStore, name: str, yes: bool) -> None:
    """End the consents of NAME and delete the voiceprint.

    Exemplars and profiles are deleted at once, so the name is not given to any speech again. Where
    the person speaks stays noted for `pgvoice erase speaker`, which deletes stored labels and the
    vectors of their segments too.
    """
    shown = output.printable(name)
    count = len(store.people.exemplars(name))
    options.confirm(f"Delete {output.counted(count, 'exemplar')} of {shown}?", yes)
    count = store.privacy.withdraw_consent(name)
    click.echo(f"consent of {shown} withdrawn, {output.counted(count, 'exemplar')} deleted")
    write_remains(store.privacy.remains(name))


@consent.command(epilog="Example: pgvoice consent require")
@click.option("--off", is_flag=True, help="Stop requiring consent.")
@options.open_store
def require(store: VoiceStore, off: bool) -> None:
    """Require consent, to be enrolled and to be named.

    Existing enrollments stay, but people without a valid consent are not named until they give one.
    """
    store.privacy.require_consent(required=not off)
    click.echo(_requires(not off))


@consent.command("list", epilog="Example: pgvoice consent list Ada --json")
@click.argument("name", required=False)
@options.wide_option
@options.store_options
def list_consents(store: VoiceStore, name: str | None, as_json: bool) -> None:
    """List what people agreed to, and whether it is valid."""
    found, required = store.privacy.consents(name), store.privacy.consent_required
    if as_json:
        output.write_json({"required": required, "consents": found})
        return
    rows = (
        (
            each.speaker,
            _state(each),
            each.consent.purpose,
            output.day(each.consent.granted_at),
            output.last_day(each.consent.expires_at),
            each.consent.evidence,
        )
        for each in found
    )
    told = _requires(required) + ("" if required else ": see `pgvoice consent require`")
    if found:
        granted, evidence = output.optional("granted", 2), output.explanation("evidence")
        columns = [output.person("speaker"), output.word("state"), output.optional("purpose", 1)]
        output.write_table([*columns, granted, "until", evidence], rows)
    click.echo(f"\n{told}" if found else f"no consent on record; {told}")


def _requires(required: bool) -> str:
    return "enrolling requires consent" if required else "enrolling does not require consent"


def _state(each: StoredConsent) -> str:
    if each.consent.withdrawn_at:
        return "withdrawn"
    return "valid" if each.valid else "expired"
