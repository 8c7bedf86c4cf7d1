"""The memory of a fill of a very long recording: ``python tests/benchmarks/memory.py --help``.

The file repeats a piece of speech. The fill runs in its own process, so that nothing else counts.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import long_files, machine
from pgvoice_benchmarks.encoding.models import MODELS
from pgvoice_benchmarks.material import FORMATS, spans
from pgvoice_benchmarks.tables import Table, seconds
from pgvoice_testkit.servers.databases import plain, temporary_folder, temporary_store

from pgvoice.cli.output import size, waiting
from pgvoice.store import VoiceStore


@click.command()
@click.option("--hours", type=float, default=10, show_default=True)
@click.option("--segments", "number", type=click.IntRange(1), default=20_000, show_default=True)
@click.option("--format", "name", type=click.Choice([*FORMATS]), default="mp3", show_default=True)
@click.option(
    "--encoder",
    type=click.Choice(["counting", *MODELS]),
    default="counting",
    show_default=True,
    help="counting has no model; others take about a tenth of the audio's duration on a CPU.",
)
@click.option("--markdown", is_flag=True, help="Print a Markdown table.")
def main(hours: float, number: int, name: str, encoder: str, markdown: bool) -> None:
    """Measure the peak resident memory of a fill."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    command = shlex.join(["python", "tests/benchmarks/memory.py", *sys.argv[1:]])
    for line in (f"`{command}`, {date.today()}", machine.describe()):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    with temporary_folder() as folder, temporary_store() as store:
        with waiting(f"making {hours:g} h of {name}"):
            audio = long_files.write(folder, name, hours * 3600)
        segments = folder / "segments.json"
        segments.write_text(json.dumps(spans(hours * 3600, number)))
        found = fill(store, source(encoder, folder), audio, segments)
    table(f"{hours:g} h of {name}, {number:,} segments, {encoder}", found).show(
        console, markdown=markdown
    )


def source(encoder: str, folder: Path) -> str:
    """The name of the encoder; weights without a package are written to the folder."""
    return MODELS[encoder]("cpu").source(folder) if encoder in MODELS else encoder


def fill(store: VoiceStore, encoder: str, audio: Path, segments: Path) -> dict[str, Any]:
    """The measurements of the process."""
    script = Path(long_files.__file__).with_name("fill_memory.py")
    arguments = [plain(store.database.url), encoder, str(audio), str(segments)]
    done = subprocess.run(
        [sys.executable, str(script), *arguments], check=True, stdout=subprocess.PIPE
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def table(title: str, found: dict[str, Any]) -> Table:
    start, model, end = found["peaks"]
    shown = Table(title, ("what", "measured"))
    shown.add("peak resident memory before the model", size(start))
    shown.add("with the model", size(model))
    shown.add("after the fill", size(end))
    shown.add("beyond the model", size(end - model))
    for name in ("seconds", "decode", "encode"):
        shown.add(f"{name} of the fill" if name == "seconds" else name, seconds(found[name]))
    shown.add("vectors", f"{found['vectors']:,}")
    return shown


if __name__ == "__main__":
    main()
