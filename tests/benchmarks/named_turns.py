"""DER and IER of names, by pyannote.metrics: ``python tests/benchmarks/named_turns.py``.

CAM++ on the sample of pyannote.audio and on the simulated podcast, in one library of six people.
The references' turns are named segment by segment and by a diarizer's clusters, with several fixed
thresholds, with the encoder's own, and with a calibration for FAR 1 % on 25 other people.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_testkit.audio.diarized_recordings import (
    CLUSTERINGS,
    Reference,
    errors,
    podcast_of_five,
    sample,
)
from pgvoice_testkit.audio.pieces import exemplars, fill_pieces, people
from pgvoice_testkit.audio.podcast import ENROLLED, STRANGER
from pgvoice_testkit.audio.shared_recordings import SPEECH
from pgvoice_testkit.servers.databases import temporary_store

from pgvoice.hooks import Encoder, make_encoder
from pgvoice.hooks.evaluate.diarization import DiarizationError
from pgvoice.store import Calibration, VoiceStore

THRESHOLDS = (0.2, 0.3, 0.5, 0.6, 0.7)
TARGET = 0.01


class Row(NamedTuple):
    """The errors of a recording with one threshold."""

    recording: str
    rule: str
    alone: DiarizationError
    clusters: Sequence[DiarizationError]

    @property
    def no_worse(self) -> int:
        """The number of clusterings with a DER and IER no higher than those of segments."""
        alone = self.alone
        return sum(one.der <= alone.der and one.ier <= alone.ier for one in self.clusters)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    if not SPEECH.is_dir():
        raise SystemExit(f"no recordings at {SPEECH}")
    encoder = make_encoder("campplus")
    with temporary_store() as store:
        calibration = calibrate(store, encoder)
        references = [sample(store, encoder), podcast_of_five(store, encoder, SPEECH)]
        show(measure(store, references), calibration)


def calibrate(store: VoiceStore, encoder: Encoder) -> Calibration:
    """Thresholds tuned on people of neither recording; five of them are enrolled meanwhile."""
    others = [name for name in people() if name not in (*ENROLLED, STRANGER)]
    for name, made in exemplars(encoder, others).items():
        store.people.enroll(name, made, encoder.identity, encoder.default_threshold)
    labels = fill_pieces(store, encoder, others)
    found = store.thresholds.calibrate(TARGET, labels=labels)
    if found.id is not None:  # also if it does not meet the target
        store.thresholds.activate(found.id)
    for name in others:
        store.people.remove(name)
    return found


def measure(store: VoiceStore, references: Sequence[Reference]) -> list[Row]:
    """Every recording with every threshold; resets the library to the encoder's own."""
    rows = [_row(store, one, "calibrated") for one in references]
    store.thresholds.reset()
    rows += [_row(store, one, "the encoder's own") for one in references]
    rows += [_row(store, one, f"{x:.2f}", x) for one in references for x in THRESHOLDS]
    return sorted(rows, key=lambda row: [one.video for one in references].index(row.recording))


def _row(store: VoiceStore, one: Reference, rule: str, threshold: float | None = None) -> Row:
    alone, clusters = errors(store, one, threshold)
    return Row(one.video, rule, alone, [clusters[name] for name in CLUSTERINGS])


def show(rows: Sequence[Row], calibration: Calibration) -> None:
    """DER and IER of each, and how often clusters were no worse."""
    table = Table("recording", "threshold", "per segment", *CLUSTERINGS, title="DER / IER")
    for row in rows:
        cells = [f"{one.der:.2%} / {one.ier:.2%}" for one in (row.alone, *row.clusters)]
        table.add_row(row.recording, row.rule, *cells)
    console = Console(highlight=False, width=120)
    console.print(table)
    bands = ", ".join(f"{band.threshold:.3f} from {band.min_s:g} s" for band in calibration.bands)
    console.print(f"calibrated: {bands}; collar 0, overlapping speech counted for each")
    held, of = sum(row.no_worse for row in rows), len(rows) * len(CLUSTERINGS)
    console.print(f"by clusters no worse than per segment, in DER and in IER: {held} of {of}")


if __name__ == "__main__":
    main()
