"""``pgvoice evaluate``: how often the names are right, against references."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Unpack

import click

from pgvoice.cli import options, output
from pgvoice.cli.pictures.scores import draw_trials
from pgvoice.cli.thresholds.rule import percent, write_rule
from pgvoice.hooks.evaluate import evaluate as evaluating
from pgvoice.hooks.evaluate.evaluate import Evaluation, Score
from pgvoice.hooks.evaluate.reference_files import ReferenceFile
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore

EPILOG = """\b
Examples: pgvoice evaluate talk=talk.rttm
          pgvoice evaluate talk=talk.rttm news=news.rttm --stored --json
          pgvoice evaluate talk=talk.rttm --labels --name SPEAKER_00=Ada"""
#: The video column of the row for all videos.
OVERALL = "(all)"


def _name(value: str) -> tuple[str, str]:
    label, _, name = value.partition("=")
    if not label or not name:
        raise click.BadParameter(f"{value!r} is not LABEL=NAME")
    return label, name


@click.command(epilog=EPILOG)
@click.argument(
    "references",
    nargs=-1,
    required=True,
    type=options.reference_file,
    metavar="[VIDEO=]REFERENCE...",
)
@click.option(
    "--stored", is_flag=True, help="Name the stored segments instead of the reference's turns."
)
@click.option("--labels", is_flag=True, help="Judge the current labels.")
@click.option(
    "--name",
    "names",
    multiple=True,
    type=_name,
    metavar="LABEL=NAME",
    help="The person whom a label in the references stands for.",
)
@click.option(
    "--collar",
    type=options.Number(min=0),
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="Seconds around each boundary of a reference, half on either side, that DER ignores.",
)
@click.option("--skip-overlap", is_flag=True, help="DER ignores overlapping speech.")
@options.rule_options
@options.url_option
@options.plot_option
@options.wide_option
@options.json_option
def evaluate(
    references: tuple[ReferenceFile, ...],
    stored: bool,
    labels: bool,
    names: tuple[tuple[str, str], ...],
    collar: float,
    skip_overlap: bool,
    url: str | None,
    picture: Path | None,
    as_json: bool,
    **rule: Unpack[options.Rule],
) -> None:
    """Measure how often the names are right.

    REFERENCE says who really speaks when, as RTTM or JSON with speakers: in VIDEO, or in each
    stored recording that it names. `pgvoice identify` names its turns. For people without a
    profile, the right answer is no name.
    """
    judging = (rule["threshold"], rule["min_margin"], picture)
    if labels and (stored or any(given is not None for given in judging)):
        raise click.UsageError(
            "--labels judges labels as they are: leave out --stored, --threshold, --margin and"
            " --plot."
        )
    with VoiceStore.open(url) as store:
        turns = _renamed(options.turns_from(store, references), dict(names))
        with output.waiting("comparing"):
            found = evaluating.evaluate(
                store,
                turns,
                segments="labels" if labels else "stored" if stored else "reference",
                collar=collar,
                skip_overlap=skip_overlap,
                **rule,
            )
        required = store.thresholds.required(**rule)
        if picture is not None:
            spoken = store.thresholds.trials(labels=turns, encoder=rule["encoder"])
            title = f"Evaluation: {', '.join(turns)}"
            draw_trials(spoken, required.by_length, required.margin, picture, title)
    if as_json:
        output.write_json(_document(found) | {"judged_by": None if labels else required})
        return
    _write(found)
    if not labels:
        write_rule(required)


def _renamed(turns: dict[str, list[Turn]], names: dict[str, str]) -> dict[str, list[Turn]]:
    return {
        video: [replace(turn, label=names.get(turn.label or "", turn.label)) for turn in listed]
        for video, listed in turns.items()
    }


def _write(found: Evaluation) -> None:
    rows = list(found.videos.items())
    rows += [(OVERALL, found.overall)] if len(rows) > 1 else []
    numbers = ("right", "of the time", "DIR", "FAR", "DER", "missed", "false alarm", "confusion")
    columns = output.numbers(*numbers, "IER")
    output.write_table(["video", *columns], [(video, *_cells(score)) for video, score in rows])
    click.echo(f"\n{_explained(found)}")


def _cells(score: Score) -> list[str]:
    errors = score.diarization
    seconds = (errors.missed, errors.false_alarm, errors.confusion)
    shares = [part / errors.speech if errors.speech else math.nan for part in seconds]
    return [
        f"{score.right:,} of {score.segments:,}",
        percent(score.right_seconds / score.seconds if score.seconds else None),
        _counted(score.dir, score.enrolled),
        _counted(score.far, score.strangers),
        *(percent(_known(rate)) for rate in (errors.der, *shares, errors.ier)),
    ]


def _known(rate: float) -> float | None:
    return None if math.isnan(rate) else rate


def _counted(rate: float | None, count: int) -> str:
    return output.NOTHING if rate is None else f"{percent(rate)} of {count:,}"


def _explained(found: Evaluation) -> str:
    what = {
        "reference": "the references' turns",
        "stored": "the stored segments",
        "labels": "the current labels",
    }[found.segments]
    overlap = "left out" if found.skip_overlap else "counted for each speaker"
    overall = found.overall
    unclear = ""
    if overall.unclear:
        unclear = f"; {overall.unclear:,} without exactly one speaker left out"
    return (
        f"names of {what}{unclear}; DIR and FAR of those with a vector\n"
        f"DER of {output.clock(overall.diarization.speech)} of speech: collar {found.collar:g} s,"
        f" overlapping speech {overlap}, one label for all unnamed speech of a video\n"
        "IER: the same with equal names required, and none for strangers"
    )


def _document(found: Evaluation) -> dict[str, object]:
    return {
        "segments": found.segments,
        "collar": found.collar,
        "skip_overlap": found.skip_overlap,
        "videos": {video: _figures(score) for video, score in found.videos.items()},
        "overall": _figures(found.overall),
    }


def _figures(score: Score) -> dict[str, object]:
    errors = score.diarization
    counts = asdict(score)
    del counts["diarization"]
    rates = {"dir": score.dir, "far": score.far, "der": _known(errors.der)}
    return counts | asdict(errors) | rates | {"ier": _known(errors.ier)}
