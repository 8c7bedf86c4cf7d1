"""Unknown voices with several encoders: the default one links, and the others follow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pgvoice_testkit.servers.databases import new_database, plain, run
from pgvoice_testkit.stores.second_encoder import OTHERS, fill_again
from pgvoice_testkit.stores.unknown_voices import CONSENT, RECORDINGS, linked_library, number_of
from pgvoice_testkit.stores.voices import PEOPLE
from sqlalchemy import text

from pgvoice.store import VoiceStore


LINKS = text(
    "SELECT l.unknown_voice_id, v.key, l.label FROM pgvoice.linked_voice AS l"
    " JOIN pgvoice.video AS v ON v.id = l.video_id WHERE l.encoder_id = :encoder"
)
SWITCH = "UPDATE pgvoice.encoder SET default_since = clock_timestamp() WHERE id = {}"
Links = set[tuple[int, str, str]]


def _links(store: VoiceStore, encoder: int) -> Links:
    with store.database.engine.connect() as connection:
        return {tuple(row) for row in connection.execute(LINKS, {"encoder": encoder})}


@pytest.fixture(scope="module", params=OTHERS, ids=lambda identity: f"{identity.dimension} numbers")
def _filled_again(request: pytest.FixtureRequest, server_url: str, template: str) -> Iterator[str]:
    """The library of unknown voices, filled with another encoder too."""
    with linked_library(server_url, template) as name, new_database(server_url, name) as url:
        with VoiceStore.open(plain(url)) as store:
            fill_again(store, request.param, RECORDINGS)
        assert url.database is not None
        yield url.database


@pytest.fixture
def library(server_url: str, _filled_again: str) -> Iterator[VoiceStore]:
    """A copy of it."""
    with new_database(server_url, _filled_again) as url, VoiceStore.open(plain(url)) as store:
        yield store


def test_what_another_encoder_fills_has_the_numbers_of_the_default_one(library: VoiceStore) -> None:
    assert len(_links(library, 1)) == 9
    assert _links(library, 2) == _links(library, 1)


ACTS: Mapping[str, Callable[[VoiceStore, int, int], Change]] = {
    "name": lambda store, one, _: store.voices.name(one, "Ada", consent=CONSENT),
    "dismiss": lambda store, one, _: store.voices.dismiss(one, "tv"),
    "same": lambda store, one, other: store.voices.same(one, other),
    "different": lambda store, one, _: store.voices.different(one, "monday"),
}


@pytest.mark.parametrize("switched", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", ACTS)
def test_both_follow_acts_and_their_undoing(library: VoiceStore, kind: str, switched: bool) -> None:
    if switched:
        switch(library, 2)
    before, everything = links(library, 1), checksums(library)
    done = ACTS[kind](library, number_of(library, PEOPLE[0]), number_of(library, PEOPLE[1]))
    assert (links(library, 1) == before) == (kind == "dismiss")
    assert links(library, 2) == links(library, 1)
    library.acts.undo(done.act)
    assert links(library, 2) == links(library, 1) == before
    assert changed_tables(everything, checksums(library)) <= {"nearest", "compared_profile"}
    assert [each for each in library.upkeep.verify() if each.problems] == []


@pytest.mark.parametrize("kind", ACTS)
def test_an_act_is_undone_for_an_encoder_that_answers_since(
    unfilled: VoiceStore, kind: str
) -> None:
    before = links(unfilled, 1)
    one, other = (number_of(unfilled, person) for person in PEOPLE[:2])
    done = ACTS[kind](unfilled, one, other)
    fill_again(unfilled, OTHERS[1], RECORDINGS)
    assert links(unfilled, 2) == links(unfilled, 1)
    switch(unfilled, 2)
    unfilled.acts.undo(done.act)
    assert links(unfilled, 2) == links(unfilled, 1) == before


def test_a_switch_there_and_back_changes_no_unknown_voice(library: VoiceStore) -> None:
    before, members = checksums(library), links(library, 1)
    voices = library.voices.unknown(encoder="voices")
    switch(library, 2)
    assert links(library, 2) == members
    assert {each.number for each in library.voices.unknown(encoder="others")} == {
        each.number for each in voices
    }
    switch(library, 1)
    assert changed_tables(before, checksums(library)) == {"encoder"}


def test_who_was_heard_before_keeps_the_number_after_a_switch(library: VoiceStore) -> None:
    before = links(library, 1)
    number = number_of(library, PEOPLE[1])
    switch(library, 2)
    recordings = {**RECORDINGS, "sunday": (PEOPLE[1], PEOPLE[5])}
    record_otherwise(library, OTHER_OF[library_dimension(library)], recordings, "sunday")
    assert {each for each in links(library, 2) if each[1] != "sunday"} == before
    assert (number, "sunday", "SPEAKER_00") in links(library, 2)
    assert {each for each in links(library, 1) if each[1] == "sunday"} == set()
