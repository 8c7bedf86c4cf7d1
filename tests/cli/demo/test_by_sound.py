"""The turns that were found in the demo's conversation, next to those of its reference."""

from __future__ import annotations

from pgvoice.cli.demo.by_sound import Pair, pairs
from pgvoice.store.turns import Turn


def test_turns_of_the_same_person_go_together() -> None:
    """Both speak at once, so that each touches both; the longest common time decides."""
    ada, bob = Turn(0.0, 4.0, "ada"), Turn(3.0, 3.5, "bob")
    heard_ada, heard_bob = Turn(0.1, 3.9, "ada"), Turn(3.1, 3.6, "bob")
    assert pairs([heard_ada, heard_bob], [ada, bob]) == [
        Pair(heard_ada, ada),
        Pair(heard_bob, bob),
    ]


def test_somebody_else_is_shown_beside_who_speaks() -> None:
    said, heard = Turn(0.0, 2.0, "ada"), Turn(0.0, 2.0, "bob")
    assert pairs([heard], [said]) == [Pair(heard, said)]


def test_what_is_missed_and_what_is_too_much() -> None:
    """A turn in two parts is shown beside the longer one."""
    said = Turn(0.0, 5.0, "ada")
    parts = [Turn(0.0, 1.0, "ada"), Turn(2.0, 5.0, "ada")]
    missed, never = Turn(6.0, 7.0, "bob"), Turn(8.0, 9.0, None)
    assert pairs([*parts, never], [said, missed]) == [
        Pair(parts[0], None),
        Pair(parts[1], said),
        Pair(None, missed),
        Pair(never, None),
    ]
