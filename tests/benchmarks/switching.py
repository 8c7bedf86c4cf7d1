"""From CAM++ to GE2E and back, with real speech: ``python tests/benchmarks/switching.py``.

Simulates recordings of real people, who are enrolled, named, denied and linked with CAM++; switches
to GE2E (the plugin in tests/plugins, whose weights come from the package index) and back, and exits
with 1 if anything that belongs to a person changes, or another label than the report showed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks.machine import describe
from pgvoice_benchmarks.switching import measuring
from pgvoice_benchmarks.switching.real_library import Voices, make, simulate
from pgvoice_benchmarks.tables import Table
from pgvoice_testkit.audio.shared_recordings import SPEECH
from pgvoice_testkit.processes.installing import install_plugins
from pgvoice_testkit.servers.databases import temporary_store

from pgvoice.hooks import make_encoder


@click.command()
@click.argument("speech", type=click.Path(file_okay=False, path_type=Path), default=SPEECH)
@click.option("--recordings", default=200, show_default=True)
@click.option("--markdown", is_flag=True, help="Print for tests/README.md.")
def main(speech: Path, recordings: int, markdown: bool) -> None:
    """Switch a library of the voices in the folder SPEECH [default: ../shared/speech]."""
    with tempfile.TemporaryDirectory() as folder, temporary_store() as store:
        site = Path(folder, "site")
        install_plugins(site, "ge2e")
        sys.path.insert(0, str(site))
        old, new = make_encoder("campplus"), make_encoder("ge2e")
        voices = Voices(speech)
        episodes = simulate(voices, Path(folder), recordings)
        make(store, voices, episodes, old)
        table = Table(f"{recordings} recordings, on {describe()}", ("what", "measured"), words=2)
        measuring.rows(measuring.switch_and_return(store, episodes, old, new), table.add)
        table.show(Console(), markdown=markdown)


if __name__ == "__main__":
    main()
