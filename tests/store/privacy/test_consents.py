"""Who may be enrolled and named, whatever statement somebody tries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pgvoice_testkit.servers.databases import run
from pgvoice_testkit.stores.filled import X, Y, put, unit
from pgvoice_testkit.stores.passing_time import let_expire
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pgvoice.store import Consent, VoiceStore
from pgvoice.store.errors import ConsentMissing

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NEXT_YEAR = datetime.now(UTC) + timedelta(days=365)


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    """Ann and bob, both with a consent, in a store that requires one."""
    store.privacy.require_consent()
    put(store, "v", {(0, 1): X, (1, 2): Y, (2, 3): unit(1, 0.2, 0)})
    store.people.enroll_segments(
        "ann", "v", [(0, 1)], consent=Consent("ann", expires_at=NEXT_YEAR), min_speech=1
    )
    store.people.enroll_segments("bob", "v", [(1, 2)], consent=Consent("bob"), min_speech=1)
    return store


def _named(store: VoiceStore) -> list[str | None]:
    return [each.speaker for each in store.answers.identify("v")]


def _nearest(store: VoiceStore) -> set[str | None]:
    answers = store.answers.identify("v")
    return {each.nearest for each in answers} | {each.runner_up for each in answers}


def test_somebody_whose_consent_expired_is_not_named_from_then_on(library: VoiceStore) -> None:
    library.labels.label()
    assert _named(library) == ["ann", "bob", "ann"]
    let_expire(library, "ann")
    assert _named(library) == [None, "bob", None]
    assert _nearest(library) == {"bob", None}
    assert library.answers.appearances("ann") == []
    assert {found.runner_up for found in library.answers.appearances("bob")} == {None}
    assert library.answers.similar("v", (0, 1), limit=5)
    assert library.labels.relabel().run is not None
    assert {label.speaker for label in library.labels.current("v")} == {"bob", None}


def test_kept_comparisons_do_not_name_them_before_the_next_refresh(library: VoiceStore) -> None:
    """Ann is the runner-up of bob's segments in the kept comparisons."""
    library.labels.label()
    before = library.answers.appearances("bob")
    assert {found.runner_up for found in before} == {"ann"}
    let_expire(library, "ann")
    assert {found.runner_up for found in library.answers.appearances("bob")} == {None}


def test_people_enrolled_while_no_consent_was_required_are_not_named_once_it_is(
    library: VoiceStore,
) -> None:
    put(library, "w", {(0, 1): unit(0, 0, 1)})
    library.privacy.require_consent(required=False)
    library.people.enroll_segments("cem", "w", [(0, 1)], min_speech=1)
    assert library.answers.identify("w")[0].speaker == "cem"
    library.privacy.require_consent()
    assert library.answers.identify("w")[0].speaker is None
    library.privacy.grant_consent("cem", "form 3")
    assert library.answers.identify("w")[0].speaker == "cem"


EXEMPLAR = (
    "INSERT INTO pgvoice.enrollment (speaker_id, encoder_id, dimension, embedding, start_ms,"
    " end_ms, audio_sha256, source) SELECT id, 1, 3, '[0,0,1]', 0, 1, 'x', 'psql'"
    " FROM pgvoice.speaker WHERE name = 'eve'"
)
PROFILE = (
    "INSERT INTO pgvoice.profile (speaker_id, encoder_id, dimension, embedding, exemplars,"
    " cohesion, valid_until) SELECT id, 1, 3, '[0,0,1]', 1, 1, 'infinity' FROM pgvoice.speaker"
    " WHERE name = 'eve'"
)
EVE = "(SELECT id FROM pgvoice.speaker WHERE name = 'eve')"


@pytest.mark.parametrize(
    "attack",
    [
        [EXEMPLAR],
        [f"UPDATE pgvoice.enrollment SET speaker_id = {EVE}"],
        [
            "UPDATE pgvoice.setting SET consent_required = false",
            EXEMPLAR,
            PROFILE,
            "UPDATE pgvoice.setting SET consent_required = true",
        ],
        [
            "SELECT pgvoice_internal.require_consent(false)",
            EXEMPLAR,
            f"SELECT pgvoice_internal.refresh_profile({EVE}, 1)",
            "SELECT pgvoice_internal.require_consent(true)",
        ],
        [PROFILE],
        [PROFILE, "UPDATE pgvoice.profile SET valid_until = 'infinity'"],
        [f"UPDATE pgvoice.profile SET speaker_id = {EVE} WHERE speaker_id = 1"],
        [f"UPDATE pgvoice.consent SET speaker_id = {EVE} WHERE speaker_id = 1", EXEMPLAR],
        [
            "INSERT INTO pgvoice.consent (speaker_id, granted_by, purpose, granted_at)"
            f" VALUES ({EVE}, 'x', 'y', '2999-01-01')",
            EXEMPLAR,
        ],
        [
            "INSERT INTO pgvoice.consent (speaker_id, granted_by, purpose)"
            f" VALUES ({EVE}, 'x', ' ')",
            EXEMPLAR,
        ],
    ],
    ids=[
        "insert",
        "move an exemplar",
        "require none for a moment",
        "the same by the function",
        "a profile alone",
        "a profile of any age",
        "move a profile",
        "move a consent",
        "a consent of the future",
        "a consent to nothing",
    ],
)
def test_nobody_without_a_consent_is_named(library: VoiceStore, attack: list[str]) -> None:
    put(library, "w", {(0, 1): unit(0, 0, 1), (1, 2): X})
    run(library.database.engine, "INSERT INTO pgvoice.speaker (name) VALUES ('eve')")
    try:
        run(library.database.engine, *attack)
    except DBAPIError as error:
        assert "consent" in str(error)  # noqa: PT017 - some attacks are refused, some have no effect
    assert "eve" not in {each.nearest for each in library.answers.identify("w")}


def test_a_consent_can_be_withdrawn_once_and_not_changed_otherwise(library: VoiceStore) -> None:
    for change in (
        "UPDATE pgvoice.consent SET expires_at = '2999-01-01'",
        "UPDATE pgvoice.consent SET purpose = 'anything'",
        "UPDATE pgvoice.consent SET granted_at = now(), withdrawn_at = now()",
        "DELETE FROM pgvoice.consent",
    ):
        with pytest.raises(DBAPIError, match="a consent"):
            run(library.database.engine, change)
    withdraw = "UPDATE pgvoice.consent SET withdrawn_at = '2000-01-01' WHERE speaker_id = 1"
    run(library.database.engine, withdraw)
    (kept,) = library.privacy.consents("ann")
    assert kept.consent.withdrawn_at is not None
    assert kept.consent.withdrawn_at > LONG_AGO
    for again in (withdraw, "UPDATE pgvoice.consent SET withdrawn_at = NULL WHERE speaker_id = 1"):
        with pytest.raises(DBAPIError, match="withdrawn once"):
            run(library.database.engine, again)


def test_a_withdrawal_in_sql_ends_recognition_at_once(library: VoiceStore) -> None:
    run(library.database.engine, "UPDATE pgvoice.consent SET withdrawn_at = now()")
    assert _nearest(library) == {None}
    assert library.answers.appearances("ann") == []


def test_a_consent_of_before_a_withdrawal_is_not_valid(library: VoiceStore) -> None:
    old = Consent("ann", granted_at=LONG_AGO)
    library.privacy.withdraw_consent("ann")
    with pytest.raises(ConsentMissing):
        library.people.enroll_segments("ann", "v", [(0, 1)], consent=old, min_speech=1)
    library.privacy.grant_consent("ann", old)
    assert not any(each.valid for each in library.privacy.consents("ann"))
    with pytest.raises(ConsentMissing):
        library.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    library.privacy.grant_consent("ann", "form 8")
    assert [each.valid for each in library.privacy.consents("ann")] == [False, False, True]
    assert library.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1).added == 1


def test_a_withdrawal_counts_also_if_no_consent_is_required(library: VoiceStore) -> None:
    library.privacy.require_consent(required=False)
    library.privacy.withdraw_consent("ann")
    with pytest.raises(ConsentMissing):
        library.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)


def test_a_consent_of_the_future_is_refused(library: VoiceStore) -> None:
    for future in (
        Consent("ann", granted_at=NEXT_YEAR),
        Consent("ann", granted_at=LONG_AGO, withdrawn_at=NEXT_YEAR),
    ):
        with pytest.raises(ValueError, match=r"'ann': a consent of .* is in the future"):
            library.privacy.grant_consent("ann", future)


@pytest.mark.parametrize("required", [True, False])
def test_merging_passes_no_consent_on(library: VoiceStore, required: bool) -> None:
    library.privacy.require_consent(required=False)
    put(library, "w", {(0, 1): unit(1, 0.1, 0)})
    library.people.enroll_segments("anna", "w", [(0, 1)], force=True)
    library.privacy.require_consent(required=required)
    with pytest.raises(ConsentMissing, match="'anna' has no valid consent"):
        library.people.merge("ann", "anna")
    library.privacy.grant_consent("anna", "form 9")
    library.people.merge("ann", "anna")
    (kept,) = library.privacy.consents("anna")
    assert kept.consent.evidence == "form 9"
    assert {each.speaker for each in library.answers.identify("w")} == {"anna"}


def test_exemplars_stay_where_they_are_if_their_recording_goes(library: VoiceStore) -> None:
    """Also those of somebody whose consent ended."""
    let_expire(library, "ann")
    library.privacy.erase_video("v")
    with library.database.engine.connect() as connection:
        videos = connection.scalars(text("SELECT video_id FROM pgvoice.enrollment")).all()
    assert videos == [None, None]
