"""``pgvoice calibrate``: thresholds from the library's own data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pgvoice.cli import options, output
from pgvoice.cli.thresholds import rule, score_plots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgvoice.hooks.evaluate.reference_files import ReferenceFile
    from pgvoice.store.thresholds.calibration import Calibration
    from pgvoice.store.thresholds.measures import Interval
    from pgvoice.store.thresholds.normalising import Normalisation
    from pgvoice.store.voice_store import VoiceStore

EPILOG = """\b
Examples: pgvoice calibrate --target-far 0.01 --exemplars
          pgvoice calibrate --labels talk=talk.rttm --pinned
          pgvoice calibrate --labels library.rttm
          pgvoice calibrate --labels library.rttm --cohort others.rttm
          pgvoice calibrate --list
          pgvoice calibrate --reset"""


def _edges(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[float, ...]:
    try:
        return tuple(float(edge) for edge in value.split(",") if edge.strip())
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of seconds such as 2,4") from None


@click.command(epilog=EPILOG)
@click.option(
    "--target-far",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    metavar="X",
    help="Share of speech of others that may get a name.",
)
@click.option(
    "--labels",
    multiple=True,
    callback=options.reference_files,
    metavar="[VIDEO=]FILE",
    help="Who speaks when, by name: RTTM, or JSON with speakers; of one recording, or of several"
    " that the file names.",
)
@click.option("--pinned", is_flag=True, help="Go by pinned labels.")
@click.option("--exemplars", is_flag=True, help="Go by enrolled speech, left out piece by piece.")
@click.option(
    "--bands",
    "edges",
    default="2,4",
    show_default=True,
    callback=_edges,
    metavar="S,S",
    help="Seconds at which bands of lengths end; '' for one threshold for all.",
)
@click.option(
    "--cohort",
    multiple=True,
    callback=options.reference_files,
    metavar="[VIDEO=]FILE",
    help="Speech of other people, as --labels, names or not: normalise similarities by it (adaptive"
    " s-norm), if that names more.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be found.")
@click.option("--list", "listed", is_flag=True, help="List what was calibrated before.")
@click.option("--activate", type=int, metavar="ID", help="Go by a calibration of the list.")
@click.option("--reset", is_flag=True, help="Go by the encoder's own threshold again.")
@options.stored_encoder_option
@options.url_option
@options.plot_option
@options.json_option
def calibrate(
    target_far: float,
    labels: tuple[ReferenceFile, ...],
    pinned: bool,
    exemplars: bool,
    edges: tuple[float, ...],
    cohort: tuple[ReferenceFile, ...],
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

    From stored segments of which it is known who speaks: by labels with names, pinned labels, or
    exemplars. Whoever is enrolled under none of the names counts as a stranger. `pgvoice identify`
    goes by what is found from then on; labels that are kept wait for `pgvoice relabel`.
    """
    from pgvoice.store.voice_store import VoiceStore

    asked = bool(labels) or pinned or exemplars
    if cohort and not asked:
        raise click.UsageError("--cohort is beside what is tuned on: say who speaks.")
    if picture is not None and not asked:
        raise click.UsageError("--plot shows a calibration: say who speaks.")
    if asked + listed + (activate is not None) + reset != 1:
        raise click.UsageError(
            "Say who speaks, by --labels, --pinned or --exemplars; or one of --list, --activate"
            " and --reset."
        )
    with VoiceStore.open(url) as store:
        if not asked:
            _manage(store, encoder, activate, listed, as_json)
            return
        turns = options.turns_from(store, labels)
        with output.waiting("comparing"):
            found = store.thresholds.calibrate(
                target_far,
                labels=turns,
                pinned=pinned,
                exemplars=exemplars,
                edges=edges,
                cohort=options.turns_from(store, cohort) if cohort else None,
                encoder=encoder,
                dry_run=dry_run,
            )
        if picture is not None:
            spoken = store.thresholds.trials(
                labels=turns, pinned=pinned, exemplars=exemplars, encoder=encoder
            )
            margin = found.bands[0].margin
            normalised = any(band.level is not None for band in found.bands)
            title = f"Calibration: {found.labels_from}"
            title += ", before normalisation" if normalised else ""
            score_plots.draw(picture, spoken, found.bands, margin, title)
    if as_json:
        output.write_json(found)
    else:
        write(found)


def _manage(
    store: VoiceStore, encoder: str | None, activate: int | None, listed: bool, as_json: bool
) -> None:
    if activate is not None:
        store.thresholds.activate(activate)
        click.echo(f"identify goes by calibration {activate}")
    elif not listed:
        was = store.thresholds.reset(encoder=encoder)
        again = f"; `pgvoice calibrate --activate {was}` goes back to calibration {was}"
        click.echo("identify goes by the encoder's own threshold" + (again if was else ""))
    elif as_json:
        output.write_json(store.thresholds.calibrations(encoder=encoder))
    else:
        _write_list(store.thresholds.calibrations(encoder=encoder))


def write(found: Calibration) -> None:
    """Thresholds, and how well they do on people whom they were not tuned on."""
    figures = found.figures
    click.echo(f"{found.encoder}, {rule.told(found)}, from {found.labels_from}")
    click.echo(
        f"{figures.inside:,} searches by {output.counted(figures.inside_people, 'enrolled person')}"
        f", {figures.outside:,} by {figures.outside_people:,} outside of the gallery, of"
        f" {output.counted(figures.profiles, 'profile')}\n".replace("persons", "people")
    )
    columns = [output.Column("length"), output.number("threshold"), output.number("margin")]
    columns += [output.number("inside"), output.number("outside"), output.number("DIR")]
    columns += [output.number("FAR")]
    normalised = any(band.level is not None for band in found.bands)
    columns += [output.number("normalised")] if normalised else []
    rows = [
        (
            rule.length(band),
            output.similarity(band.threshold),
            output.similarity(band.margin),
            f"{band.inside:,}",
            f"{band.outside:,}",
            rule.percent(band.dir),
            rule.percent(band.far),
            *([f"{band.level:.2f}"] if band.level is not None else []),
        )
        for band in found.bands
    ]
    output.write_table(columns, rows)
    click.echo()
    output.write_pairs(
        [
            ("DIR", _measured(figures.dir, figures.dir_interval)),
            ("FAR", _measured(figures.far, figures.far_interval)),
            (
                "one threshold for all lengths",
                f"DIR {rule.percent(figures.single_dir)}, FAR {rule.percent(figures.single_far)}",
            ),
            ("EER", _measured(figures.eer, figures.eer_interval)),
            (
                f"minDCF (p = {figures.prior:g})",
                f"{figures.min_dcf:.3f} (95 % {figures.min_dcf_interval.low:.3f} to"
                f" {figures.min_dcf_interval.high:.3f}), of"
                f" {output.counted(figures.comparisons, 'comparison')}",
            ),
        ]
    )
    click.echo(
        "DIR and FAR: each half of the people judged by what was tuned on the other; intervals by"
        " bootstrap over people.\nThe thresholds are tuned on everybody."
    )
    if found.normalisation is not None:
        _write_normalisation(found.normalisation)
    for note in found.notes:
        click.echo(note)
    kept = f"kept as calibration {found.id}, which identify goes by"
    click.echo(kept if found.id else "not kept (--dry-run)")


def _write_normalisation(found: Normalisation) -> None:
    cohort = found.cohort
    click.echo(
        f"\nAdaptive s-norm by the nearest {cohort.top} of {output.counted(cohort.voices, 'voice')}"
        f" ({cohort.left_out} left out: enrolled, or tuned on):"
        + ("" if found.normalised else " the right profile does not stand out")
    )
    if found.normalised is not None:
        kinds = {"normalised": found.normalised, "without": found.plain}
        output.write_pairs(
            [
                (
                    what,
                    f"DIR {_measured(figures.dir, figures.dir_interval)},"
                    f" FAR {rule.percent(figures.far)},"
                    f" EER {_measured(figures.eer, figures.eer_interval)}",
                )
                for what, figures in kinds.items()
            ]
        )
    gain = _measured(found.gain, found.gain_interval)
    click.echo(f"gain in DIR {gain}: " + ("identify goes by it" if found.used else "left out"))


def _measured(rate: float, interval: Interval) -> str:
    low, high = rule.percent(interval.low), rule.percent(interval.high)
    return f"{rule.percent(rate)} (95 % {low} to {high})"


def _write_list(found: Sequence[Calibration]) -> None:
    if not found:
        click.echo("there are none yet: see `pgvoice calibrate --help`")
        return
    columns = [output.number("id"), output.Column("made"), output.number("FAR")]
    columns += [output.Column("thresholds"), output.number("margin"), output.Column("from")]
    columns += [output.Column("in use")]
    rows = (
        (
            str(one.id),
            f"{one.created_at:%Y-%m-%d}",
            rule.percent(one.target_far),
            ", ".join(f"{output.similarity(b.threshold)} {rule.length(b)}" for b in one.bands),
            output.similarity(one.bands[0].margin),
            one.labels_from,
            "yes" if one.active else "",
        )
        for one in found
    )
    output.write_table(columns, rows)
