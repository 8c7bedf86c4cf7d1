"""The commands of consent, erasure, retention and the audit trail."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from click.testing import Result
from pgvoice_testkit.stores.filled import X, Y, put, unit

from pgvoice.store import VoiceStore
from pgvoice.store.privacy import remains

Command = Callable[..., Result]


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    """Two segments of ann, one of bob, nobody enrolled."""
    put(store, "v", {(0, 1): X, (1, 2): Y, (2, 3): unit(1, 0.1, 0)})
    return store


def test_from_consent_to_erasure(library: VoiceStore, pgvoice: Command) -> None:
    span = ("--video", "v", "--min-speech", "1", "--span", "0-1")
    assert pgvoice("consent", "require").output == "enrolling requires consent\n"
    refused = pgvoice("enroll", "add", "ann", *span)
    assert refused.exit_code == 1
    assert "'ann' has no valid consent on record" in refused.output
    agreed = ("--consent", "form 7", "--until", "2100-01-01")
    assert pgvoice("enroll", "add", "ann", *span, *agreed).exit_code == 0
    assert pgvoice("consent", "grant", "bob", "--evidence", "mail").exit_code == 0
    assert pgvoice("enroll", "add", "bob", *span[:-1], "1-2").exit_code == 0
    listed = pgvoice("consent", "list").output.splitlines()
    assert [" ".join(line.split()) for line in listed[:2]] == [
        "speaker state purpose granted until evidence",
        " ".join(listed[1].split()),
    ]
    assert "valid" in listed[1]
    assert "2100-01-01" in listed[1]
    assert "form 7" in listed[1]
    assert json.loads(pgvoice("consent", "list", "--json").output)["required"] is True

    assert "exemplars" in pgvoice("erase", "speaker", "ann", "--dry-run").output
    undecided = pgvoice("erase", "speaker", "ann", "--yes")
    assert undecided.exit_code == 2
    assert "--with-segments or --keep-segments" in undecided.output
    done = pgvoice("erase", "speaker", "ann", "--yes", "--with-segments", "--opt-out", "--json")
    rows = {each["what"]: each["rows"] for each in json.loads(done.output)["rows"]}
    assert rows["vectors of segments"] == 2
    assert "2 erased" in pgvoice("cache", "stats").output
    assert "opt-out" in pgvoice("erase", "opt-outs").output
    again = pgvoice("enroll", "add", "Ann", "--video", "v", "--span", "1-2", *agreed)
    assert again.exit_code == 1
    assert "asked not to be enrolled again" in again.output
    assert pgvoice("erase", "allow", "ann").output == "ann may be enrolled again\n"
    assert pgvoice("erase", "opt-outs").output == "nobody has opted out\n"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles", "UTC"])
@pytest.mark.parametrize("server_zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_consent_ends_with_its_day_here(
    library: VoiceStore,
    pgvoice: Command,
    monkeypatch: pytest.MonkeyPatch,
    zone: str,
    server_zone: str,
) -> None:
    with library.database.engine.begin() as connection:
        name = library.database.url.database
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET timezone = '{server_zone}'")
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        granted = pgvoice("consent", "grant", "bob", "--until", "2100-02-28")
        assert granted.output == "bob: speaker identification until 2100-02-28\n"
        assert "2100-02-28" in pgvoice("consent", "list").output
        (found,) = json.loads(pgvoice("consent", "list", "--json").output)["consents"]
        end = datetime.fromisoformat(found["consent"]["expires_at"])
        assert end == datetime(2100, 3, 1, tzinfo=ZoneInfo(zone))
        for wrong in ("2100-02-30", "tomorrow", "9999-12-31", "2100-02-28T10:00"):
            refused = pgvoice("consent", "grant", "bob", "--until", wrong)
            assert (refused.exit_code, wrong in refused.output) == (2, True)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_withdraw_and_retention(library: VoiceStore, pgvoice: Command) -> None:
    library.people.enroll_segments("bob", "v", [(1, 2)], min_speech=1)
    assert pgvoice("consent", "withdraw", "bob").exit_code == 2
    withdrawn = pgvoice("consent", "withdraw", "bob", "--yes")
    assert withdrawn.output.startswith("consent of bob withdrawn, 1 exemplar deleted\nremains: ")
    told = pgvoice("retention", "run", "--unattributed-days", "0").output
    assert told == "0 exemplars deleted\n3 unattributed vectors deleted\n"


def test_erase_video_and_audit(library: VoiceStore, pgvoice: Command) -> None:
    assert pgvoice("audit").output == "the audit trail is empty\n"
    assert pgvoice("audit", "--head").output == "the audit trail is empty\n"
    assert "recordings" in pgvoice("erase", "video", "v", "--yes").output
    assert pgvoice("erase", "video", "v", "--yes").exit_code == 1
    head = pgvoice("audit", "--head").output.strip()
    assert json.loads(pgvoice("audit", "--head", "--json").output) == {"head": head}
    assert pgvoice("db", "verify", "--audit-head", head).exit_code == 0
    other = pgvoice("db", "verify", "--audit-head", "0" * 64)
    assert other.exit_code == 1
    assert "audit trail: with the hash that was noted" in other.output
    (event,) = json.loads(pgvoice("audit", "--json").output)
    assert (event["action"], event["subject"]) == ("erase video", "v")
    assert "erase video" in pgvoice("audit", "v").output


def test_a_recording_may_be_filled_again_on_request(library: VoiceStore, pgvoice: Command) -> None:
    pgvoice("erase", "video", "v", "--yes")
    assert pgvoice("erase", "allow", "v", "--video").output == "v may be filled again\n"
    assert pgvoice("erase", "allow", "v", "--video").exit_code == 1


def test_erasing_says_what_remains(
    library: VoiceStore, pgvoice: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    library.people.enroll_segments("bob", "v", [(1, 2)], min_speech=1)
    for name in ("ann", "bob"):
        library.people.export_speakers([name], destination=f"/backup/{name}.json")
    library.index.build()
    monkeypatch.setattr(remains, "pgvector_risks", lambda _: ("a fault",))
    told = pgvoice("erase", "speaker", "ann", "--yes", "--with-segments")
    assert told.exit_code == 1
    for what in ("may not clear correctly", "deleted rows", "write-ahead log", "audit trail"):
        assert what in told.output
    assert "/backup/ann.json: delete the file" in told.output
    assert "bob.json" not in told.output
    rewritten = pgvoice("erase", "speaker", "bob", "--yes", "--with-segments", "--vacuum", "--json")
    assert rewritten.exit_code == 0
    left = [each["what"] for each in json.loads(rewritten.output)["remains"]]
    assert not [what for what in left if "deleted rows" in what or "index" in what]


def test_doctor_says_it_loudly(library: VoiceStore, pgvoice: Command) -> None:
    assert "ENROLLING DOES NOT REQUIRE CONSENT" in " ".join(
        pgvoice("doctor", "--no-torch").output.split()
    )
    pgvoice("consent", "require")
    assert "required to enroll anybody" in pgvoice("doctor", "--no-torch").output
