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
    """The figures of a folder, by step and by name; each is saved as soon as it is known."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        kept = json.loads(self._file.read_text("utf-8")) if self._file.exists() else {}
        self._steps: dict[str, dict[str, Figure]] = {
            step: {name: Figure(*figure) for name, figure in figures.items()}
            for step, figures in kept.items()
        }

    def steps(self) -> list[str]:
        """The steps that have figures, in the order of their first run."""
        return list(self._steps)

    def of(self, step: str) -> dict[str, Figure]:
        """The figures of a step; none if it was never run."""
        return dict(self._steps.get(step, {}))

    def value(self, step: str, name: str) -> float:
        """One figure; 0 if it was not measured."""
        found = self._steps.get(step, {}).get(name)
        return found.value if found else 0.0

    def keep(self, step: str, name: str, value: float, unit: str = "s") -> None:
        figure = Figure(float(value), unit, str(date.today()))
        self._steps.setdefault(step, {})[name] = figure
        self._save()

    def forget(self, step: str) -> None:
        """Forget what an earlier run of a step measured."""
        self._steps.pop(step, None)
        self._save()

    def _save(self) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(self._steps, indent=1), "utf-8")
        new.replace(self._file)
