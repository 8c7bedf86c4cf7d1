"""How well the encoder separates people, by the duration of what is compared."""

from __future__ import annotations

import numpy as np

from pgvoice.store.thresholds.measures import eer
from pgvoice_benchmarks.naming.libraries import Library
from pgvoice_benchmarks.naming.recordings import CLEAN, WINDOWS
from pgvoice_benchmarks.naming.vectors import of_pieces, of_voices
from pgvoice_benchmarks.tables import NOTHING, Table

_KINDS = (*(f"{seconds:g} s" for seconds in WINDOWS), CLEAN)


def table(library: Library) -> Table:
    """The equal error rate in each set: speech compared with the voices of its set.

    The same person's voice is from another recording; other people's are also from the same one.
    """
    found = Table("Equal error rate, %", ("recordings", *_KINDS))
    pieces, voices = of_pieces(library), of_voices(library)
    for group in dict.fromkeys(pieces.group.tolist()):
        cells = []
        heard = voices[voices.group == group]
        for kind in _KINDS:
            said = pieces[(pieces.group == group) & (pieces.kind == kind)]
            similarities = said.vectors @ heard.vectors.T
            same = said.person[:, None] == heard.person
            other = said.video[:, None] != heard.video
            rate = eer(
                similarities[same & other].astype(np.float64),
                similarities[~same].astype(np.float64),
            )
            cells.append(NOTHING if np.isnan(rate) else f"{100 * rate:.2f}")
        found.add(group, *cells)
    return found
