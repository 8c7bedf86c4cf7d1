"""The tools that change something: only where they are allowed, previewed first, with an author."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.types import Implementation
from pgvoice_testkit.asking import answer, asking, said, tools
from pgvoice_testkit.stores.unknown_voices import number_of
from pgvoice_testkit.stores.voices import PEOPLE

from pgvoice.cli.mcp.server import make_server
from pgvoice.store import VoiceStore
from pgvoice.store.errors import OpenedToRead

NAMING = {
    *("name_voice", "accept_suggestion", "reject_suggestion", "dismiss_voice"),
    *("undo", "list_acts"),
}
CONSENT = {"consent": "form of 3 May"}


def test_naming_has_to_be_allowed(changing: VoiceStore) -> None:
    reading, naming = (
        tools(make_server(changing, allow_naming=allowed)) for allowed in (False, True)
    )
    assert naming.keys() - reading.keys() == NAMING
    for name in NAMING - {"list_acts"}:
        schema = naming[name].input_schema
        assert schema["properties"]["dry_run"]["default"] is True
        assert "context" not in schema["properties"]
        annotations = naming[name].annotations
        assert annotations is not None
        assert annotations.read_only_hint is False
    for name in NAMING:
        refused = asking(changing)(name, number=1)
        assert refused.is_error
        assert said(refused) == f"Unknown tool: {name}"


def test_a_reader_could_not_name_even_so(library_url: str) -> None:
    """The database refuses it, whatever the server offers."""
    with VoiceStore.open(library_url, role="pgvoice_reader") as store:
        refused = asking(store, allow_naming=True)("dismiss_voice", number=1, why="tv")
        assert refused.is_error
        assert "opened as pgvoice_reader, which may not do that" in said(refused)
        with pytest.raises(OpenedToRead):
            store.voices.dismiss(1, "tv")


def _calls(store: VoiceStore) -> dict[str, dict[str, Any]]:
    """A call of each act, besides undo."""
    return {
        "name_voice": {"number": number_of(store, PEOPLE[0]), "name": "Eve", **CONSENT},
        "accept_suggestion": {"number": number_of(store, PEOPLE[0])},
        "reject_suggestion": {"number": number_of(store, PEOPLE[0])},
        "dismiss_voice": {"number": number_of(store, PEOPLE[1]), "why": "tv"},
    }


@pytest.mark.parametrize("tool", sorted(NAMING - {"undo", "list_acts"}))
def test_an_act_is_previewed_done_and_undone(changing: VoiceStore, tool: str) -> None:
    ask = asking(changing, allow_naming=True)
    arguments = _calls(changing)[tool]
    before, voices = changing.acts.list(limit=1), changing.voices.unknown()
    preview = answer(ask(tool, **arguments))
    assert (preview["is_preview"], preview["act"]) == (True, None)
    assert (changing.acts.list(limit=1), changing.voices.unknown()) == (before, voices)
    done = answer(ask(tool, **arguments, dry_run=False))
    assert done == preview | {"is_preview": False, "act": done["act"]}
    assert changing.voices.unknown() != voices
    acts = answer(ask("list_acts", limit=1))["acts"]
    assert [(act["act"], act["is_undone"]) for act in acts] == [(done["act"], False)]
    rehearsed = answer(ask("undo", act=done["act"]))
    assert (rehearsed["is_preview"], rehearsed["kind"]) == (True, acts[0]["kind"])
    assert changing.voices.unknown() != voices
    undone = answer(ask("undo", act=done["act"], dry_run=False))
    assert undone == rehearsed | {"is_preview": False}
    assert answer(ask("list_acts", limit=1))["acts"][0]["is_undone"]
    assert changing.voices.unknown() == voices


def test_what_naming_changes_is_told(changing: VoiceStore) -> None:
    ask = asking(changing, allow_naming=True)
    number = number_of(changing, PEOPLE[0])
    done = answer(ask("name_voice", number=number, name="Eve", dry_run=False, **CONSENT))
    assert (done["number"], done["name"], done["voices"], done["left_out"]) == (number, "Eve", 3, 0)
    assert {move["to_speaker"] for move in done["moves"]} >= {"Eve"}
    assert all(move["seconds"] > 0 for move in done["moves"])
    places = answer(ask("find_person", name="Eve"))["places"]
    assert {place["video"] for place in places} == {"friday", "monday", "tuesday"}
    changing.acts.undo(done["act"])


@pytest.mark.parametrize(
    ("mode", "name", "author"),
    [
        ("auto", "an agent", "mcp: an agent"),
        ("legacy", "an agent", "mcp: an agent"),
        ("legacy", "", "mcp"),
        ("legacy", " \n\t", "mcp"),
        ("legacy", "a\0b\x1b[31m", "mcp: a b [31m"),
        ("legacy", "x" * 10_000, "mcp: " + "x" * 100),
    ],
)
def test_acts_are_those_of_the_client(
    changing: VoiceStore, mode: str, name: str, author: str
) -> None:
    client = Implementation(name=name, version="1")
    ask = asking(changing, allow_naming=True, mode=mode, client_info=client)
    number = number_of(changing, PEOPLE[1])
    act = answer(ask("dismiss_voice", number=number, why="tv", dry_run=False))["act"]
    answer(ask("undo", act=act, dry_run=False))
    stored = changing.acts.list(limit=1)[0]
    assert (stored.on_behalf_of, stored.undone_on_behalf_of) == (author, author)
    assert stored.author == "postgres"
    events = changing.privacy.audit(limit=2)
    assert [event.on_behalf_of for event in events] == [author, author]
    assert answer(ask("list_acts", limit=1))["acts"][0]["on_behalf_of"] == author


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "no such voice": ("name_voice", {"number": 999, "name": "Eve"}, "999"),
    "no name": ("name_voice", {"number": 1, "name": ""}, "at least 1 character"),
    "a blank name": ("name_voice", {"number": 1, "name": "  "}, "must not be empty"),
    "a NUL": ("name_voice", {"number": 1, "name": "a\0b"}, "NUL"),
    "a long name": ("name_voice", {"number": 1, "name": "x" * 10_000}, "at most 500"),
    "a long reason": ("dismiss_voice", {"number": 1, "why": "x" * 10_000}, "at most 500"),
    "no reason": ("dismiss_voice", {"number": 1, "why": " "}, "why"),
    "no suggestion": ("accept_suggestion", {"number": 999}, "999"),
    "no such act": ("undo", {"act": 99_999}, "no act 99999 in the store"),
    "no act": ("undo", {}, "Field required"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_are_sentences(changing: VoiceStore, case: str) -> None:
    tool, arguments, words = REFUSED[case]
    result = asking(changing, allow_naming=True)(tool, **arguments)
    assert result.is_error
    assert words in said(result)
    assert "Traceback" not in said(result)


def test_a_name_that_needs_a_consent(changing: VoiceStore) -> None:
    changing.privacy.require_consent()
    ask = asking(changing, allow_naming=True)
    number = number_of(changing, PEOPLE[0])
    refused = ask("name_voice", number=number, name="Eve")
    assert refused.is_error
    assert "'Eve' has no valid consent on record" in said(refused)
    assert answer(ask("name_voice", number=number, name="Eve", **CONSENT))["is_preview"]
