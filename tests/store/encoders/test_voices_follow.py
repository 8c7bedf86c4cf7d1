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
