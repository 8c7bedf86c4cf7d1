"""``pgvoice vectors import``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from pgvoice.cli import options, output
from pgvoice.cli.answers.index import advice_on
from pgvoice.hooks.vectors.importing import import_vectors
from pgvoice.store.encoders.importing import (
    GUESS,
    UNKNOWN_REVISION,
    ImportedEncoder,
    VectorsImported,
)
from pgvoice.store.recordings.encoders import IMPORTED_PER_LABEL, Threshold
from pgvoice.store.voice_store import VoiceStore


def _engine(value: str) -> ImportedEncoder:
    name, at, revision = value.partition("@")
    try:
        return ImportedEncoder(name, revision if at else UNKNOWN_REVISION)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command(
    "import",
    epilog="""\b
Examples: pgvoice vectors import talk.json --encoder pyannote@3.1 --dry-run
          pgvoice vectors import library.parquet --encoder titanet
          pgvoice vectors import talk.npy --segments talk.rttm --encoder x@2""",
)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=options.ExistingPath(path_type=Path),
    metavar="FILE...",
)
@click.option(
    "--encoder",
    "engine",
    required=True,
    type=_engine,
    metavar="NAME[@REVISION]",
    help="What to call the engine that made the vectors, and its version [unknown].",
)
@click.option(
    "--video", metavar="KEY", help="The recording, for one file [named in the file, or its name]."
)
@click.option(
    "--segments",
    type=options.ExistingPath(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Times of the vectors in an .npy file [a file beside it].",
)
@click.option(
    "--threshold",
    type=options.Number(0, 1, min_open=True, max_open=True),
    metavar="X",
    help=f"Similarity that names somebody, for a new encoder [{GUESS.similarity}, a guess].",
)
@click.option(
    "--per-label",
    is_flag=True,
    help="Each label has one vector, which the file repeats in its segments.",
)
@click.option(
    "--replace", is_flag=True, help="First delete what is stored of the encoder in a recording."
)
@options.dry_run("imported")
@options.wide_option
@options.store_options
def import_(
    store: VoiceStore,
    files: tuple[Path, ...],
    engine: ImportedEncoder,
    video: str | None,
    segments: Path | None,
    threshold: float | None,
    per_label: bool,
    replace: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Store the vectors of other engines under an encoder of their own.

    A FILE, or each file in a folder, is JSON (segments with start, end, embedding and perhaps
    speaker; as a list, in `segments`, by recording, or a line each), npz or Parquet with the same
    columns (Parquet needs the extra "parquet"), or npy with a file of segments beside it. The
    column `video` names the recording.

    WhisperX (--speaker_embeddings) and pyannote.audio have one vector per label. All segments of
    the label get it, under an encoder whose name ends in imported-per-label.

    Vectors are scaled to unit length. Segments with a speaker become the turns of a recording that
    has none. Importing a file again adds nothing. Each file is checked as a whole first.
    """
    with output.progress("importing") as progress:
        done = import_vectors(
            store,
            files,
            ImportedEncoder(engine.name, engine.revision, per_label),
            video=video,
            segments=segments,
            threshold=None if threshold is None else Threshold(threshold, "given to the import"),
            replace=replace,
            dry_run=dry_run,
            progress=progress,
        )
    if as_json:
        output.write_json({"dry_run": dry_run, "recordings": done})
        return
    _write_recordings(done)
    _write_encoder(store, done, dry_run)


def _write_recordings(done: Sequence[VectorsImported]) -> None:
    replaced = any(each.replaced for each in done)
    output.write_table(
        [
            "video",
            *output.numbers("vectors", "stored before", *["replaced"] * replaced, "turns"),
            output.explanation("without a vector"),
        ],
        [
            (
                each.video,
                each.added,
                each.hits,
                *[each.replaced] * replaced,
                each.turns,
                _skipped(each.skipped),
            )
            for each in done
        ],
    )


def _skipped(skipped: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {status}" for status, count in skipped.items()) or output.NOTHING


def _write_encoder(store: VoiceStore, done: Sequence[VectorsImported], dry_run: bool) -> None:
    identity = done[0].encoder
    vectors = output.counted(sum(each.added for each in done), "vector")
    imported = output.done("imported", dry_run)
    click.echo()
    output.say(f"{vectors} of {identity.dimension} numbers {imported} as {identity}")
    besides = sum(each.besides_turns for each in done)
    if besides:
        output.say(
            f"{output.counted(besides, 'segment')} not among the stored turns, so nobody is named"
            " there unless you ask for these times"
        )
    if identity.preprocessing == IMPORTED_PER_LABEL:
        output.say("each label has one vector, so these do not serve to calibrate thresholds")
    known = [each for each in store.encoders.list() if each.identity == identity]
    if not known or known[0].threshold == GUESS:
        output.say(
            f"its threshold of {GUESS.similarity} is a guess: import again with --threshold X, or"
            " `pgvoice calibrate`"
        )
    if not dry_run:
        for line in advice_on(store):
            output.say(line)
