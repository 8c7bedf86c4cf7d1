from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pgvoice.hooks.encoders.batches import equal_lengths


@given(st.lists(st.integers(0, 5)))
def test_every_place_is_in_the_group_of_its_length(sizes: list[int]) -> None:
    groups = equal_lengths([np.zeros(size, np.float32) for size in sizes])
    assert sorted(place for group in groups for place in group) == list(range(len(sizes)))
    assert [{sizes[place] for place in group} for group in groups] == [
        {s} for s in sorted({*sizes})
    ]
