"""People as a list shows them: consent, likeness, suggestions, and where they are heard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pgvoice_testkit.servers.databases import plain, role, run
from pgvoice_testkit.stores.filled import OTHER_ENCODER, X, Y, Z, put, unit
from pgvoice_testkit.stores.passing_time import let_expire
from pgvoice_testkit.stores.unknown_voices import enroll_near, record_all
from pgvoice_testkit.stores.voices import PEOPLE

from pgvoice.store import Consent, UnknownSpeaker, VoiceStore


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    put(store, "v", {(0, 2): X, (2, 4): unit(1, 0.1, 0), (4, 6): Y})
    put(store, "w", {(1, 5): X, (7, 9): Z})
    store.people.enroll_segments("ann", "v", [(0, 2), (2, 4)])
    store.people.enroll_segments("bob", "v", [(4, 6)])
    store.labels.label()
    return store


def test_a_segment_counts_once_whatever_encoders_name_it(library: VoiceStore) -> None:
    put(library, "v", {(0, 2): X, (2, 4): X}, OTHER_ENCODER)
    library.people.enroll_segments("ann", "v", [(0, 2), (2, 4)], encoder=OTHER_ENCODER)
    library.labels.label(encoder=OTHER_ENCODER)
    (ann,) = library.people.overview(names=["ann"]).people
    assert (ann.segments, ann.seconds, ann.recordings) == (3, 8, 2)
    heard = library.people.heard("ann")
    assert [(each.video, each.seconds) for each in heard.recordings] == [("w", 4), ("v", 4)]
    assert heard.recordings[1].spans == ((0, 2), (2, 4))


def test_pages(library: VoiceStore) -> None:
    page = library.people.overview(limit=1, skip=1)
    assert ([each.speaker for each in page.people], page.total) == (["bob"], 2)
    heard = library.people.heard("ann", limit=1, skip=1)
    assert ([each.video for each in heard.recordings], heard.total) == (["v"], 2)


@pytest.mark.parametrize("name", ["nobody", "\0"])
def test_nobody_by_that_name(library: VoiceStore, name: str) -> None:
    for ask in (library.people.similar, library.people.heard):
        with pytest.raises(UnknownSpeaker):
            ask(name)
    with pytest.raises(UnknownSpeaker):
        library.people.overview(names=[name])


def test_consents_end(library: VoiceStore) -> None:
    library.privacy.require_consent()
    until = datetime.now(UTC) + timedelta(days=2)
    library.privacy.grant_consent("ann", Consent("ann", expires_at=until))
    (ann, bob) = library.people.overview().people
    assert (ann.consent, ann.valid_until, ann.may_be_named) == ("valid", until, True)
    assert (bob.consent, bob.valid_until, bob.may_be_named) == ("missing", None, False)
    let_expire(library, "ann")
    assert library.people.overview(names=["ann"]).people[0].consent == "expired"


def test_somebody_whose_consent_ended_is_nobodys_nearest(library: VoiceStore) -> None:
    assert library.people.overview(names=["ann"]).people[0].nearest_other == "bob"
    library.privacy.grant_consent("bob", "a form")
    library.privacy.withdraw_consent("bob")
    (ann, bob) = library.people.overview().people
    assert ann.nearest_other is None
    assert (bob.exemplars, bob.cohesion, bob.consent) == (0, None, "withdrawn")
    assert bob.sample is not None  # from a label
    assert (bob.sample.video, bob.sample.start) == ("v", 4)


def test_suggested_are_the_voices_of_the_suggestions(store: VoiceStore) -> None:
    record_all(store)
    store.voices.enable()
    enroll_near(store, "Ada", PEOPLE[0], 0.42)
    enroll_near(store, "Bob", PEOPLE[7], 1)
    (suggested,) = store.voices.suggestions()
    (ada, bob) = store.people.overview().people
    assert (ada.speaker, ada.suggested) == ("Ada", (suggested.number,))
    assert bob.suggested == ()
    store.voices.reject(suggested.number)
    assert store.people.overview(names=["Ada"]).people[0].suggested == ()


def test_a_reader_gets_two_digits_of_five_people_and_no_reason(library: VoiceStore) -> None:
    vectors = np.random.default_rng(5).normal(size=(8, 3))
    put(library, "x", {(2 * n, 2 * n + 2): unit(*row) for n, row in enumerate(vectors)})
    for n in range(8):
        library.people.enroll_segments(f"p{n}", "x", [(2 * n, 2 * n + 2)], force=True)
    library.privacy.withdraw_consent("bob")
    exact = library.people.similar("ann", limit=20)
    assert len(exact) == 8
    url = library.database.url
    with role(url, "pgvoice_reader_of_people") as login:
        run(library.database.engine, "GRANT pgvoice_reader TO pgvoice_reader_of_people")
        with VoiceStore.open(plain(login)) as reader:
            similar = reader.people.similar("ann", limit=20)
            people = {each.speaker: each for each in reader.people.overview().people}
    assert [each.speaker for each in similar] == [each.speaker for each in exact[:5]]
    assert all(each.similarity == round(each.similarity, 2) for each in similar)
    assert people["bob"].consent == "ended"
    assert people["ann"].consent == "valid"


def test_a_merge_tells_what_it_changes(library: VoiceStore) -> None:
    would = library.people.merge("ann", "bob", force=True, dry_run=True)
    done = library.people.merge("ann", "bob", force=True)
    assert would.act is None
    assert would.changed == done.changed
    assert (done.changed["enrollment"], done.changed["label"]) == (2, 3)
    assert library.acts.list(limit=1)[0].number == done.act
