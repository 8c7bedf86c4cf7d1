"""``LabelRow``: a diarizer's label of a recording as a whole."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pgvoice.cli.serve.timeline.rows import TurnRow

#: Labels at most, those with the most speech first.
SHOWN = 100
#: Names of one label at most.
_NAMED = 4


@dataclass(frozen=True, slots=True)
class LabelRow:
    """All turns of a diarizer's label."""

    label: str
    turns: int
    seconds: float
    #: Who speaks in them, and in how many, the most first.
    names: list[tuple[str, int]]
    #: The unknown voice that the label is linked with.
    voice: int | None
    #: Its longest turn that nobody overlaps, or else its longest.
    best: TurnRow


def labels(rows: Sequence[TurnRow]) -> list[LabelRow]:
    """The labels of these turns, those with the most speech first."""
    grouped = defaultdict[str, list[TurnRow]](list)
    for row in rows:
        if row.label is not None:
            grouped[row.label].append(row)
    found = [_label(label, each) for label, each in grouped.items()]
    return sorted(found, key=lambda row: (-row.seconds, row.label))


def _label(label: str, rows: Sequence[TurnRow]) -> LabelRow:
    return LabelRow(
        label=label,
        turns=len(rows),
        seconds=sum(row.end - row.start for row in rows),
        names=Counter(row.who for row in rows).most_common(_NAMED),
        voice=next((row.voice for row in rows if row.voice is not None), None),
        best=max(rows, key=lambda row: (row.overlap <= 0, row.end - row.start)),
    )
