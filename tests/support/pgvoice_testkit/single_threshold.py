"""The threshold for a FAR without any model of the similarities."""

from __future__ import annotations

import numpy as np

from pgvoice.store.thresholds.measures import Floats, needed_searches


def threshold_at_far(similarity: Floats, target: float) -> float:
    """The lowest threshold at which another search by somebody outside is answered this rarely.

    `similarity`, shape (searches,), are the best similarities of searches by people outside the
    gallery. Another search of the same kind exceeds the k-th highest of n with probability
    k / (n + 1), whatever the distribution; k is the greatest for which that is at most `target`.
    Raises `ValueError` for fewer than 1 / `target` - 1 searches.
    """
    rank = int(np.floor(target * (len(similarity) + 1) + 1e-9))
    if rank < 1:
        raise ValueError(
            f"{len(similarity)} searches cannot tell a rate of {target:g}:"
            f" {needed_searches(target)} are needed"
        )
    highest = np.sort(similarity)[-rank]
    return float(np.nextafter(highest, np.inf))
