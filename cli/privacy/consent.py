"""``pgvoice consent``: who agreed to be known by voice."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import Group

if TYPE_CHECKING:
    from pgvoice.store.privacy.consents import StoredConsent


@click.group(cls=Group)
def consent() -> None:
    """Keep who agreed to be enrolled.

    Nobody is enrolled without a consent that counts, unless the tables were created by
    `pgvoice db upgrade --no-consent`, or older than that is.
    """


@consent.command(
    epilog='Example: pgvoice consent grant Ada --evidence "form of 2026-03-01" --until 2028-03-01'
)
@click.argument("name")
@click.option("--evidence", metavar="TEXT", help="Where it is written down.")
@click.option("--by", "granted_by", metavar="WHO", help="Who agreed [NAME].")
@options.purpose_option
@options.until_option
@options.url_option
def grant(
    name: str,
    evidence: str | None,
    granted_by: str | None,
    purpose: str,
    until: datetime | None,
    url: str | None,
) -> None:
    """Keep that NAME may be enrolled."""
    from pgvoice.store.privacy.consents import Consent
    from pgvoice.store.voice_store import VoiceStore

    given = Consent(granted_by or name, purpose, evidence, expires_at=until)
    with VoiceStore.open(url) as store:
        store.privacy.grant_consent(name, given)
    end = f" until {until:%Y-%m-%d}" if until else ""
    click.echo(output.printable(f"{name}: {purpose}{end}"))


@consent.command(epilog="Example: pgvoice consent withdraw Ada")
@click.argument("name")
@options.yes_option
@options.url_option
def withdraw(name: str, yes: bool, url: str | None) -> None:
    """End the consents of NAME, and delete the voice.

    Exemplars and profiles go at once, so that nobody is called by that name any more; labels that
    were kept stay, and go with `pgvoice erase speaker`.
    """
    from pgvoice.store.voice_store import VoiceStore

    shown = output.printable(name)
    with VoiceStore.open(url) as store:
        count = len(store.people.exemplars(name))
        options.confirm(f"Delete {output.counted(count, 'exemplar')} of {shown}?", yes)
        count = store.privacy.withdraw_consent(name)
    click.echo(f"consent of {shown} withdrawn, {output.counted(count, 'exemplar')} deleted")


@consent.command(epilog="Example: pgvoice consent require")
@click.option("--off", is_flag=True, help="Enroll without a consent from now on.")
@options.url_option
def require(off: bool, url: str | None) -> None:
    """Ask for a consent from now on.

    Who is enrolled already stays.
    """
    from pgvoice.store.voice_store import VoiceStore

    with VoiceStore.open(url) as store:
        store.privacy.require_consent(required=not off)
    click.echo("enrolling asks for no consent" if off else "enrolling needs a consent")


@consent.command("list", epilog="Example: pgvoice consent list Ada --json")
@click.argument("name", required=False)
@options.url_option
@options.json_option
def list_consents(name: str | None, url: str | None, as_json: bool) -> None:
    """List what people agreed to, and whether it counts."""
    from pgvoice.store.voice_store import VoiceStore

    with VoiceStore.open(url) as store:
        found, required = store.privacy.consents(name), store.privacy.consent_required
    if as_json:
        output.write_json({"required": required, "consents": found})
        return
    if found:
        _write(found)
    needs = "needs a consent" if required else "asks for no consent: `pgvoice consent require`"
    click.echo(f"\nenrolling {needs}" if found else f"nobody's consent is kept; enrolling {needs}")


def _write(found: list[StoredConsent]) -> None:
    columns = [output.Column(each) for each in ("speaker", "state", "purpose", "granted", "until")]
    rows = (
        (
            each.speaker,
            _state(each),
            each.consent.purpose,
            output.day(each.consent.granted_at),
            output.day(each.consent.expires_at),
            each.consent.evidence or output.NOTHING,
        )
        for each in found
    )
    output.write_table([*columns, output.Column("evidence")], rows)


def _state(each: StoredConsent) -> str:
    if each.consent.withdrawn_at:
        return "withdrawn"
    return "counts" if each.valid else "expired"
