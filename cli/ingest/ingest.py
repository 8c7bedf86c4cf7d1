"""``pgvoice ingest``: recordings in, named speakers out."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import click

from pgvoice.cli import options, output
from pgvoice.cli.errors import INVALID_SEGMENT
from pgvoice.cli.group import FAILED
from pgvoice.cli.ingest import following, progress, working
from pgvoice.cli.ingest.group import Default, DefaultGroup
from pgvoice.cli.ingest.report import finished, write_report
from pgvoice.cli.voices.linking import MEANING
from pgvoice.hooks.ingest.given import Given
from pgvoice.hooks.ingest.running import Ingest
from pgvoice.hooks.ingest.watching import Watched, watch
from pgvoice.store.voice_store import VoiceStore

#: The files that a message names.
NAMED = 10
#: Only this machine can connect here.
HERE = "127.0.0.1"


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


@click.command(
    cls=Default,
    no_args_is_help=True,
    epilog="""\b
Examples: pgvoice ingest ~/podcasts
          pgvoice ingest talk.mp3 meetings/ --encoder campplus
          pgvoice ingest inbox/ --watch --link
          pgvoice ingest library.csv --workers 2
          pgvoice ingest library.jsonl --shard 3/8
          pgvoice ingest library.parquet --ray head.example:6379""",
)
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=options.ExistingPath(path_type=Path)
)
@click.option("--name", metavar="NAME", help="Name of the ingest [the first PATH's].")
@click.option("--video", metavar="VIDEO", help="Your own name for a single recording [the file's].")
@click.option(
    "--link",
    is_flag=True,
    help="Also link voices of people who are not enrolled across recordings, from now on, as"
    " `pgvoice voices enable` does.",
)
@click.option(
    "--watch", "watching", is_flag=True, help="Then wait for new recordings until Ctrl-C."
)
@click.option(
    "--every",
    type=options.Number(0.1, 86_400),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How often --watch looks.",
)
@options.worker_options
@options.integer("--limit", 1, "Fill at most this many recordings.")
@click.option(
    "--shard",
    type=_shard,
    default="1/1",
    metavar="I/N",
    help="Take only the I-th of N parts of the recordings.",
)
@click.option(
    "--metrics",
    type=_address,
    metavar="[HOST:]PORT",
    help="Serve Prometheus metrics meanwhile, on this machine only unless a host is given.",
)
@options.segmenter_option
@options.model_options
@options.store_options
@click.pass_context
def start(
    context: click.Context,
    store: VoiceStore,
    paths: tuple[Path, ...],
    name: str | None,
    video: str | None,
    link: bool,
    watching: bool,
    every: float,
    workers: int | None,
    ray: str | None,
    cores: int,
    retries: int,
    limit: int | None,
    shard: tuple[int, int],
    metrics: tuple[str, int] | None,
    segmenter: str | None,
    encoder: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Find out who speaks in recordings, from their audio alone.

    Each PATH is a recording, a folder of recordings, or a manifest. pgvoice finds who speaks when,
    computes the voice embeddings that are missing, and keeps the names of people who are enrolled.
    Segments that lie beside a recording, such as talk.rttm or talk.srt beside talk.mp3, are used
    instead of finding them.

    A manifest is a CSV, JSON lines or Parquet file with the columns video, audio (a file; if empty,
    pgvoice looks it up in its audio sources), segments (a file, or a list of [start, end]; if
    empty, they are found) and uri (the recording's name in a file that covers several).

    The state is in the database: running an ingest again does only what is missing. Ctrl-C
    finishes the recordings in progress first; a second Ctrl-C stops at once. The exit code is 1 if
    recordings failed, and else 3 if some have segments that are not spans of time.
    """
    given = Given(paths, video)
    if video is not None and not given.is_one:
        raise click.UsageError("--video names a single recording: give one file.")
    if watching and limit is not None:
        raise click.UsageError("--watch goes on, and --limit ends: give one of them.")
    called = name or given.name
    _warn_of(given.left_out())
    if link:
        _enable(store)
    made = (
        partial(working.guarded_encoder, encoder, device),
        partial(working.guarded_segmenter, segmenter, device),
    )
    with (
        redirect_stdout(sys.stderr),  # Ray prints messages
        working.engine_of(store, *made, workers, ray, cores) as engine,
        progress.measured(lambda: store.ingests.status(called), metrics) as ask,
        working.stop_requested(
            lambda: "the recordings in progress" if engine.steps else None
        ) as stop,
        progress.shown(ask, engine, one=given.is_one) as tell,
    ):
        work = Ingest(
            engine,
            called,
            retries=retries,
            limit=limit,
            shard=shard,
            stop=stop,
            on_progress=lambda _report: tell(),
        )
        if watching:
            watch(Watched(given), work, stop, every, tell=working.say)
        else:
            work.run(given)
    output.write(finished(store, called, work.report), as_json, write_report)
    failed, invalid = work.report.failed, work.report.invalid
    context.exit(FAILED if failed else INVALID_SEGMENT if invalid else 0)


ingest = DefaultGroup("ingest", default=start)
for command in (following.status, following.failed, following.metrics):
    ingest.add_command(command)


def _warn_of(left_out: list[str]) -> None:
    """Name the files of folders that are not filled."""
    for each in left_out[:NAMED]:
        click.echo(f"Warning: left out {each}", err=True)
    if len(left_out) > NAMED:
        click.echo(f"Warning: left out {len(left_out) - NAMED:,} more files", err=True)


def _enable(store: VoiceStore) -> None:
    """Link voices from now on, unless that is done already."""
    if store.voices.settings().enabled:
        return
    with output.progress("linking") as bar:
        store.voices.enable(progress=bar)
    click.echo(f"{MEANING}\n", err=True)
