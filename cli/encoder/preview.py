"""What people see of a switch before they agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import click

from pgvoice.cli import output
from pgvoice.cli.labels.moves import write_moves
from pgvoice.cli.thresholds.rule import levels, percent
from pgvoice.hooks.switch.report import Judged, SwitchReport

_Seconds = Callable[[Judged], float]
#: The recordings and exemplars that are named.
NAMED = 10


def write_preview(report: SwitchReport, name: str) -> None:
    """What was done, both encoders side by side, and which labels differ.

    `name` is that of the state of its fills.
    """
    output.say(f"from {report.old.encoder} to {report.new.encoder}")
    _write_fills(report, name)
    _write_exemplars(report)
    for line in _more(report):
        output.say(line)
    click.echo()
    _write_both(report.old, report.new)
    click.echo()
    if report.moves:
        click.echo("labels that differ:")
        write_moves(report.moves)
    elif report.labelled:
        click.echo("no label differs\n")


def _write_fills(report: SwitchReport, name: str) -> None:
    videos = report.complete + report.filled + len(report.failed)
    output.say(
        f"{output.counted(videos, 'recording')}: {report.complete:,} complete before,"
        f" {report.filled:,} filled ({output.counted(report.vectors, 'vector')}),"
        f" {len(report.failed):,} failed"
    )
    _write_problems([(each.video, str(each.error)) for each in report.failed])
    if report.failed:
        output.say(f"`pgvoice ingest failed '{name}'` lists them all")


def _write_exemplars(report: SwitchReport) -> None:
    if report.carried + report.computed + len(report.missing):
        output.say(
            f"exemplars: {report.carried:,} from stored segments, {report.computed:,} computed,"
            f" {len(report.missing):,} missing"
        )
    files = Counter((each.speaker, each.source, each.why) for each in report.missing)
    _write_problems(
        [
            (f"{speaker}, {output.counted(count, 'exemplar')} of {source}", why)
            for (speaker, source, why), count in sorted(files.items())
        ]
    )


def _write_problems(problems: Sequence[tuple[str, str]]) -> None:
    for what, why in problems[:NAMED]:
        output.say(f"  {what}: {why}")
    if len(problems) > NAMED:
        output.say(f"  and {len(problems) - NAMED:,} more")


def _more(report: SwitchReport) -> Iterator[str]:
    if report.voices:
        yield f"unknown voices: {output.counted(report.voices, 'voice')} of recordings carried over"
    if report.unrecognised_opt_outs:
        yield (
            f"opt-outs: {output.counted(report.unrecognised_opt_outs, 'voice')} that only other"
            " encoders recognise, so people with these voices could be enrolled again"
        )
    if report.calibration:
        yield f"calibration: {report.calibration.said}"
        if report.calibration.command:
            yield f"  `{report.calibration.command}`"
    if report.indexed is not None:
        yield f"index: {'complete' if report.indexed else f'not built: {report.not_indexed}'}"


def _write_both(old: Judged, new: Judged) -> None:
    """A row for each measure, and a column for each encoder."""
    names = output.short_labels([str(old.encoder), str(new.encoder)])
    columns = (output.number(names[str(each.encoder)]) for each in (old, new))
    measures = list(_MEASURES)
    if old.confirmed.seconds or new.confirmed.seconds:
        measures += _NAMED
    if old.confirmed.denied or new.confirmed.denied:
        measures += _DENIED
    rows = ((what, of(old), of(new)) for what, of in measures)
    output.write_table(["", *columns], rows)


def _share(part: _Seconds, whole: _Seconds) -> Callable[[Judged], str]:
    """A part of confirmed speech, in percent."""

    def of(judged: Judged) -> str:
        return percent(part(judged) / whole(judged) if whole(judged) else None)

    return of


def _said(each: Judged) -> float:
    return each.confirmed.seconds


_Measures = tuple[tuple[str, Callable[[Judged], str]], ...]
#: What the table says of an encoder; of what people confirmed only if they confirmed something.
_MEASURES: _Measures = (
    ("threshold", lambda each: levels(each.thresholds)),
    ("  its source", lambda each: each.thresholds.kind),
    ("people enrolled", lambda each: f"{each.thresholds.gallery:,}"),
)
_NAMED: _Measures = (
    ("speech that people named", lambda each: output.clock(each.confirmed.seconds)),
    ("  right", _share(lambda each: each.confirmed.right, _said)),
    ("  wrong", _share(lambda each: each.confirmed.wrong, _said)),
    ("  unnamed", _share(lambda each: each.confirmed.unnamed, _said)),
)
_DENIED: _Measures = (
    ("speech that people denied", lambda each: output.clock(each.confirmed.denied)),
    (
        "  named all the same",
        _share(lambda e: e.confirmed.denied_named, lambda e: e.confirmed.denied),
    ),
)
