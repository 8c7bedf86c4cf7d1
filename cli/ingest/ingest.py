"""``pgvoice ingest``: a whole library."""

from __future__ import annotations

import json
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path

import click

from pgvoice.cli import options, output, terminal
from pgvoice.cli.errors import INVALID_SEGMENT
from pgvoice.cli.group import FAILED, Group
from pgvoice.cli.ingest import progress
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.ingest.engine import Engine, Here, MakeEncoder, Processes
from pgvoice.hooks.ingest.manifest import Manifest
from pgvoice.hooks.ingest.metrics import exposition
from pgvoice.hooks.ingest.on_ray import RayActors
from pgvoice.hooks.ingest.running import IngestReport
from pgvoice.hooks.ingest.running import ingest as fill_all
from pgvoice.hooks.new_files import write_file
from pgvoice.store.voice_store import VoiceStore

#: The files and recordings that a message names.
NAMED = 10
#: Only this machine can connect here.
HERE = "127.0.0.1"


@click.group(cls=Group)
def ingest() -> None:
    """Fill many recordings and follow the progress.

    A manifest is a CSV, JSON lines or Parquet file with the columns video, audio (a file; if empty,
    pgvoice looks it up in its audio sources), segments (a file, or a list of [start, end]) and uri
    (the recording's name in a file that covers several; if empty, it is video). Or it is a folder
    with files such as talk.mp3 and talk.rttm beside each other.

    The state is in the database: running an ingest again does only what is missing.
    """


def _shard(value: str) -> tuple[int, int]:
    part, slash, parts = value.partition("/")
    if not (slash and part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise click.BadParameter(f"{value!r} is not of the form I/N, such as 2/8")
    return int(part), int(parts)


def _address(value: str) -> tuple[str, int]:
    """Host and port of ``[HOST:]PORT``."""
    host, _, port = value.rpartition(":")
    if not (port.isdecimal() and int(port) < 1 << 16):
        raise click.BadParameter(f"{value!r} is not of the form [HOST:]PORT, such as 9108")
    return host.strip("[]") or HERE, int(port)


@ingest.command(
    epilog="""\b
Examples: pgvoice ingest run library.csv --workers 2
          pgvoice ingest run recordings/
          pgvoice ingest run library.jsonl --shard 3/8
          pgvoice ingest run library.parquet --ray head.example:6379"""
)
@click.argument("manifest", type=options.ExistingPath(path_type=Path))
@click.option(
    "--name", metavar="NAME", help="Name of the ingest [the manifest's, without its suffix]."
)
@options.integer(
    "--workers",
    1,
    "Processes that each load the model [1; on a Ray cluster one per GPU, or as many as its cores"
    " allow].",
)
@click.option(
    "--ray",
    metavar="ADDRESS",
    help="Fill on this Ray cluster: host:port, auto, or local for a cluster on this machine.",
)
@options.integer("--cores", 1, "Cores of each worker on a Ray cluster.", 1)
@options.integer(
    "--retries", 0, "Try a failed recording again this many times, after the others.", 2
)
@options.integer("--limit", 1, "Fill at most this many recordings.")
@click.option(
    "--shard",
    type=_shard,
    default="1/1",
    metavar="I/N",
    help="Fill only the I-th of N parts of the recordings.",
)
@click.option(
    "--metrics",
    type=_address,
    metavar="[HOST:]PORT",
    help="Serve Prometheus metrics during the run, on this machine only unless a host is given.",
)
@options.model_options
@options.store_options
@click.pass_context
def run(
    context: click.Context,
    store: VoiceStore,
    manifest: Path,
    name: str | None,
    workers: int | None,
    ray: str | None,
    cores: int,
    retries: int,
    limit: int | None,
    shard: tuple[int, int],
    metrics: tuple[str, int] | None,
    encoder: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Fill the recordings of a MANIFEST.

    Complete recordings are skipped, many at a time. Ctrl-C finishes the recordings in progress
    first; a second Ctrl-C stops at once. Nothing that was stored is lost. The exit code is 1 if
    recordings failed, and else 3 if some have segments that are not spans of time, which are named
    each time.
    """
    called = name or (manifest.resolve().name if manifest.is_dir() else manifest.stem)
    made, listed = partial(_make, encoder, device), Manifest(manifest)
    _warn_of(listed.left_out())
    with (
        redirect_stdout(sys.stderr),  # Ray prints messages
        _engine(store, made, workers, ray, cores) as engine,
        progress.measured(lambda: store.ingests.status(called), metrics) as ask,
        progress.shown(ask) as tell,
        _stop_requested() as stop,
    ):
        report = fill_all(
            engine,
            called,
            listed,
            retries=retries,
            limit=limit,
            shard=shard,
            stop=stop,
            on_progress=lambda _report: tell(),
        )
    output.write(report, as_json, lambda report: _write_report(report, called))
    context.exit(FAILED if report.failed else INVALID_SEGMENT if report.invalid else 0)


def _warn_of(left_out: list[str]) -> None:
    """Name the files of a folder that are not filled."""
    for each in left_out[:NAMED]:
        click.echo(f"Warning: left out {each}", err=True)
    if len(left_out) > NAMED:
        click.echo(f"Warning: left out {len(left_out) - NAMED:,} more files", err=True)


def _make(encoder: str | None, device: str | None) -> Encoder:
    """The encoder of a worker, which may be in a process of its own."""
    terminal.guard()
    return make_encoder(encoder, device=device)


def _engine(
    store: VoiceStore, made: MakeEncoder, workers: int | None, ray: str | None, cores: int
) -> Engine:
    if ray is not None:
        return RayActors(store, made, ray, workers, cores)
    return Processes(store, made, workers) if workers and workers > 1 else Here(store, made)


@contextmanager
def _stop_requested() -> Iterator[Callable[[], bool]]:
    """Gives whether Ctrl-C or a termination signal arrived; the second one stops at once."""
    requested = False

    def handle(_number: int, _frame: object) -> None:
        nonlocal requested
        if requested:
            raise KeyboardInterrupt
        requested = True
        # Not click.echo, which would write past the live table.
        sys.stderr.write("finishing the recordings in progress; press again to stop at once\n")

    before = {each: signal.signal(each, handle) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: requested
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _write_report(report: IngestReport, name: str) -> None:
    click.echo(
        f"{output.counted(report.videos, 'recording')}: {report.complete:,} already complete,"
        f" {report.filled:,} filled ({output.counted(report.vectors, 'vector')}),"
        f" {len(report.failed):,} failed"
        + (f", {report.erased:,} erased before" if report.erased else "")
        + (f"; {len(report.invalid):,} with invalid segments" if report.invalid else "")
        + ("; stopped" if report.stopped else "")
    )
    problems = [(each.video, each.error) for each in report.failed]
    problems += [(each.video, each.invalid) for each in report.invalid]
    for video, problem in problems[:NAMED]:
        click.echo(output.printable(f"  {video}: {problem}"))
    if problems:
        click.echo(output.printable(f"`pgvoice ingest failed {shlex.quote(name)}` lists them all"))


@ingest.command(epilog="Example: pgvoice ingest status --watch")
@click.argument("name", required=False)
@click.option("--watch", is_flag=True, help="Keep showing the progress until nothing is left.")
@options.wide_option
@options.store_options
def status(store: VoiceStore, name: str | None, watch: bool, as_json: bool) -> None:
    """Show the progress of all ingests, or of one."""
    if watch:
        progress.watch(lambda: store.ingests.status(name))
    found = store.ingests.status(name)
    if as_json:
        output.write_json(found)
    elif found:
        progress.write_status(found)
    else:
        click.echo("no ingest yet: see `pgvoice ingest run --help`")


@ingest.command(epilog="Example: pgvoice ingest metrics > /var/lib/node_exporter/pgvoice.prom")
@click.argument("name", required=False)
@options.open_store
def metrics(store: VoiceStore, name: str | None) -> None:
    """Print the progress of all ingests, or of one, for Prometheus."""
    click.echo(exposition(store.ingests.status(name)), nl=False)


@ingest.command(epilog="Example: pgvoice ingest failed library --output again.jsonl")
@click.argument("name", required=False)
@click.option(
    "--output",
    "manifest",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write them to a manifest (JSON lines) that can be run again.",
)
@options.wide_option
@options.store_options
def failed(store: VoiceStore, name: str | None, manifest: Path | None, as_json: bool) -> None:
    """List recordings that failed or have invalid segments.

    A recording whose other segments are filled is named too, as long as some of its segments are
    not spans of time.
    """
    found = store.ingests.failed(name)
    if manifest is not None:
        lines = "".join(f"{json.dumps(dict(each.document))}\n" for each in found)
        write_file(manifest, lines.encode(), overwrite=True)
    output.write_list(
        found,
        as_json,
        [
            "recording",
            output.word("state"),
            output.number("attempts", 1),
            output.explanation("problem", "red"),
        ],
        lambda each: (
            each.video,
            "filled" if each.filled else "failed",
            each.attempts,
            each.error,
        ),
        "no recording failed",
    )
