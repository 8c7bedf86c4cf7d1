"""``pgvoice encoder``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import click

from pgvoice.cli import options, output
from pgvoice.cli.checks.packages import install_command
from pgvoice.cli.db import place
from pgvoice.cli.encoder.switch import switch
from pgvoice.cli.group import Group
from pgvoice.hooks.encoders import registry
from pgvoice.hooks.encoders.registry import RegisteredEncoder
from pgvoice.store.database import embedded
from pgvoice.store.errors import DatabaseError
from pgvoice.store.recordings.encoders import StoredEncoder
from pgvoice.store.thresholds.requirement import Kind
from pgvoice.store.voice_store import VoiceStore


class _Stored(NamedTuple):
    """An encoder in the store, and which thresholds apply to its vectors."""

    encoder: StoredEncoder
    kind: Kind


@click.group(cls=Group)
def encoder() -> None:
    """Show the models that turn speech into vectors, and switch to another one."""


encoder.add_command(switch)


@encoder.command("list", epilog="Example: pgvoice encoder list")
@options.wide_option
@options.url_options
def list_encoders(url: str | None, as_json: bool) -> None:
    """List the available encoders and those in the store.

    Vectors of different encoders are never compared. The default encoder of a store answers unless
    you name another one: fill recordings and enroll people with it. An encoder's own threshold is
    for one person; `pgvoice thresholds` shows those in use.
    """
    available = sorted(registry.registered_encoders().values())
    stored, trouble = _stored(url)
    if as_json:
        known = None if trouble else list(map(_stored_document, stored))
        output.write_json({"available": list(map(_available_document, available)), "stored": known})
    else:
        rows = ((one.name, install_command(one.extra) or "yes", one.summary) for one in available)
        output.write_table(
            ["encoder", output.word("installed"), output.explanation("description")], rows
        )
        _write_stored(stored)
    if trouble:
        click.echo(f"Warning: the store could not be read: {trouble}", err=True)


def _stored(url: str | None) -> tuple[list[_Stored], str | None]:
    """The store's encoders, or why they cannot be read."""
    folder = place.embedded_folder(url)
    if folder is not None and not embedded.exists(folder):
        return [], None
    try:
        with VoiceStore.open(url) as store:
            required = store.thresholds.required
            found = store.encoders.list()
            return [_Stored(one, required(encoder=one.identity).kind) for one in found], None
    except DatabaseError as error:
        return [], str(error)


def _write_stored(stored: Sequence[_Stored]) -> None:
    if not stored:
        return
    click.echo()
    numbers = output.number("dimension", 1), output.number("own threshold")
    output.write_table(
        [
            *("stored encoder", output.word("default"), *numbers, output.word("in use")),
            output.explanation("its source"),
        ],
        (
            (
                *(str(one.identity), "yes" if one.is_default else "no"),
                *(one.identity.dimension, one.threshold.similarity, kind, one.threshold.source),
            )
            for one, kind in stored
        ),
    )


def _available_document(encoder: RegisteredEncoder) -> dict[str, object]:
    remedy = install_command(encoder.extra)
    named = {"name": encoder.name, "summary": encoder.summary}
    return named | {"installed": remedy is None, "remedy": remedy}


def _stored_document(found: _Stored) -> dict[str, object]:
    encoder = found.encoder
    return {
        "encoder": str(encoder.identity),
        "identity": encoder.identity,
        "is_default": encoder.is_default,
        "default_since": encoder.default_since,
        "threshold": encoder.threshold.similarity,
        "source": encoder.threshold.source,
        "kind": found.kind,
    }
