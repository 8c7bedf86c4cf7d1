"""``pgvoice enroll show``, ``check`` and ``restore``: how well people are enrolled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pgvoice.cli import options, output

if TYPE_CHECKING:
    from pgvoice.store.people.quality import Outlier, ProfileQuality
    from pgvoice.store.people.speakers import StoredExemplar
    from pgvoice.store.voice_store import VoiceStore


@click.command(epilog="Example: pgvoice enroll show Ada")
@click.argument("name")
@options.url_option
@options.json_option
def show(name: str, url: str | None, as_json: bool) -> None:
    """Show a person's exemplars, the least fitting first.

    Similarity is that to the profile, which the exemplar is part of; "to others" is leave-one-out:
    to the mean of the person's others that share no audio with it. One that is "outlying" may be of
    somebody else: see `pgvoice enroll check`. Speech is the share of the span with speech energy.
    """
    from pgvoice.store.voice_store import VoiceStore

    with VoiceStore.open(url) as store:
        exemplars, profiles = store.people.exemplars(name), store.people.quality(name)
    if as_json:
        output.write_json({"speaker": name, "profiles": profiles, "exemplars": exemplars})
    elif exemplars:
        _write_exemplars(exemplars)
        for profile in profiles:
            click.echo(f"\n{_told(profile)}")
    else:
        click.echo(f"{output.printable(name)} has no exemplars")


@click.command(
    epilog="""\b
Examples: pgvoice enroll check
          pgvoice enroll check Ada --drop-outliers --dry-run"""
)
@click.argument("name", required=False)
@click.option(
    "--drop-outliers",
    "drop",
    is_flag=True,
    help="Leave outlying exemplars out of the profile; `pgvoice enroll restore` takes them back.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be left out.")
@options.stored_encoder_option
@options.url_option
@options.json_option
def check(
    name: str | None, drop: bool, dry_run: bool, encoder: str | None, url: str | None, as_json: bool
) -> None:
    """Check how well people are enrolled: NAME, or everybody.

    An exemplar is outlying when its similarity to the person's others is under half-way between
    the threshold (calibrated, else the encoder's own) and the median of all such similarities;
    half of them never are. What is left out is kept, and marked.
    """
    from pgvoice.store.voice_store import VoiceStore

    if dry_run and not drop:
        raise click.UsageError("--dry-run goes with --drop-outliers")
    with VoiceStore.open(url) as store:
        profiles = store.people.quality(name, encoder=encoder)
        found = _dropped(store, profiles, encoder, dry_run) if drop else {}
    if as_json:
        output.write_json({"profiles": profiles, "left_out": found} if drop else profiles)
    elif drop:
        _write_outliers(found, dry_run)
    elif profiles:
        _write_profiles(profiles)
    else:
        click.echo("nobody is enrolled yet: see `pgvoice enroll add --help`")


@click.command(epilog="Example: pgvoice enroll restore Ada")
@click.argument("name")
@options.stored_encoder_option
@options.url_option
def restore(name: str, encoder: str | None, url: str | None) -> None:
    """Take back exemplars that were left out."""
    from pgvoice.store.voice_store import VoiceStore

    with VoiceStore.open(url) as store:
        restored = store.people.restore_exemplars(name, encoder=encoder)
    click.echo(f"{output.printable(name)}: {output.counted(restored, 'exemplar')} restored")


def _dropped(
    store: VoiceStore, profiles: Sequence[ProfileQuality], encoder: str | None, dry_run: bool
) -> dict[str, list[Outlier]]:
    names = sorted({profile.speaker for profile in profiles})
    dropped = {
        name: store.people.drop_outliers(name, encoder=encoder, dry_run=dry_run) for name in names
    }
    return {name: outliers for name, outliers in dropped.items() if outliers}


def _told(profile: ProfileQuality) -> str:
    others = output.named(profile.nearest_other, profile.nearest_similarity)
    return output.printable(
        f"{profile.encoder}: {output.counted(profile.exemplars, 'exemplar')} of"
        f" {output.clock(profile.seconds)}, {profile.excluded:,} excluded; cohesion"
        f" {output.similarity(profile.cohesion)}, to others"
        f" {output.similarity(profile.left_out_similarity)}; nearest other person {others}"
    )


def _write_exemplars(exemplars: Sequence[StoredExemplar]) -> None:
    columns = [output.number("similarity"), output.number("to others"), output.number("speech")]
    columns += [output.number("start"), output.number("end"), output.Column("source")]
    columns += [output.Column("encoder"), output.Column("note")]
    labels = output.short_labels(exemplar.encoder for exemplar in exemplars)
    rows = (
        (
            output.similarity(exemplar.similarity),
            output.similarity(exemplar.left_out_similarity),
            output.NOTHING if exemplar.quality is None else f"{exemplar.quality:.0%}",
            *_times(exemplar),
            exemplar.source,
            labels[exemplar.encoder],
            _note(exemplar),
        )
        for exemplar in exemplars
    )
    output.write_table(columns, rows)


def _times(exemplar: StoredExemplar) -> tuple[str, str]:
    """Nothing for a vector that came without its audio."""
    if not exemplar.end:
        return output.NOTHING, output.NOTHING
    return output.clock(exemplar.start), output.clock(exemplar.end)


def _note(exemplar: StoredExemplar) -> str:
    if exemplar.excluded:
        return "excluded"
    return "outlying" if exemplar.outlying else ""


def _write_profiles(profiles: Sequence[ProfileQuality]) -> None:
    columns = [output.Column("speaker"), output.Column("encoder"), output.number("exemplars")]
    columns += [output.number("outlying"), output.number("excluded"), output.number("audio")]
    columns += [output.number("cohesion"), output.number("to others")]
    columns += [output.Column("nearest other")]
    labels = output.short_labels(profile.encoder for profile in profiles)
    rows = (
        (
            profile.speaker,
            labels[profile.encoder],
            f"{profile.exemplars:,}",
            f"{profile.outlying:,}",
            f"{profile.excluded:,}",
            output.clock(profile.seconds),
            output.similarity(profile.cohesion),
            output.similarity(profile.left_out_similarity),
            output.named(profile.nearest_other, profile.nearest_similarity),
        )
        for profile in profiles
    )
    output.write_table(columns, rows)


def _write_outliers(found: dict[str, list[Outlier]], dry_run: bool) -> None:
    if not found:
        click.echo("no outlying exemplars")
        return
    columns = [output.Column("speaker"), output.number("to others"), output.number("needed")]
    columns += [output.number("start"), output.number("end"), output.Column("source")]
    rows = (
        (
            name,
            output.similarity(outlier.similarity),
            output.similarity(outlier.needed),
            output.clock(outlier.start),
            output.clock(outlier.end),
            outlier.source,
        )
        for name, outliers in found.items()
        for outlier in outliers
    )
    output.write_table(columns, rows)
    count = sum(len(outliers) for outliers in found.values())
    verb = "would be left out" if dry_run else "left out"
    click.echo(f"\n{output.counted(count, 'exemplar')} {verb} of the profile")
