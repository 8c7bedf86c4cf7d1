"""``Findings``: the tables and the judged values of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console

from pgvoice_benchmarks.tables import Table


@dataclass(slots=True)
class Findings:
    """What a run found; `wrong` holds the values that are not what they should be."""

    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    right: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def judge(self, what: str, found: float, limit: float) -> None:
        """A value that should be at most `limit`."""
        within = found <= limit
        line = f"{what}: {found:.3g}, {'at most' if within else 'which is more than'} {limit:.3g}"
        (self.right if within else self.wrong).append(line)

    def show(self, console: Console, *, markdown: bool) -> None:
        """All tables and notes, then how many values are right, then the wrong ones."""
        for table in self.tables:
            table.show(console, markdown=markdown)
        judged = len(self.right) + len(self.wrong)
        lines = [*self.notes, f"{len(self.right)} of {judged} values are right", *self.wrong]
        for line in lines:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
