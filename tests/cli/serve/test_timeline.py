"""The timeline of a recording: windows, lanes, blocks and reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pgvoice.cli.serve.timeline import lanes, voices
from pgvoice.cli.serve.timeline.reasons import in_words, similarity
from pgvoice.cli.serve.timeline.rows import TurnRow
from pgvoice.cli.serve.timeline.window import USUAL, WHOLE, Window, inside, window
from pgvoice.store.answers.identify import REASONS, Identification
from pgvoice.store.keys import SegmentKey


def row(start: float, end: float, speaker: str | None = "Ada", **other: object) -> TurnRow:
    key = SegmentKey(round(start * 1000), round(end * 1000))
    made = TurnRow(key, start, end, "A", None, speaker, None, "", 0.6, "sounds like it", False, 0.0)
    return replace(made, **other)  # type: ignore[arg-type]


def draw(rows: Sequence[TurnRow], shown: Window) -> lanes.Timeline:
    return lanes.draw(rows, shown, "v", lambda there: f"{there.start:g}-{there.end:g}")


def answer(reason: str, **other: object) -> Identification:
    made = Identification(0, 1000, None, "Ada", 0.38, "Bob", 0.31, 0.07, reason, 0.43)
    return replace(made, **other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (answer("below_threshold"), "below the threshold: Ada 0.38, needs 0.43"),
        (answer("below_threshold", nearest=None, threshold=None), "below the threshold: 0.38"),
        (answer("suggested"), "just below the threshold: Ada 0.38, needs 0.43"),
        (answer("ambiguous"), "ambiguous: Ada 0.38, Bob 0.31"),
        (answer("ambiguous", runner_up=None), "ambiguous"),
        (answer("missing"), "not filled yet"),
        (answer("from a plugin"), "from a plugin"),
    ],
)
def test_reasons_are_told_with_their_numbers(found: Identification, words: str) -> None:
    assert in_words(found) == words


def test_no_reason_is_shown_as_the_store_spells_it() -> None:
    assert [reason for reason in REASONS if "_" in in_words(answer(reason))] == []


def test_similarities_have_two_digits() -> None:
    assert [similarity(value) for value in (0.384, 1.0, -0.06, 0.0, None)] == [
        *("0.38", "1.00", "-0.06", "0.00", "")
    ]


def test_people_come_first_then_voices_then_suggestions() -> None:
    rows = [
        row(0, 9, None),
        row(9, 11, None, voice=12),
        row(11, 12, "Bob"),
        row(12, 15, "Ada"),
        row(15, 22, None, suggested="Ada or Bob?"),
        row(22, 25, None, voice=7),
    ]
    drawn = draw(rows, Window(0, 25, 25))
    assert [lane.name for lane in drawn.lanes] == [
        *("Ada", "Bob", "voice 7", "voice 12", "Ada or Bob?", "nobody named")
    ]
    assert [lane.href for lane in drawn.lanes] == [
        *("/person?name=Ada", "/person?name=Bob", "/review/7", "/review/12", None, None)
    ]


def test_too_many_lanes_end_in_one_for_all_others() -> None:
    rows = [row(at, at + 1, f"p{at:02}") for at in range(40)]
    drawn = draw(rows, Window(0, 40, 40))
    assert len(drawn.lanes) == lanes.MAX_LANES
    assert drawn.lanes[-1].name == "17 others"
    assert sum(len(lane.blocks) for lane in drawn.lanes) == 40


def test_blocks_are_where_their_turns_are() -> None:
    rows = [row(0, 10), row(20, 40, similarity=None), row(55, 61), row(90, 90.01, is_pinned=True)]
    (lane,) = draw(rows, Window(5, 55, 100)).lanes
    assert [(block.x, block.width) for block in lane.blocks[:2]] == [(0, 10), (30, 40)]
    assert [block.shade for block in lane.blocks[:2]] == [3, 0]
    (lane,) = draw(rows[3:], Window(0, 100, 100)).lanes
    assert lane.blocks[0].width >= 0.4, "it can be seen and hit"
    assert lane.blocks[0].is_pinned
    assert lane.blocks[0].href.startswith("/clips?")


def test_many_close_turns_are_one_block_that_leads_to_them() -> None:
    rows = [row(2.0 * at, 2.0 * at + 1.9) for at in range(500)]
    (lane,) = draw(rows, Window(0, 1000, 1000)).lanes
    (block,) = lane.blocks
    assert block.href == "0-999.9"
    assert not block.plays
    assert block.title == "Ada, 500 turns, 0:00:00.0 to 0:16:39.9, similarity 0.60 on average"


def test_a_short_recording_is_shown_as_a_whole() -> None:
    shown = window([row(0, 50)], 30.0, None, None)
    assert shown == Window(0, 50, 50)
    assert shown.is_whole
    assert (shown.earlier, shown.later, shown.zooms) == (None, None, [])


def test_a_recording_with_many_turns_begins_with_a_window() -> None:
    rows = [row(at * 10, at * 10 + 5) for at in range(WHOLE + 1)]
    shown = window(rows, 2100.0, None, None)
    assert shown == Window(0, USUAL, 2100)
    later = shown.later
    assert later == Window(600, 1200, 2100)
    assert later is not None
    assert later.earlier == shown
    assert [name for name, _ in shown.zooms] == ["1 min", "5 min", "10 min", "30 min", "all"]
    assert len(shown.tiles()) == 4
    assert len(Window(0, 60, 36_000).tiles(60)) == 60
    assert len(inside(rows, later)) == 60


def test_a_window_stays_within_the_recording() -> None:
    rows = [row(0, 100)]
    assert window(rows, 100.0, 90.0, 500.0) == Window(90, 100, 100)
    assert window(rows, 100.0, 50.0, 20.0) == Window(50, 100, 100)
    assert window(rows, 100.0, 500.0, 600.0) == Window(0, 100, 100)
    assert window([], 0.0, None, None).seconds > 0


def test_times_on_the_scale_are_round() -> None:
    assert [time for _, time in draw([], Window(55, 130, 200)).ticks] == [
        *("0:01:00", "0:01:15", "0:01:30", "0:01:45", "0:02:00")
    ]


def test_a_label_is_summed_up() -> None:
    rows = [row(0, 9, None, voice=3, overlap=2.0), row(9, 12), row(12, 13), row(13, 14, label=None)]
    (found,) = voices.labels(rows)
    assert (found.label, found.turns, found.seconds, found.voice) == ("A", 3, 13.0, 3)
    assert found.names == [("Ada", 2), ("voice 3", 1)]
    assert found.best == rows[1], "nobody overlaps it"
