"""``pgvoice calibrate``: thresholds from the library's own data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import FAILED
from pgvoice.cli.pictures.scores import draw_trials
from pgvoice.cli.thresholds.rule import length, percent
from pgvoice.hooks.evaluate.reference_files import ReferenceFile
from pgvoice.store.thresholds.calibration import Calibration
from pgvoice.store.thresholds.measures import Interval
from pgvoice.store.voice_store import VoiceStore

EPILOG = """\b
Examples: pgvoice calibrate --target-far 0.01 --exemplars
          pgvoice calibrate --labels talk=talk.rttm --pinned
          pgvoice calibrate --labels library.rttm
          pgvoice calibrate --list
          pgvoice calibrate --reset"""


def _edges(value: str) -> tuple[float, ...]:
    given = [edge for edge in value.split(",") if edge.strip()]
    try:
        edges = tuple(map(float, given))
    except ValueError:
        edges = (math.nan,)
    if not all(map(math.isfinite, edges)):
        raise click.BadParameter(f"{value[:60]!r} is not a list of seconds such as 2,4")
    return edges


@click.command(epilog=EPILOG)
@click.option(
    "--target-far",
    type=options.Number(0, 1, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    metavar="X",
    help="Share of speech by people who are not enrolled that may get a name.",
)
@click.option(
    "--labels",
    multiple=True,
    type=options.reference_file,
    metavar="[VIDEO=]FILE",
    help="Who speaks when, by name: RTTM, or JSON with speakers; for VIDEO, or for the recordings"
    " that the file names.",
)
@options.uem_option
@click.option("--pinned", is_flag=True, help="Use pinned labels.")
@click.option(
    "--exemplars", is_flag=True, help="Use enrolled speech, each exemplar left out in turn."
)
@click.option(
    "--bands",
    "edges",
    default="2,4",
    show_default=True,
    type=_edges,
    metavar="S,S",
    help="Lengths, in seconds, that separate the thresholds; '' for a single threshold.",
)
@click.option("--dry-run", is_flag=True, help="Show the thresholds without storing them.")
@click.option("--list", "listed", is_flag=True, help="List earlier calibrations.")
@click.option(
    "--activate", type=options.Count(1), metavar="ID", help="Use a calibration from the list."
)
@click.option("--reset", is_flag=True, help="End the calibration, see `pgvoice thresholds`.")
@options.stored_encoder_option
@options.url_option
@options.plot_option
@options.wide_option
@options.json_option
def calibrate(
    target_far: float,
    labels: tuple[ReferenceFile, ...],
    uem: str | None,
    pinned: bool,
    exemplars: bool,
    edges: tuple[float, ...],
    dry_run: bool,
    listed: bool,
    activate: int | None,
    reset: bool,
    encoder: str | None,
    url: str | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Find thresholds on your own recordings.

    Uses stored segments whose speaker is known from named labels, pinned labels, or exemplars.
    Names that nobody is enrolled under are strangers. `pgvoice identify` uses the new thresholds
    from then on if they are 95 % sure to hold the target for people whom they have never met. If
    not, the exit code is 1, and --activate uses them all the same. `pgvoice relabel` applies
    thresholds to stored labels.
    """
    asked = bool(labels) or pinned or exemplars
    if uem is not None and not labels:
        raise click.UsageError("--uem needs --labels: the files whose regions it restricts.")
    if picture is not None and not asked:
        raise click.UsageError("--plot needs one of --labels, --pinned or --exemplars.")
    if asked + listed + (activate is not None) + reset != 1:
        raise click.UsageError(
            "Give --labels, --pinned or --exemplars to calibrate; or one of --list, --activate and"
            " --reset."
        )
    with VoiceStore.open(url) as store:
        if not asked:
            _manage(store, encoder, activate, listed, as_json)
            return
        turns = options.turns_from(store, labels)
        scored = options.scored_from(store, turns, uem)
        turns = turns if scored is None else scored.cropped()
        with output.waiting("comparing"):
            found = store.thresholds.calibrate(
                target_far,
                labels=turns,
                pinned=pinned,
                exemplars=exemplars,
                edges=edges,
                encoder=encoder,
                dry_run=dry_run,
            )
        if picture is not None:
            spoken = store.thresholds.trials(
                labels=turns, pinned=pinned, exemplars=exemplars, encoder=encoder
            )
            draw_trials(spoken, found.bands, 0.0, picture, f"Calibration: {found.labels_from}")
    output.write(found, as_json, _write)
    click.get_current_context().exit(0 if found.is_met else FAILED)


def _manage(
    store: VoiceStore, encoder: str | None, activate: int | None, listed: bool, as_json: bool
) -> None:
    if activate is not None:
        store.thresholds.activate(activate)
        click.echo(f"identify uses calibration {activate}")
    elif not listed:
        was = store.thresholds.reset(encoder=encoder)
        again = f"; `pgvoice calibrate --activate {was}` goes back to calibration {was}"
        click.echo("no calibration is in use" + (again if was else ""))
    else:
        _write_list(store.thresholds.calibrations(encoder=encoder), as_json)


def _write(found: Calibration) -> None:
    figures = found.figures
    day = f" {output.day(found.created_at)}" if found.created_at else ""
    click.echo(f"{found.encoder}, calibrated{day} from {found.labels_from}")
    click.echo(
        f"{figures.inside:,} searches by {output.counted(figures.inside_people, 'enrolled person')}"
        f", {figures.outside:,} by {figures.outside_people:,} outside the gallery, of"
        f" {output.counted(figures.profiles, 'profile')}\n".replace("persons", "people")
    )
    numbers = ("threshold", "inside", "outside", "DIR", "FAR", "pairs")
    output.write_table(
        ["length", *output.numbers(*numbers)],
        (
            (
                *(length(band), band.threshold, band.inside, band.outside),
                *(percent(band.dir), percent(band.far), f"{band.pairs:,}"),
            )
            for band in found.bands
        ),
    )
    click.echo()
    output.write_pairs(
        [
            (
                "FAR",
                f"{_bound(found)} ({_confidence(found)} sure); of people left out"
                f" {percent(figures.far)}",
            ),
            ("DIR", _measured(figures.dir, figures.dir_interval)),
            ("EER", _measured(figures.eer, figures.eer_interval)),
            (
                f"minDCF (p = {figures.prior:g})",
                f"{figures.min_dcf:.3f}, of {output.counted(figures.comparisons, 'comparison')}",
            ),
        ]
    )
    click.echo(
        "The bound and the intervals hold for other people too: they rest on pairs of\n"
        "people, and on people, not on segments. More people make them narrower."
    )
    for note in found.notes:
        click.echo(note)
    click.echo(_outcome(found))


def _outcome(found: Calibration) -> str:
    kept = f"stored as calibration {found.id}" if found.id else "not stored (--dry-run)"
    if found.is_met:
        return f"{kept}, which identify uses now" if found.id else kept
    activate = f"; or\nuse it all the same: --activate {found.id}" if found.id else ""
    return (
        f"{kept}, not in use: FAR is only sure to be {_bound(found)},\n"
        f"and the target is {percent(found.target_far)}. Label more people, or give a higher"
        f" --target-far{activate}"
    )


def _bound(found: Calibration) -> str:
    """The bound of FAR, rounded up; as `threshold_source` says it."""
    if found.far_bound is None:
        return f"{percent(found.target_far)}, without a bound"
    return f"at most {math.ceil(round(10_000 * found.far_bound, 6)) / 100:g} %"


def _confidence(found: Calibration) -> str:
    return percent(found.confidence)


def _measured(rate: float, interval: Interval) -> str:
    low, high = percent(interval.low), percent(interval.high)
    return f"{percent(rate)} (95 % {low} to {high})"


def _write_list(found: Sequence[Calibration], as_json: bool) -> None:
    number, in_use = output.number, output.word("in use")
    output.write_list(
        found,
        as_json,
        [
            *(number("id"), "made", in_use, number("FAR"), "from"),
            output.explanation("thresholds"),
        ],
        lambda each: (
            str(each.id),
            output.day(each.created_at),
            "yes" if each.active else "",
            _bound(each),
            each.labels_from,
            ", ".join(f"{output.similarity(b.threshold)} {length(b)}" for b in each.bands),
        ),
        "there are no calibrations yet: see `pgvoice calibrate --help`",
    )
