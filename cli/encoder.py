"""``pgvoice encoder``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pgvoice.cli import options, output
from pgvoice.cli.db import place
from pgvoice.cli.doctor.extras import missing_packages
from pgvoice.cli.group import Group
from pgvoice.cli.thresholds import rule

if TYPE_CHECKING:
    from pgvoice.hooks.encoders.registry import RegisteredEncoder
    from pgvoice.store.recordings.encoders import StoredEncoder


@click.group(cls=Group)
def encoder() -> None:
    """See the models that turn speech into vectors."""


@encoder.command("list", epilog="Example: pgvoice encoder list")
@options.url_option
@options.json_option
def list_encoders(url: str | None, as_json: bool) -> None:
    """List what can be used here and what the store has.

    Vectors of different encoders are never compared: a recording is filled, and people are
    enrolled, with one and the same.
    """
    from pgvoice.hooks.encoders.registry import registered_encoders

    available = sorted(registered_encoders().values())
    stored, trouble = _stored(url)
    if as_json:
        output.write_json(
            {
                "available": [_available_document(encoder) for encoder in available],
                "stored": None if trouble else [_stored_document(found) for found in stored],
            }
        )
    else:
        _write_available(available)
        _write_stored(stored)
    if trouble:
        click.echo(f"Warning: the store was not asked: {trouble}", err=True)


def _stored(url: str | None) -> tuple[list[StoredEncoder], str | None]:
    """The store's encoders, or why they cannot be told."""
    from pgvoice.store.database import embedded
    from pgvoice.store.errors import DatabaseError
    from pgvoice.store.voice_store import VoiceStore

    folder = place.embedded_folder(url)
    if folder is not None and not embedded.exists(folder):
        return [], None
    try:
        with VoiceStore.open(url) as store:
            return store.recordings.encoders(), None
    except DatabaseError as error:
        return [], str(error)


def _remedy(encoder: RegisteredEncoder) -> str | None:
    """The line that installs what an encoder lacks; None for one that can be used."""
    lacking = encoder.extra and missing_packages(encoder.extra)
    return f'pip install "pgvoice[{encoder.extra}]"' if lacking else None


def _write_available(available: Sequence[RegisteredEncoder]) -> None:
    columns = [output.Column("encoder"), output.Column("installed"), output.Column("what it is")]
    rows = ((encoder.name, _remedy(encoder) or "yes", encoder.summary) for encoder in available)
    output.write_table(columns, rows)


def _write_stored(stored: Sequence[StoredEncoder]) -> None:
    if not stored:
        return
    columns = [output.Column("in the store"), output.number("dimension")]
    columns += [output.number("threshold"), output.Column("where that is from")]
    click.echo()
    output.write_table(
        columns,
        (
            (
                str(found.identity),
                str(found.identity.dimension),
                output.similarity(found.threshold.similarity),
                _origin(found),
            )
            for found in stored
        ),
    )


def _origin(found: StoredEncoder) -> str:
    """Of the encoder's own threshold, which counts unless there is a calibration."""
    if found.calibrated:
        return "not used: `pgvoice calibrate --list` has this library's own"
    return f"{rule.UNCALIBRATED}; {found.threshold.source}"


def _available_document(encoder: RegisteredEncoder) -> dict[str, object]:
    remedy = _remedy(encoder)
    return {
        "name": encoder.name,
        "summary": encoder.summary,
        "installed": remedy is None,
        "remedy": remedy,
    }


def _stored_document(found: StoredEncoder) -> dict[str, object]:
    return {
        "encoder": str(found.identity),
        "identity": found.identity,
        "threshold": found.threshold.similarity,
        "source": found.threshold.source,
        "calibrated": found.calibrated,
    }
