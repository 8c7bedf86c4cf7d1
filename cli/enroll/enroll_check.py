"""``pgvoice enroll show``, ``check`` and ``restore``: how well people are enrolled."""

from __future__ import annotations

from collections.abc import Sequence

import click

from pgvoice.cli import options, output
from pgvoice.cli.answers.answering import say_encoder
from pgvoice.store.people.quality import Outlier, ProfileQuality
from pgvoice.store.people.speakers import StoredExemplar
from pgvoice.store.voice_store import VoiceStore

NOBODY = "nobody is enrolled yet: see `pgvoice enroll add --help`"


@click.command(epilog="Example: pgvoice enroll show Ada")
@click.argument("name")
@options.stored_encoder_option
@options.wide_option
@options.store_options
def show(store: VoiceStore, name: str, encoder: str | None, as_json: bool) -> None:
    """Show a person's exemplars, those that fit least first.

    N names an exemplar for `pgvoice enroll drop`; it never changes.
    "similarity" compares an exemplar with the profile, which it is part of; "to others" compares it
    with the mean of the person's other exemplars that share no audio with it. An "outlying" one may
    be the voice of somebody else: see `pgvoice enroll check`. "speech" is the share of the span
    that has the energy of speech.
    """
    exemplars = store.people.exemplars(name, encoder=encoder)
    profiles = store.people.quality(name, encoder=encoder)
    if as_json:
        output.write_json({"speaker": name, "profiles": profiles, "exemplars": exemplars})
    elif exemplars:
        _write_exemplars(exemplars)
        for profile in profiles:
            click.echo(f"\n{_summary(profile)}")
    else:
        click.echo(f"{output.printable(name)} has no exemplars")
        say_encoder(store, encoder, as_json=as_json)


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
    help="Exclude outlying exemplars from the profile; `pgvoice enroll restore` includes them"
    " again.",
)
@options.dry_run("excluded")
@options.stored_encoder_option
@options.wide_option
@options.url_options
def check(
    name: str | None, drop: bool, dry_run: bool, encoder: str | None, url: str | None, as_json: bool
) -> None:
    """Check how well people are enrolled: NAME, or everybody.

    An exemplar is outlying if its similarity to the person's other exemplars is below the
    midpoint between the threshold (calibrated, or the encoder's default) and the median of all such
    similarities. Outliers are always fewer than half. Excluded exemplars stay in the store, marked.
    """
    if dry_run and not drop:
        raise click.UsageError("--dry-run needs --drop-outliers.")
    with VoiceStore.open(url) as store:
        profiles = store.people.quality(name, encoder=encoder)
        found = _dropped(store, profiles, encoder, dry_run) if drop else {}
        _write_check(profiles, found if drop else None, dry_run, as_json)
        say_encoder(store, encoder, as_json=as_json)


def _write_check(
    profiles: Sequence[ProfileQuality],
    found: dict[str, list[Outlier]] | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    if as_json:
        output.write_json(profiles if found is None else {"profiles": profiles, "left_out": found})
    elif found is not None:
        _write_outliers(found, dry_run)
    elif profiles:
        _write_profiles(profiles)
    else:
        click.echo(NOBODY)


@click.command(epilog="Example: pgvoice enroll restore Ada")
@click.argument("name")
@options.stored_encoder_option
@options.open_store
def restore(store: VoiceStore, name: str, encoder: str | None) -> None:
    """Include excluded exemplars in the profile again."""
    restored = store.people.restore_exemplars(name, encoder=encoder)
    click.echo(f"{output.printable(name)}: {output.counted(restored, 'exemplar')} restored")


def _dropped(
    store: VoiceStore, profiles: Sequence[ProfileQuality], encoder: str | None, dry_run: bool
) -> dict[str, list[Outlier]]:
    dropped = {}
    for name in sorted({profile.speaker for profile in profiles}):
        outliers = store.people.drop_outliers(name, encoder=encoder, dry_run=dry_run)
        if outliers:
            dropped[name] = outliers
    return dropped


def _summary(profile: ProfileQuality) -> str:
    others = output.named(profile.nearest_other, profile.nearest_similarity)
    return output.printable(
        f"{profile.encoder}: {output.counted(profile.exemplars, 'exemplar')} of"
        f" {output.clock(profile.seconds)}, {profile.excluded:,} excluded; cohesion"
        f" {output.similarity(profile.cohesion)}, to others"
        f" {output.similarity(profile.left_out_similarity)}; nearest other person {others}"
    )


def _write_exemplars(exemplars: Sequence[StoredExemplar]) -> None:
    labels = output.short_labels(exemplar.encoder for exemplar in exemplars)
    numbers = *output.numbers("N", "similarity"), output.number("to others", 3)
    spoken = output.number("speech", 2), *output.numbers("start", "end")
    output.write_table(
        [*numbers, *spoken, "source", output.encoder("encoder", labels), output.word("note")],
        (
            (
                str(exemplar.number),
                exemplar.similarity,
                exemplar.left_out_similarity,
                None if exemplar.quality is None else f"{exemplar.quality:.0%}",
                *_times(exemplar),
                exemplar.source,
                labels[exemplar.encoder],
                _note(exemplar),
            )
            for exemplar in exemplars
        ),
    )


def _times(exemplar: StoredExemplar) -> tuple[str, str]:
    """Start and end, unless the vector was imported without its audio."""
    if not exemplar.end:
        return output.NOTHING, output.NOTHING
    return output.clock(exemplar.start), output.clock(exemplar.end)


def _note(exemplar: StoredExemplar) -> str:
    if exemplar.excluded:
        return "excluded"
    return "outlying" if exemplar.outlying else ""


def _write_profiles(profiles: Sequence[ProfileQuality]) -> None:
    labels = output.short_labels(profile.encoder for profile in profiles)
    exemplars = output.number("exemplars"), output.number("outlying"), output.number("excluded", 3)
    fit = output.number("audio", 2), *output.numbers("cohesion", "to others")
    nearest = output.person("nearest other", 4)
    output.write_table(
        [output.person("speaker"), output.encoder("encoder", labels), *exemplars, *fit, nearest],
        (
            (
                profile.speaker,
                labels[profile.encoder],
                profile.exemplars,
                profile.outlying,
                profile.excluded,
                output.clock(profile.seconds),
                profile.cohesion,
                profile.left_out_similarity,
                output.named(profile.nearest_other, profile.nearest_similarity),
            )
            for profile in profiles
        ),
    )


def _write_outliers(found: dict[str, list[Outlier]], dry_run: bool) -> None:
    if not found:
        click.echo("no outlying exemplars")
        return
    numbers = output.numbers("to others", "required", "start", "end")
    output.write_table(
        [output.person("speaker"), *numbers, "source"],
        (
            (
                name,
                outlier.similarity,
                outlier.needed,
                output.clock(outlier.start),
                output.clock(outlier.end),
                outlier.source,
            )
            for name, outliers in found.items()
            for outlier in outliers
        ),
    )
    exemplars = output.counted(sum(map(len, found.values())), "exemplar")
    click.echo(f"\n{exemplars} {output.done('excluded', dry_run)} from the profile")
