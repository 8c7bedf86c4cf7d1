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

    An index covers the segments of one encoder that were stored before it was built. Searches
    compare newer ones one by one, so they find these as well. Below 10,000 segments you need none.
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
@click.option("--anew", is_flag=True, help="Replace an index that covers nearly all segments, too.")
@options.stored_encoder_option
@options.store_options
def build(
    store: VoiceStore,
    memory: str | None,
    workers: int | None,
    anew: bool,
    encoder: str | None,
    as_json: bool,
) -> None:
    """Build the index; fills and searches go on meanwhile.

    Replaces an index once it is outgrown: when at least 10,000 segments, and a tenth of those that
    it covers, were stored since. Searches use the old one until the new one is complete. A build
    drops what an interrupted one left behind, and waits for running fills.
    """
    label = str(store.encoders.find(encoder).identity)
    if memory is None:
        _warn_of_memory(store, label, anew=anew)
    with _progress() as on_progress:
        report = store.index.build(
            encoder, memory=memory, workers=workers, on_progress=on_progress, anew=anew
        )
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
    columns: output.Columns = [
        "encoder",
        output.number("segments"),
        output.word("index"),
        output.number("newer"),
        *numbers,
    ]
    output.write_table(columns, map(_row, found))
    for one in found:
        for line in advice(one):
            click.echo(line)


@index.command(epilog="Example: pgvoice index drop --encoder campplus")
@options.stored_encoder_option
@options.store_options
def drop(store: VoiceStore, encoder: str | None, as_json: bool) -> None:
    """Drop the index; searches then compare every segment.

    No vector is lost.
    """
    label = str(store.encoders.find(encoder).identity)
    dropped = store.index.drop(encoder)
    if as_json:
        output.write_json({"encoder": label, "dropped": dropped})
    else:
        click.echo(f"{label}: " + (f"index dropped, {_parts(dropped)}" if dropped else "no index"))


def _warn_of_memory(store: VoiceStore, label: str, *, anew: bool) -> None:
    """Say if a build will have less memory than it needs."""
    found = next(one for one in store.index.status(rough=True) if one.encoder == label)
    needed = store.index.memory(label)
    if (anew or found.worth_building) and needed.usual < needed.graph:
        click.echo(
            f"Warning: the index needs {output.size(needed.graph)} of memory while it is built, and"
            f" takes {output.size(needed.usual)} unless --memory says more: what does not fit takes"
            " several times as long",
            err=True,
        )


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
        click.echo(f"{label}: the index is not outgrown; nothing to build")
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
    newer = one.tail if one.complete else None
    return one.encoder, one.segments, _state(one), newer, size, one.m, one.ef_construction


def _state(one: IndexStatus) -> str:
    if one.building:
        return "being built"
    if one.complete:
        return "outgrown" if one.outgrown else "complete"
    if one.invalid:
        return "interrupted"
    return f"{one.indexed} of {one.parts} partitions" if one.indexed else "none"


def advice_on(store: VoiceStore) -> list[str]:
    """What to do about the indexes of a store, a line each."""
    return [line for each in store.index.status(rough=True) for line in advice(each)]


def advice(one: IndexStatus) -> Iterator[str]:
    """What to do about an index, a line each."""
    if one.invalid:
        yield (
            f"{', '.join(one.invalid)}: left by an interrupted build;"
            " `pgvoice index build` drops it, and builds what is missing"
        )
    if one.slows_fills:
        yield (
            f"{one.encoder}: the index is of an earlier release, and slows down every fill;"
            " `pgvoice index build --anew` replaces it"
        )
    elif one.outgrown and not one.building:
        yield (
            f"{one.encoder}: {one.tail:,} segments are newer than the index, and every search"
            " compares them; `pgvoice index build` includes them"
        )
    elif one.worth_building and not one.invalid:
        yield f"{one.encoder}: `pgvoice index build` makes `pgvoice similar` fast"
