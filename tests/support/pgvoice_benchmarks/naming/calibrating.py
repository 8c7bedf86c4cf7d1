"""Thresholds calibrated on the speech of half of the people, and measured on the other half."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import fields

import numpy as np

from pgvoice.store import Turn
from pgvoice.store.errors import CalibrationUnsupported
from pgvoice_benchmarks.naming.libraries import Library
from pgvoice_benchmarks.naming.recordings import Piece
from pgvoice_benchmarks.naming.trials import Flags, Trials, galleries, identified

#: People who are enrolled to calibrate, if half of them are that many; at least two stay strangers.
CALIBRATED_WITH = 8


def calibrated(
    library: Library, gallery: int, halves: int, draws: int, target: float
) -> tuple[Trials, Flags] | None:
    """Trials of people whom the thresholds were not tuned on, and who is named.

    None if no calibration was possible or there were too few people.
    """
    found = []
    for seed in range(halves):
        people = np.random.default_rng(seed).permutation(sorted(library.candidates())).tolist()
        tuned, others = people[: len(people) // 2], people[len(people) // 2 :]
        if _calibrate(library, tuned, target, seed):
            drawn = galleries(library, gallery, draws, among=others, seed=seed)
            trials = identified(library, drawn, speech_of=_not(library, tuned))
            bands = library.required(gallery)
            found.append((trials, trials.reach(bands)))
            library.run("DELETE FROM pgvoice.calibration")
    kept = [(trials, flags) for trials, flags in found if len(trials)]
    return _joined(kept) if kept else None


def _calibrate(library: Library, people: list[str], target: float, seed: int) -> bool:
    size = min(CALIBRATED_WITH, len(people) - 2)
    for gallery in galleries(library, size, 1, among=people, seed=seed) if size > 0 else ():
        library.enroll(gallery)
        try:
            made = library.store.thresholds.calibrate(target, labels=_labels(library, people))
        except CalibrationUnsupported:
            return False
        if made.id is not None and not made.active:
            library.store.thresholds.activate(made.id)
        return made.id is not None
    return False


def _labels(library: Library, people: Iterable[str]) -> dict[str, list[Turn]]:
    """The named turns of these people."""
    named: dict[str, list[Turn]] = defaultdict(list)
    for key, recording in library.recordings.items():
        named[key] = [turn for turn in recording.turns if turn.label in set(people)]
    return {key: turns for key, turns in named.items() if turns}


def _not(library: Library, people: Iterable[str]) -> set[str]:
    pieces: Iterable[Piece] = (one for several in library.pieces.values() for one in several)
    return {piece.person for piece in pieces} - set(people)


def _joined(found: list[tuple[Trials, Flags]]) -> tuple[Trials, Flags]:
    """All trials, with the galleries numbered on."""
    arrays = {
        field.name: np.concatenate([getattr(trials, field.name) for trials, _ in found])
        for field in fields(Trials)
    }
    sizes = [int(trials.draw.max()) + 1 for trials, _ in found]
    first = np.repeat(np.cumsum([0, *sizes[:-1]]), [len(trials) for trials, _ in found])
    arrays["draw"] = arrays["draw"] + first
    return Trials(**arrays), np.concatenate([flags for _, flags in found])
