"""Figures that outlive the command that measured them: a JSON file beside the database."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import NamedTuple

FILE = "figures.json"


class Figure(NamedTuple):
    """A measured value, its unit (``s``, ``bytes``, ``share`` or none), and the day."""

    value: float
    unit: str
    measured: str


class Figures:
    """The figures of a folder, by step and by name; each is saved as soon as it is known.

    They are read again each time, so that two commands can measure at once.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE

    def steps(self) -> dict[str, dict[str, Figure]]:
        """All figures, in the order in which they were first measured."""
        kept = json.loads(self._file.read_text("utf-8")) if self._file.exists() else {}
        return {
            step: {name: Figure(*figure) for name, figure in figures.items()}
            for step, figures in kept.items()
        }

    def value(self, step: str, name: str) -> float:
        """One figure; 0 if it was not measured."""
        found = self.steps().get(step, {}).get(name)
        return found.value if found else 0.0

    def keep(self, step: str, name: str, value: float, unit: str = "s") -> None:
        """Save a figure in place of an earlier one."""
        steps = self.steps()
        steps.setdefault(step, {})[name] = Figure(float(value), unit, str(date.today()))
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(steps, indent=1), "utf-8")
        new.replace(self._file)
