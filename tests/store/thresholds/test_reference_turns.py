"""Which segments a reference tells the speaker of."""

from __future__ import annotations

import pytest

from pgvoice.store import LabelIsNoName, SegmentKey, Turn
from pgvoice.store.thresholds.reference_turns import spoken

KEY = SegmentKey(10_000, 20_000)


@pytest.mark.parametrize(
    ("turns", "speaker"),
    [
        ([(10, 20, "Ada")], "Ada"),
        ([(0, 18, "Ada")], "Ada"),
        ([(0, 17.9, "Ada")], None),
        ([(10, 15, "Ada"), (14, 18, "Ada")], "Ada"),
        ([(10, 15, "Ada"), (10, 14, "Ada")], None),
        ([(10, 20, "Ada"), (18, 25, "Bob")], "Ada"),
        ([(10, 20, "Ada"), (17.9, 25, "Bob")], None),
        ([(10, 20, "Ada"), (10, 20, "Bob")], None),
        ([(10, 20, None)], None),
        ([(10, 20, "Ada_Lovelace")], "Ada Lovelace"),
        ([(10, 20, "SPEAKER_07")], "SPEAKER_07"),
        ([], None),
    ],
)
def test_who_speaks(turns: list[tuple[float, float, str | None]], speaker: str | None) -> None:
    found = spoken([KEY], [Turn(*turn) for turn in turns], ["Ada Lovelace", "SPEAKER_07"])
    assert found.get(KEY) == speaker


def test_a_label_that_a_diarizer_made_up() -> None:
    with pytest.raises(LabelIsNoName, match="may be an enrolled person"):
        spoken([KEY], [Turn(10, 20, "SPEAKER_00")], ["Ada"])


def test_a_segment_without_length_is_nobodys() -> None:
    assert spoken([SegmentKey(10, 10)], [Turn(0, 1, "Ada")], []) == {}
