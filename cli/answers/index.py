"""``pgvoice index``: the vector index that `pgvoice similar` uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import Group
from pgvoice.store.answers.index_building import BuildReport
from pgvoice.store.answers.indexes import BuildProgress, IndexStatus
from pgvoice.store.voice_store import VoiceStore


@click.group(cls=Group)
def index() -> None:
    """Make `pgvoice similar` fast in a large library.

    An index covers the segments of one encoder; new segments are added to it automatically. Below
    10,000 segments you need none.
    """


@index.command(epilog="Example: pgvoice index build --memory 2GB --workers 4")
@click.option(
    "--memory",
    metavar="SIZE",
    help="Memory for the build, such as 2GB [what the segments need, up to 2 GB].",
)
@click.option(
    "--workers",
    type=click.IntRange(0, 64),
    metavar="N",
    help="Parallel worker processes [max_parallel_maintenance_workers of the server].",
)
@options.stored_encoder_option
@options.store_options
def build(
    store: VoiceStore, memory: str | None, workers: int | None, encoder: str | None, as_json: bool
) -> None:
    """Build the index; fills and searches go on meanwhile.

    Do bulk fills first: rows are added about ten times faster without an index. A build drops what
    an interrupted one left behind, and waits for running fills.
    """
    label = str(store.encoders.find(encoder).identity)
    with _progress() as on_progress:
        report = store.index.build(encoder, memory=memory, workers=workers, on_progress=on_progress)
    if as_json:
        output.write_json({"encoder": label} | asdict(report))
    else:
        _write_report(label, report)


@index.command(epilog="Example: pgvoice index status")
@options.wide_option
@options.store_options
def status(store: VoiceStore, as_json: bool) -> None:
    """Show which encoders' segments are indexed, and what to do if not."""
    found = store.index.status()
    if as_json:
        output.write_json({"encoders": found})
        return
    numbers = (output.number("size"), output.number("m", 2), output.number("ef_construction", 1))
    columns: output.Columns = ["encoder", output.number("segments"), output.word("index"), *numbers]
    output.write_table(columns, map(_row, found))
    for one in found:
        for line in _advice(one):
            click.echo(line)


@index.command(epilog="Example: pgvoice index drop --encoder campplus")
@options.stored_encoder_option
@options.store_options
def drop(store: VoiceStore, encoder: str | None, as_json: bool) -> None:
    """Drop the index; searches then compare every segment.

    Do this before a bulk fill. No vector is lost.
    """
    label = str(store.encoders.find(encoder).identity)
    dropped = store.index.drop(encoder)
    if as_json:
        output.write_json({"encoder": label, "dropped": dropped})
    else:
        click.echo(f"{label}: " + (f"index dropped, {_parts(dropped)}" if dropped else "no index"))


@contextmanager
def _progress() -> Iterator[Callable[[BuildProgress], None]]:
    """A bar if standard error is a terminal, else a line for each phase and each tenth."""
    with output.progress_bar("building") as bar:
        said = ""

        def tell(progress: BuildProgress) -> None:
            nonlocal said
            if bar is not None:
                bar(progress.blocks_done, progress.blocks_total)
                return
            tenths = 10 * progress.blocks_done // max(progress.blocks_total, 1)
            line = f"{progress.table}: {progress.phase}, {10 * tenths} %"
            if line != said:
                click.echo(line, err=True)
            said = line

        yield tell


def _write_report(label: str, report: BuildReport) -> None:
    if not report.built:
        click.echo(f"{label}: the index is complete; nothing to build")
        return
    click.echo(f"{label}: index built, {_parts(len(report.built))}")
    if report.without_workers is not None:
        click.echo(f"Warning: built without parallel workers: {report.without_workers}", err=True)
    if report.without_memory:
        click.echo(
            "Warning: built with the server's own maintenance_work_mem, because a pooler is in"
            " between; to build faster, raise it, or connect to the server itself (--url)",
            err=True,
        )


def _parts(count: int) -> str:
    return "in one piece" if count == 1 else f"one for each of {count} partitions"


def _row(one: IndexStatus) -> Sequence[output.Cell]:
    size = output.size(one.bytes) if one.bytes else None
    return one.encoder, one.segments, _state(one), size, one.m, one.ef_construction


def _state(one: IndexStatus) -> str:
    if one.building:
        return "being built"
    if one.indexed == one.parts:
        return "complete"
    if one.invalid:
        return "interrupted"
    return f"{one.indexed} of {one.parts} partitions" if one.indexed else "none"


def _advice(one: IndexStatus) -> Iterator[str]:
    if one.invalid:
        yield (
            f"{', '.join(one.invalid)}: left by an interrupted build;"
            " `pgvoice index build` builds it again"
        )
    elif one.worth_building:
        yield f"{one.encoder}: `pgvoice index build` makes `pgvoice similar` fast"
