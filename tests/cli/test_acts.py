"""``pgvoice acts`` and ``pgvoice undo``."""

from __future__ import annotations

import json
from collections.abc import Callable

from click.testing import Result

from pgvoice.store import VoiceStore

Call = Callable[..., Result]


def test_nothing_was_done(pgvoice: Call) -> None:
    assert pgvoice("acts").stdout == "nobody has changed anything yet that can be undone\n"
    result = pgvoice("undo")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: no act to undo\n"


def test_acts_are_listed_and_undone(filled: Call) -> None:
    filled("label", "talk")
    filled("enroll", "rename", "Bob", "Robert")
    listed = filled("acts", "--limit", 3).stdout
    assert "rename" in listed
    assert "Bob to Robert" in listed
    assert "1 person" in listed
    assert "5 labels" in listed
    assert "1 person, 1 exemplar, 1 profile" in listed
    assert all(len(line) <= 80 for line in listed.splitlines())
    rehearsed = filled("undo", "--dry-run").stdout
    assert rehearsed == ("act 4 (rename Bob to Robert) would be undone\nas before: 1 person\n")
    assert filled("undo").stdout == "act 4 (rename Bob to Robert) undone\nas before: 1 person\n"
    assert "undone: 1 person" in filled("acts").stdout
    refused = filled("undo", 2)
    assert refused.exit_code == 1
    assert refused.stderr == (
        "Error: act 2 (enroll Bob) cannot be undone before act 3 (label talk), which depends on"
        " it: run `pgvoice undo 3` first\n"
    )
    assert filled("undo", 3).stdout == "act 3 (label talk) undone\nas before: 5 labels\n"
    assert "has no labels" in filled("labels", "show", "talk").stdout


def test_for_whom_an_act_was_done(filled: Call, store_url: str) -> None:
    with (
        VoiceStore.open(store_url) as store,
        store.on_behalf_of("Alice \x1b[31m Archer" + "x" * 90),
    ):
        store.people.rename("Bob", "Robert")
        store.acts.undo()
    for command in ("acts", "audit"):
        listed = filled(command, "--wide").stdout
        assert "Alice \N{REPLACEMENT CHARACTER}[31m Archer" in listed
        assert "xxx (via postgres)" in listed
        assert all(len(line) <= 80 for line in filled(command).stdout.splitlines())
    document = json.loads(filled("acts", "--json").stdout)[0]
    assert document["on_behalf_of"] == document["undone_on_behalf_of"]
    assert (document["author"], document["undone_by"]) == ("postgres", "postgres")


def test_json(filled: Call) -> None:
    acts = json.loads(filled("acts", "--json").stdout)
    assert [(act["number"], act["kind"], act["subject"]) for act in acts] == [
        (2, "enroll", "Bob"),
        (1, "enroll", "Ada"),
    ]
    assert acts[0]["changed"]["enrollment"] == 1
    undone = json.loads(filled("undo", 1, "--json").stdout)
    assert undone == {
        "number": 1,
        "kind": "enroll",
        "subject": "Ada",
        "restored": {"speaker": 1, "enrollment": 1, "profile": 1},
        "left_out": {},
    }


def test_an_act_that_is_not_there(filled: Call) -> None:
    result = filled("undo", 99)
    assert result.stderr == "Error: no act 99 in the store: `pgvoice acts` lists them\n"
