"""``pgvoice evaluate``: how often the names are right, against references."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Unpack

import click

from pgvoice.cli import options, output
from pgvoice.cli.pictures.scores import draw_trials
from pgvoice.cli.thresholds.rule import document, people, percent, write_rule
from pgvoice.hooks.evaluate import evaluate as evaluating
from pgvoice.hooks.evaluate.evaluate import Evaluation, Score
from pgvoice.hooks.evaluate.label_names import LabelName, named_turns
from pgvoice.hooks.evaluate.reference_files import ReferenceFile
from pgvoice.store.voice_store import VoiceStore

EPILOG = """\b
Examples: pgvoice evaluate talk=talk.rttm
          pgvoice evaluate talk=talk.rttm news=news.rttm --stored --json
          pgvoice evaluate talk=talk.rttm --labels --name SPEAKER_00=Ada"""
#: How segments get names: each alone, by their labels, by labels of one name each.
KINDS = ALONE, CLUSTERS, ONE_NAME = "segments", "clusters", "one name"
#: Those of labels in JSON.
JSON_KINDS = "clusters", "one_name"
#: How many people a warning names.
NAMED = 5
#: The video column of the row for all videos.
OVERALL = "(all)"


def _name(value: str) -> LabelName:
    place, _, name = value.partition("=")
    video, _, label = place.rpartition(":")
    if not label or not name:
        raise click.BadParameter(f"{value!r} is not LABEL=NAME or VIDEO:LABEL=NAME")
    return LabelName(video or None, label, name)


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
    "--clusters",
    is_flag=True,
    help="Also name by the labels of the stored turns, with any names and with one name each, and"
    " show them side by side.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    type=_name,
    metavar="[VIDEO:]LABEL=NAME",
    help="The person whom a label stands for, in VIDEO; *:LABEL=NAME in every recording.",
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
@options.uem_option
@options.rule_options
@options.url_option
@options.plot_option
@options.wide_option
@options.json_option
def evaluate(
    references: tuple[ReferenceFile, ...],
    stored: bool,
    labels: bool,
    clusters: bool,
    names: tuple[LabelName, ...],
    collar: float,
    skip_overlap: bool,
    uem: str | None,
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
    if labels and (stored or clusters or any(given is not None for given in judging)):
        raise click.UsageError(
            "--labels judges labels as they are: leave out --stored, --clusters, --threshold,"
            " --margin and --plot."
        )
    with VoiceStore.open(url) as store:
        turns = named_turns(options.turns_from(store, references), names)
        scored = options.scored_from(store, turns, uem)
        turns = turns if scored is None else scored.turns
        with output.waiting("comparing"):
            found, *together = [
                evaluating.evaluate(
                    store,
                    turns,
                    segments="labels" if labels else "stored" if stored else "reference",
                    by_label=kind != ALONE,
                    one_label_one_name=kind == ONE_NAME,
                    collar=collar,
                    skip_overlap=skip_overlap,
                    regions=None if scored is None else scored.regions,
                    **rule,
                )
                for kind in (KINDS if clusters else KINDS[:1])
            ]
        required = store.thresholds.required(**rule)
        if picture is not None:
            shown = turns if scored is None else scored.cropped()
            spoken = store.thresholds.trials(labels=shown, encoder=rule["encoder"])
            usual = "; thresholds of a usual recording" if required.kind == "library" else ""
            title = f"Evaluation: {', '.join(turns)}{usual}"
            draw_trials(spoken, required.bands, required.margin, picture, title)
    _warn(found, required.encoder)
    if as_json:
        shown_as = _document(found) | {"judged_by": None if labels else document(required)}
        for kind, other in zip(JSON_KINDS, together, strict=bool(together)):
            shown_as[kind] = _results(other)
        output.write_json(shown_as)
        return
    _write(found, together)
    if not labels:
        write_rule(required)


def _warn(found: Evaluation, encoder: str) -> None:
    """Say so if the right answer is no name, everywhere."""
    if not found.enrolled:
        named = ", ".join(map(repr, found.strangers[:NAMED]))
        more = f" and {len(found.strangers) - NAMED:,} more" if found.strangers[NAMED:] else ""
        click.echo(
            f"Warning: nobody in the references is enrolled with {encoder} ({named}{more}), so the"
            " right answer is no name everywhere: enroll them (`pgvoice enroll add`), or say whom"
            " a label stands for (--name LABEL=NAME)",
            err=True,
        )


def _write(found: Evaluation, together: Sequence[Evaluation]) -> None:
    for line in _in_words(found):
        output.say(line)
    rows = list(found.videos.items())
    rows += [(OVERALL, found.overall)] if len(rows) > 1 else []
    click.echo()
    kinds = ("right name", "wrong name", "no name", "strangers", "named")
    columns: output.Columns = ["video", output.number("right"), *output.numbers("enrolled", *kinds)]
    output.write_table(columns, [(video, *_names(score)) for video, score in rows])
    click.echo()
    rates = output.number("DIR"), output.number("FAR"), output.number("DER"), output.number("IER")
    parts = output.number("missed", 1), output.number("false alarm", 2)
    columns = ["video", *rates, *parts, output.number("confusion", 3)]
    output.write_table(columns, [(video, *_rates(score)) for video, score in rows])
    if together:
        _write_kinds([found, *together])
    click.echo(f"\n{_explained(found)}")


def _write_kinds(found: Sequence[Evaluation]) -> None:
    """The results of each of `KINDS`, a line each."""
    rows = []
    each = [(video, [one.videos[video] for one in found]) for video in found[0].videos]
    several = [(OVERALL, [one.overall for one in found])] if len(each) > 1 else []
    for video, scores in each + several:
        for kind, score in zip(KINDS, scores, strict=True):
            whole, right, wrong = _names_of_enrolled(score)
            shares = _share(right, whole), _share(wrong, whole)
            named = _share(score.stranger_named_seconds, score.stranger_seconds)
            errors = score.diarization
            rates = percent(_known(errors.der)), percent(_known(errors.ier))
            rows.append((video, kind, *shares, named, *rates))
    kinds = output.numbers("right name", "wrong name", "strangers named", "DER", "IER")
    click.echo()
    output.write_table(["video", "names by", *kinds], rows)


def _in_words(found: Evaluation) -> Iterator[str]:
    score = found.overall
    whole, right, wrong = _names_of_enrolled(score)
    if whole:
        yield (
            f"Enrolled: {people(len(found.enrolled))}, {output.clock(whole)} of speech:"
            f" {_share(right, whole)} with the right name, {_share(wrong, whole)} with a wrong"
            f" name, {_share(whole - right - wrong, whole)} without a name"
        )
    if score.stranger_seconds:
        named = _share(score.stranger_named_seconds, score.stranger_seconds)
        length = output.clock(score.stranger_seconds)
        yield (
            f"Not enrolled: {people(len(found.strangers))}, {length} of speech: {named} with a name"
        )


def _names_of_enrolled(score: Score) -> tuple[float, float, float]:
    """Seconds in all, with the right name, and with a wrong one."""
    return score.enrolled_seconds, score.right_name_seconds, score.wrong_name_seconds


def _share(part: float, whole: float) -> str:
    return percent(max(part, 0.0) / whole if whole else None)


def _names(score: Score) -> list[str]:
    whole, right, wrong = _names_of_enrolled(score)
    return [
        f"{score.right:,} of {score.segments:,}",
        output.clock(whole),
        *(_share(part, whole) for part in (right, wrong, whole - right - wrong)),
        output.clock(score.stranger_seconds),
        _share(score.stranger_named_seconds, score.stranger_seconds),
    ]


def _rates(score: Score) -> list[str]:
    errors = score.diarization
    seconds = (errors.missed, errors.false_alarm, errors.confusion)
    shares = [part / errors.speech if errors.speech else math.nan for part in seconds]
    return [
        _counted(score.dir, score.enrolled),
        _counted(score.far, score.strangers),
        *(percent(_known(rate)) for rate in (errors.der, errors.ier, *shares)),
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
        f"names of {what}{unclear}\n"
        "right: segments with the right answer, which for strangers is no name\n"
        "enrolled, strangers: how long they speak, and shares of that time\n"
        "DIR, FAR: the same shares of segments that have a vector\n"
        f"DER: in {output.clock(overall.diarization.speech)} of speech, in which all unnamed speech"
        f" of a video has one label;\ncollar {found.collar:g} s, overlapping speech {overlap}\n"
        "IER: the same with equal names required, and none for strangers"
    )


def _document(found: Evaluation) -> dict[str, object]:
    return {
        "segments": found.segments,
        "collar": found.collar,
        "skip_overlap": found.skip_overlap,
        "enrolled": found.enrolled,
        "strangers": found.strangers,
        **_results(found),
    }


def _results(found: Evaluation) -> dict[str, object]:
    videos = {video: _figures(score) for video, score in found.videos.items()}
    return {"videos": videos, "overall": _figures(found.overall)}


def _figures(score: Score) -> dict[str, object]:
    errors = score.diarization
    counts = asdict(score)
    del counts["diarization"]
    rates = {"dir": score.dir, "far": score.far, "der": _known(errors.der)}
    return counts | asdict(errors) | rates | {"ier": _known(errors.ier)}
