"""``pgvoice thresholds``: which thresholds apply, and what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

import click

from pgvoice.cli import options, output
from pgvoice.cli.thresholds.rule import length, people, percent
from pgvoice.store.thresholds.library import LibraryTail
from pgvoice.store.thresholds.requirement import BandThreshold, Requirement
from pgvoice.store.voice_store import VoiceStore

EPILOG = """\b
Examples: pgvoice thresholds
          pgvoice thresholds --refresh
          pgvoice thresholds --target-far 0.005"""
#: Numbers of enrolled people that thresholds are shown for, beside the present one.
GALLERIES = (1, 4, 16, 64)
#: Of the target FAR, as the store accepts it.
_HIGHEST_FAR = 0.1


class _Found(NamedTuple):
    """What the command shows."""

    now: Requirement
    target_far: float
    library: LibraryTail
    #: What is required with each number of people, in rising order.
    galleries: Sequence[Requirement]


@click.command(epilog=EPILOG)
@click.option(
    "--refresh", is_flag=True, help="Measure the library's turns again; fills do so by themselves."
)
@click.option(
    "--target-far",
    type=options.Number(0, _HIGHEST_FAR, min_open=True),
    metavar="X",
    help="Set the share of speech by people who are not enrolled that may get a name, for"
    " thresholds that are not calibrated.",
)
@options.stored_encoder_option
@options.wide_option
@options.store_options
def thresholds(
    store: VoiceStore, refresh: bool, target_far: float | None, encoder: str | None, as_json: bool
) -> None:
    """Show which thresholds apply, and what they rest on.

    A calibration goes first. Without one, the library sets its own thresholds once it has enough
    turns with labels: two labels of one recording are two people, so their similarities show what
    strangers reach. Until then, the encoder's own threshold applies. All thresholds rise with the
    number of people who are enrolled. From ten times the target FAR on, a name is suggested.
    """
    if target_far is not None:
        store.thresholds.set_target_far(target_far)
    if refresh:
        with output.waiting("measuring"):
            store.thresholds.refresh(encoder=encoder)
    found = _find(store, encoder)
    if as_json:
        output.write_json(_document(found))
    else:
        _write(found)


def _find(store: VoiceStore, encoder: str | None) -> _Found:
    now = store.thresholds.required(encoder=encoder)
    return _Found(
        now,
        store.thresholds.target_far(),
        store.thresholds.library(encoder=encoder),
        [
            store.thresholds.required(encoder=encoder, gallery=size)
            for size in sorted({*GALLERIES, now.gallery})
        ],
    )


def _document(found: _Found) -> dict[str, object]:
    return asdict(found.now) | {
        "target_far": found.target_far,
        "library": found.library,
        "galleries": [{"gallery": one.gallery, "bands": one.bands} for one in found.galleries],
    }


def _write(found: _Found) -> None:
    output.say(f"encoder {found.now.encoder}")
    kind, _, reason = found.now.source.partition(": ")
    output.say(f"thresholds: {kind}")
    if reason:
        output.say(reason)
    if found.now.kind == "calibrated":
        output.say("`pgvoice calibrate --reset` ends the calibration")
    click.echo()
    output.write_pairs(_facts(found))
    click.echo(
        "\nThresholds by the number of enrolled people; in parentheses, the similarity from\n"
        "which on a name is suggested:"
    )
    _write_table(found)
    if found.now.kind == "library":
        click.echo(
            "\nThey are those of a usual recording; each segment's depends on its recording and\n"
            "on the person: see `pgvoice identify --wide`."
        )


def _facts(found: _Found) -> list[tuple[str, str]]:
    """What thresholds rest on, as names and values."""
    library = found.library
    unless = ", unless calibrated" if found.now.kind == "calibrated" else ""
    facts = [
        ("target FAR", f"{percent(found.target_far)} of strangers' speech may get a name{unless}"),
        ("recordings", f"{library.recordings:,} with two labels or more"),
        ("voices", f"{library.voices:,} labels in these"),
        ("comparisons", f"{library.comparisons:,} of turns with other labels of their recording"),
        ("over-split", f"{library.over_split:,} pairs of labels that sound like one person"),
        ("measured", output.day(library.fitted_at)),
    ]
    if missing := _missing(library):
        facts.append(("missing", f"{missing}, for thresholds of the library's own"))
    return facts


def _missing(library: LibraryTail) -> str:
    """What the library lacks to set its own thresholds; empty if nothing."""
    counts = {"recording": library.missing_recordings, "voice": library.missing_voices}
    return " and ".join(output.counted(count, noun) for noun, count in counts.items() if count)


def _write_table(found: _Found) -> None:
    columns = output.numbers(*(_gallery(one, found.now) for one in found.galleries))
    output.write_table(
        ["length", *columns],
        (
            (length(bands[0]).removeprefix("for "), *map(_levels, bands))
            for bands in zip(*(one.bands for one in found.galleries), strict=True)
        ),
    )


def _gallery(required: Requirement, now: Requirement) -> str:
    return f"{'now: ' if required.gallery == now.gallery else ''}{people(required.gallery)}"


def _levels(band: BandThreshold) -> str:
    return f"{band.threshold:.2f} ({band.suggested:.2f})"
