"""Tables of who got whose name, and what is required of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pgvoice_benchmarks.naming import figures
from pgvoice_benchmarks.naming.figures import Rate
from pgvoice_benchmarks.naming.recordings import CLEAN, SINGLE, TURN, WINDOWS
from pgvoice_benchmarks.naming.trials import Flags, Trials
from pgvoice_benchmarks.tables import NOTHING, Table

TARGET = 0.01
#: FAR at most, DIR at 3 s relative to the best fixed threshold, and right and wrong names in AMI.
MOST_FAR, LEAST_OF_BEST, LEAST_RIGHT, MOST_WRONG = 0.02, 0.97, 0.85, 0.02
MEETINGS = "ami-30s"
#: One recording of half a minute: too little to judge alone.
TWO_PEOPLE = SINGLE[0]
ALL = "all"
_WINDOWS = tuple(f"{seconds:g} s" for seconds in WINDOWS)
_LENGTHS = ", ".join(f"{seconds:g}" for seconds in WINDOWS)
_COLUMNS = (
    "recordings",
    "gallery",
    "thresholds",
    "FAR of windows (95 %)",
    f"FAR {_LENGTHS} s",
    "clean parts, turns",
    f"DIR {_LENGTHS} s",
    "clean parts, turns",
    "wrong",
    "best fixed: DIR 1, 3 s",
)


@dataclass(slots=True)
class Verdicts:
    """What is required, and whether it holds."""

    rows: list[tuple[str, str, bool]] = field(default_factory=list)

    def add(self, what: str, found: str, holds: bool) -> None:
        self.rows.append((what, found, holds))

    @property
    def all_hold(self) -> bool:
        return all(holds for _, _, holds in self.rows)

    def table(self) -> Table:
        table = Table("What is required", ("", "required", "found"), words=3)
        for what, found, holds in self.rows:
            table.add("holds" if holds else "FAILS", what, found)
        return table

    def judge(self, where: str, group: str, trials: Trials, gallery: int) -> None:
        """Add what is required of library thresholds in these trials of one set, or of all."""
        if group == TWO_PEOPLE:
            return
        where = f"{where}: {group}, {gallery} enrolled: "
        for name, among in (("windows", trials.window), (CLEAN, trials.kind == CLEAN)):
            found = figures.far(trials, trials.named, among)
            if not np.isnan(found.value):
                holds = found.value <= MOST_FAR and found.low <= TARGET
                self.add(
                    f"{where}FAR of {name} at most 2 %, 1 % in the interval", f"{found}", holds
                )
        if group != ALL:
            self._judge_names(where, trials)
        if group.startswith(MEETINGS):
            self._judge_meetings(where, trials)

    def _judge_names(self, where: str, trials: Trials) -> None:
        longest = trials.kind == "3 s"
        found = figures.dir_(trials, trials.named, longest)
        best = figures.best_fixed(trials, TARGET)
        most = figures.dir_(trials, trials.similarity >= best, longest)
        if most.value > 0:
            ratio = found.value / most.value
            number = int((trials.known & longest).sum())
            text = (
                f"{100 * ratio:.1f} % of {100 * most.value:.1f} % (at {best:.3f}); {number} trials"
            )
            self.add(f"{where}DIR at 3 s, of the best threshold's", text, ratio >= LEAST_OF_BEST)

    def _judge_meetings(self, where: str, trials: Trials) -> None:
        clean = trials.kind == CLEAN
        right = figures.dir_(trials, trials.named, clean)
        wrong = figures.wrong(trials, trials.named, clean)
        if not np.isnan(right.value):
            self.add(
                f"{where}85 % of clean speech right, 2 % wrong",
                f"{right}; {wrong}",
                right.value >= LEAST_RIGHT and wrong.value <= MOST_WRONG,
            )


def only(group: str, trials: Trials, flags: Flags) -> tuple[Trials, Flags]:
    """The trials of a set, and which of them are named."""
    kept = np.full(len(trials), True) if group == ALL else trials.group == group
    return trials[kept], flags[kept]


def table(title: str) -> Table:
    """An empty table for `rows`; rates without a unit are in percent."""
    return Table(title, _COLUMNS, words=3)


def rows(into: Table, where: str, gallery: int, named: dict[str, tuple[Trials, Flags]]) -> None:
    """A row for each rule: its trials, and which of them it names."""
    for rule, (trials, flags) in named.items():
        if not (trials.stranger.any() or trials.known.any()):
            continue
        cells = [where, str(gallery), rule, str(figures.far(trials, flags, trials.window))]
        for measure in (figures.far, figures.dir_):
            for kinds in (_WINDOWS, (CLEAN, TURN)):
                rates = (measure(trials, flags, trials.kind == kind) for kind in kinds)
                cells.append(" / ".join(map(_percent, rates)))
        clean = trials.kind == CLEAN
        into.add(*cells, _percent(figures.wrong(trials, flags, clean)), _best(trials))


def _best(trials: Trials) -> str:
    threshold = figures.best_fixed(trials, TARGET)
    reached = trials.similarity >= threshold
    rates = (figures.dir_(trials, reached, trials.kind == kind) for kind in ("1 s", "3 s"))
    return f"{threshold:.3f}: {' / '.join(map(_percent, rates))}"


def _percent(found: Rate) -> str:
    return NOTHING if np.isnan(found.value) else f"{100 * found.value:.1f}"
