"""``pgvoice encoder switch``: a library goes over to another encoder, with its people."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import click

from pgvoice.cli import options, output
from pgvoice.cli.encoder import choosing
from pgvoice.cli.encoder.choosing import Chosen
from pgvoice.cli.encoder.dropping import drop_encoder
from pgvoice.cli.encoder.preview import write_preview
from pgvoice.cli.ingest import progress, working
from pgvoice.hooks.encoders.registry import ENCODER_VARIABLE
from pgvoice.hooks.errors import SwitchStopped
from pgvoice.hooks.ingest.engine import Engine
from pgvoice.hooks.segmenters.registry import make_segmenter
from pgvoice.hooks.switch.report import SwitchReport
from pgvoice.hooks.switch.switch import StepName, Switch, Tell
from pgvoice.store.voice_store import VoiceStore


@click.command(
    epilog="""\b
Examples: pgvoice encoder switch campplus
          pgvoice encoder switch onnx:/models/resnet293.onnx --workers 4
          pgvoice encoder switch campplus --dry-run
          pgvoice encoder switch --back
          pgvoice encoder switch --drop ecapa"""
)
@click.argument("new", required=False, metavar="[NEW]")
@click.option("--back", is_flag=True, help="Switch to the encoder that answered before.")
@click.option(
    "--drop",
    metavar="OLD",
    help="Delete an encoder that does not answer, with all that was computed with it.",
)
@click.option("--force", is_flag=True, help="Drop even what no other encoder has.")
@click.option("--dry-run", is_flag=True, help="Do everything but the last step, and show it.")
@options.yes_option
@options.worker_options
@options.device_option
@options.wide_option
@options.store_options
def switch(
    store: VoiceStore,
    new: str | None,
    back: bool,
    drop: str | None,
    force: bool,
    dry_run: bool,
    yes: bool,
    workers: int | None,
    ray: str | None,
    cores: int,
    retries: int,
    device: str | None,
    as_json: bool,
) -> None:
    """Let another encoder answer, with everything that people said.

    NEW is what --encoder takes. Its vectors are computed for the segments that the store has;
    exemplars are recreated from their own audio; names, pins and unknown voices are carried over;
    thresholds are found anew. Then you see what would change, and are asked. Until you agree, the
    encoder before answers as ever, and afterwards it still can: --back returns to it, --drop
    deletes it.

    What is done is stored: after Ctrl-C or a failure, the same command goes on from there, and
    after the switch it does what is missing since.
    """
    if (new is not None) + back + (drop is not None) != 1:
        raise click.UsageError("Give the encoder to switch to, or one of --back and --drop OLD.")
    if force and drop is None:
        raise click.UsageError("--force is for --drop.")
    if drop is not None:
        drop_encoder(store, drop, force=force, dry_run=dry_run, yes=yes, as_json=as_json)
        return
    chosen = choosing.before(store, device) if new is None else choosing.named(store, new, device)
    work, report = _prepare(store, chosen, workers, ray, cores, retries)
    if not as_json:
        write_preview(report, work.name)
    if not dry_run and not report.answered and _agreed(report, yes, asking=not as_json):
        report = work.flip(report)
    if as_json:
        output.write_json(report)
    else:
        _write_outcome(report, chosen, new or "--back", dry_run=dry_run)


def _prepare(
    store: VoiceStore,
    chosen: Chosen,
    workers: int | None,
    ray: str | None,
    cores: int,
    retries: int,
) -> tuple[Switch, SwitchReport]:
    """Do everything but the last step."""
    with (
        redirect_stdout(sys.stderr),  # Ray prints messages
        working.engine_of(store, chosen.make, make_segmenter, workers, ray, cores) as engine,
        working.stop_requested(lambda: "what is in progress") as stop,
    ):
        work = Switch(
            engine,
            chosen.identity,
            retries=retries,
            stop=stop,
            watch=lambda step: _watched(store, engine, f"encoder {chosen.identity}", step),
        )
        try:
            return work, work.prepare()
        except KeyboardInterrupt:
            raise SwitchStopped(store.encoders.find().identity) from None


@contextmanager
def _watched(store: VoiceStore, engine: Engine, name: str, step: StepName) -> Iterator[Tell]:
    """Shows how far a step is."""
    if step == "filling":
        with (
            progress.measured(lambda: store.ingests.status(name), None) as ask,
            progress.shown(ask, engine) as tell,
        ):
            yield lambda _done, _total: tell()
    elif step in ("thresholds", "comparing"):
        with output.waiting(step):
            yield lambda _done, _total: None
    else:
        with output.progress(step) as bar:
            yield bar


def _agreed(report: SwitchReport, yes: bool, *, asking: bool) -> bool:
    """Whether the new encoder may answer."""
    if yes or not asking or not options.somebody_answers():
        return yes
    try:
        return click.confirm(f"Let {report.new.encoder} answer from now on?", err=True)
    except click.Abort:
        click.echo(err=True)
        return False


def _write_outcome(report: SwitchReport, chosen: Chosen, given: str, *, dry_run: bool) -> None:
    old, new = report.old.encoder, report.new.encoder
    if report.answered:
        output.say(f"{new} answers already; what it lacked was done")
    elif report.flipped:
        output.tell(f"{new} answers from now on", "green")
        if report.late:
            late = output.counted(report.late, "recording")
            output.say(f"{late} came in meanwhile: the same command fills what is missing")
        output.say(
            f"where recordings are filled, set {ENCODER_VARIABLE}={shlex.quote(chosen.name)}"
            if chosen.name
            else f"where recordings are filled, name it (--encoder or {ENCODER_VARIABLE})"
        )
        output.say(f"`pgvoice encoder switch --back` goes back to {old}")
        output.say(f"`pgvoice encoder switch --drop {old}` deletes it")
    else:
        why = "this was a dry run" if dry_run else "nothing else changed"
        output.say(f"{why}: {old} answers as before")
        output.say(f"`pgvoice encoder switch {shlex.quote(given)} --yes` lets {new} answer")
