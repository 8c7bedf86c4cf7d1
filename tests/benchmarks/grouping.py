"""Recordings whose turns have no labels: ``python tests/benchmarks/grouping.py``.

CAM++ on recordings whose speakers are known, filled one at a time without their labels into a store
that links voices. Segments are grouped within each recording, and the groups are linked.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path

import click
from rich.console import Console
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import machine
from pgvoice_benchmarks.naming.recordings import (
    SETS,
    SINGLE,
    Recording,
    clean_parts,
    read,
)
from pgvoice_benchmarks.naming.remembering import Remembering
from pgvoice_benchmarks.tables import Table
from pgvoice_testkit.audio.shared_recordings import SPEECH
from pgvoice_testkit.servers.databases import run, temporary_folder

from pgvoice.hooks import fill, make_encoder
from pgvoice.store import Turn, VoiceStore
from pgvoice.store.keys import snap_segment

#: A segment: its recording, start and end in milliseconds.
Segment = tuple[str, int, int]
GROUPED = text(
    "SELECT v.key, g.start_ms, g.end_ms, o.label, l.unknown_voice_id FROM pgvoice.voice o"
    " JOIN pgvoice.video v ON v.id = o.video_id"
    " LEFT JOIN pgvoice.linked_voice l USING (video_id, label, encoder_id)"
    " CROSS JOIN unnest(o.starts_ms, o.ends_ms) AS g(start_ms, end_ms)"
)
COLUMNS = (
    *("recordings", "segments", "groups", "in a recording: precision", "recall", "F"),
    *("left out", "linked: precision", "recall", "F"),
)


@click.command()
@click.option("--speech", type=click.Path(path_type=Path), default=SPEECH, help="The recordings.")
@click.option("--markdown", is_flag=True, help="Print Markdown tables.")
def main(speech: Path, markdown: bool) -> None:
    """Print how right the groups are, weighted by seconds (B-cubed)."""
    if not speech.is_dir():
        raise SystemExit(f"no recordings at {speech}")
    encoder, table = Remembering(make_encoder("campplus")), Table("No labels", COLUMNS, 2)
    sets = {name: read(name, speech) for name in (*SETS, *SINGLE)}
    sets["all in one library"] = [each for found in sets.values() for each in found]
    with temporary_folder() as folder, VoiceStore.open(folder=folder, consent=False) as store:
        for name, recordings in sets.items():
            for kind, spoken in (("turns", _turns), ("clean parts", _clean)):
                truth = {
                    (one.key, *snap_segment((turn.start, turn.end), store.grid_ms)): turn.label
                    for one in recordings
                    for turn in spoken(one)
                }
                _fill(store, encoder, recordings, truth)
                table.add(name, kind, *_cells(store, truth))
    console = Console(width=160)
    table.show(console, markdown=markdown)
    console.print(machine.describe())


def _turns(recording: Recording) -> list[Turn]:
    return recording.turns


def _clean(recording: Recording) -> list[Turn]:
    """What is left of the turns without overlap."""
    return [
        Turn(start / 1000, end / 1000, turn.label)
        for turn in recording.turns
        for start, end in clean_parts(recording, turn)
    ]


def _fill(
    store: VoiceStore,
    encoder: Remembering,
    recordings: Iterable[Recording],
    truth: Mapping[Segment, str | None],
) -> None:
    """Forget everything, and fill these recordings without labels."""
    run(store.database.engine, "TRUNCATE pgvoice.video, pgvoice.encoder CASCADE")
    store.voices.enable()
    for one in recordings:
        turns = [Turn(key[1] / 1000, key[2] / 1000) for key in truth if key[0] == one.key]
        fill(store, encoder, video=one.key, audio=one.audio, segments=turns)


def _cells(store: VoiceStore, truth: Mapping[Segment, str | None]) -> Iterable[str]:
    with store.database.engine.connect() as connection:
        rows = {tuple(row[:3]): row[3:] for row in connection.execute(GROUPED).all()}
    heard = [key for key in truth if key[2] - key[1] >= 600]
    groups = {key: (key[0], rows[key][0]) if key in rows else key for key in heard}
    within = {key: (key[0], truth[key]) for key in heard}
    alone = sum(key[2] - key[1] for key in heard if key not in rows)
    yield f"{len(heard)}"
    yield f"{len({groups[key] for key in heard if key in rows})}"
    yield from _b_cubed(groups, within)
    yield f"{100 * alone / sum(key[2] - key[1] for key in heard):.1f} %"
    linked = {key: rows[key][1] or groups[key] for key in heard if key in rows}
    yield from _b_cubed(linked, {key: truth[key] for key in linked})


def _b_cubed(
    groups: Mapping[Segment, Hashable], people: Mapping[Segment, Hashable]
) -> Iterable[str]:
    """Precision, recall and F; every segment counts with its duration."""
    found: Counter[Hashable] = Counter()
    persons: Counter[Hashable] = Counter()
    both: Counter[tuple[Hashable, Hashable]] = Counter()
    for key, group in groups.items():
        ms = key[2] - key[1]
        found[group] += ms
        persons[people[key]] += ms
        both[group, people[key]] += ms
    total = sum(found.values())
    precision = sum(ms * ms / found[group] for (group, _), ms in both.items()) / total
    recall = sum(ms * ms / persons[person] for (_, person), ms in both.items()) / total
    f = 2 * precision * recall / (precision + recall)
    return [f"{value:.3f}" for value in (precision, recall, f)]


if __name__ == "__main__":
    main()
