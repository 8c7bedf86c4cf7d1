"""``pgvoice encoder switch --drop``: deletes an encoder with what was computed with it."""

from __future__ import annotations

import click

from pgvoice.cli import options, output
from pgvoice.store.encoders.dropping import Dropped
from pgvoice.store.voice_store import VoiceStore


def drop_encoder(
    store: VoiceStore, name: str, *, force: bool, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Say what would be deleted, ask, and delete it."""
    encoder = store.encoders.find(name).identity
    covered = store.recordings.coverage(encoder=encoder)
    vectors = output.counted(sum(each.embedded for each in covered), "vector")
    if not as_json:
        output.say(f"{encoder}: {vectors} of {output.counted(len(covered), 'recording')}")
    if dry_run:
        click.echo("nothing was deleted", err=as_json)
        return
    options.confirm(f"Delete everything that was computed with {encoder}?", yes)
    output.write(store.encoders.drop(encoder, force=force), as_json, _write)


def _write(found: Dropped) -> None:
    output.say(
        f"deleted {found.encoder}: {output.counted(found.vectors, 'vector')},"
        f" {output.counted(found.exemplars, 'exemplar')}, {output.counted(found.labels, 'label')}"
    )
    if found.kept_opt_outs:
        output.say(
            f"kept: {output.counted(found.kept_opt_outs, 'voice')} of people who opted out, whom"
            " only this encoder recognises"
        )
