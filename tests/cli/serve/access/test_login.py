"""Logging in with a name and a password."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from pgvoice_testkit.serving import entrance_of, stranger
from pgvoice_testkit.stores.filled import X, put
from starlette.testclient import TestClient

from pgvoice.cli.serve.access import login, passwords
from pgvoice.cli.serve.access.passwords import (
    Cost,
    Hash,
    Passwords,
    PasswordsRefused,
    TooManyLogins,
)
from pgvoice.cli.serve.access.throttle import MOST_KEYS, Throttle
from pgvoice.store import VoiceStore

#: Quick to check, and so quick to guess.
CHEAP = Cost(16, 1, 1)
PASSWORD = "correct horse battery"
#: A hash that is the same in every process, as the names of tests have to be.
SAME = f"scrypt$16$1$1${'A' * 22}==${'A' * 43}="
HASHES = {"Ada": str(Hash.of(PASSWORD, CHEAP)), "Bob: B": str(Hash.of("another one", CHEAP))}


@pytest.fixture
def browser(store: VoiceStore) -> TestClient:
    return stranger(store, passwords=HASHES)


def _log_in(browser: TestClient, name: str, password: str, **form: str) -> int:
    given = {"name": name, "password": password, **form}
    return browser.post("/login", data=given, follow_redirects=False).status_code


def test_a_page_asks_for_the_password_and_goes_on(browser: TestClient) -> None:
    asked = browser.get("/acts?x=1", follow_redirects=False)
    assert asked.status_code == 303
    assert asked.headers["location"] == "/login?next=%2Facts%3Fx%3D1"
    form = browser.get(asked.headers["location"])
    assert 'name="next" value="/acts?x=1"' in form.text
    entered = browser.post(
        "/login",
        data={"name": "Ada", "password": PASSWORD, "next": "/acts?x=1"},
        follow_redirects=False,
    )
    assert (entered.status_code, entered.headers["location"]) == (303, "/acts?x=1")
    assert browser.get("/acts").status_code == 200
    assert browser.get("/api/v1/none").status_code == 404


def test_acts_are_those_of_the_person(store: VoiceStore, browser: TestClient) -> None:
    assert _log_in(browser, "Bob: B", "another one") == 303
    sessions = entrance_of(browser).sessions
    found = sessions.find(browser.cookies[entrance_of(browser).cookie])
    assert found is not None
    assert found.author == "Bob: B"
    assert "Log out Bob: B</button>" in browser.get("/acts").text
    put(store, "talk", {(0, 9): X})
    store.people.enroll_segments("Eve", "talk", [(0, 9)], consent="a form")
    browser.post("/acts/undo")
    (enrolled,) = store.acts.list()
    assert (enrolled.on_behalf_of, enrolled.undone_on_behalf_of) == (None, "Bob: B")


def test_a_wrong_name_or_password_is_told_alike(browser: TestClient) -> None:
    answers = set()
    wrong = [("Ada", "wrong"), ("Eve", PASSWORD), ("", ""), ("Ada", "\0"), ("ada", PASSWORD)]
    for name, password in wrong:
        answer = browser.post("/login", data={"name": name, "password": password})
        assert answer.status_code == 401
        answers.add(answer.text)
    assert len(answers) == 1
    assert "Nobody has this name and password." in answers.pop()
    assert not browser.cookies


def test_a_link_lets_nobody_in_where_there_are_passwords(browser: TestClient) -> None:
    token = entrance_of(browser).link.rpartition("=")[2]
    answer = browser.get("/acts", params={"token": token}, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?")
    assert "set-cookie" not in answer.headers


def test_a_form_of_another_site_logs_nobody_in(browser: TestClient) -> None:
    given = {"name": "Ada", "password": PASSWORD}
    evil = {"Origin": "http://evil.example"}
    answer = browser.post("/login", data=given, headers=evil, follow_redirects=False)
    assert answer.status_code == 403
    assert not browser.cookies


def test_log_ins_lead_to_no_other_site(browser: TestClient) -> None:
    evil = ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example"]
    for onwards in evil:
        form = browser.get("/login", params={"next": onwards})
        assert 'name="next" value="/"' in form.text
        given = {"name": "Ada", "password": PASSWORD, "next": onwards}
        answer = browser.post("/login", data=given, follow_redirects=False)
        assert answer.headers["location"] == "/"


def test_each_log_in_is_a_new_session(browser: TestClient) -> None:
    cookie = entrance_of(browser).cookie
    assert _log_in(browser, "Ada", PASSWORD) == 303
    first = browser.cookies[cookie]
    assert _log_in(browser, "Ada", PASSWORD) == 303
    assert browser.cookies[cookie] != first
    assert entrance_of(browser).sessions.find(first) is None
    browser.post("/logout", follow_redirects=False)
    assert browser.get("/acts", follow_redirects=False).status_code == 303


def test_guessing_is_throttled(browser: TestClient) -> None:
    for _ in range(login.BY_ADDRESS):
        assert _log_in(browser, "Ada", "wrong") == 401
    answer = browser.post("/login", data={"name": "Ada", "password": PASSWORD})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= login.WINDOW
    assert "Too many log-ins failed" in answer.text


def test_addresses_are_counted_each(store: VoiceStore) -> None:
    public = "voices.example.org"
    browser = stranger(store, passwords=HASHES, behind_proxy=True, public_hosts=(public,))
    given = {"name": "Ada", "password": "wrong"}

    def tried(address: str) -> int:
        proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-For": address}
        return browser.post("/login", data=given, headers=proxied).status_code

    # Only the last one is the proxy's word; of IPv6, half of the address is the owner's choice.
    for place in range(login.BY_ADDRESS):
        assert tried(f"203.0.113.{place}, 198.51.100.1") == 401
        assert tried(f"2001:db8::{place}") == 401
    assert tried("198.51.100.1") == 429
    assert tried("2001:db8::ffff") == 429
    assert tried("198.51.100.2") == 401
    assert tried("2001:db8:0:1::1") == 401


def test_a_throttle_forgets() -> None:
    now = 0.0
    throttle = Throttle(2, 60, clock=lambda: now)
    assert [throttle.wait("a"), throttle.wait("a"), throttle.wait("a")] == [0, 0, 60]
    now = 45
    assert throttle.wait("a") == 15
    assert throttle.wait("b") == 0
    now = 60
    assert throttle.wait("a") == 0
    throttle.forget("a")
    assert [throttle.wait("a"), throttle.wait("a"), throttle.wait("a")] == [0, 0, 60]
    for number in range(MOST_KEYS + 10):
        throttle.wait(str(number))
    assert len(throttle._tried) == MOST_KEYS
    assert throttle.wait("a") == 0


def test_a_name_that_nobody_has_takes_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    costs: list[Cost] = []
    original = passwords._scrypt

    def counting(password: str, salt: bytes, cost: Cost) -> bytes:
        costs.append(cost)
        return original(password, salt, cost)

    monkeypatch.setattr(passwords, "_scrypt", counting)
    checking = Passwords(HASHES)
    assert costs == []
    for name in ("Ada", "Eve"):
        assert not checking.check(name, "wrong")
    assert costs == [CHEAP, CHEAP]


def test_few_passwords_are_checked_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, begun = threading.Event(), threading.Semaphore(0)

    def waiting(_password: str, _salt: bytes, _cost: Cost) -> bytes:
        begun.release()
        go_on.wait(60)
        return b""

    monkeypatch.setattr(passwords, "_scrypt", waiting)
    checking = Passwords(HASHES)
    threads = [
        threading.Thread(target=checking.check, args=("Ada", "x"))
        for _ in range(passwords.PARALLEL)
    ]
    for each in threads:
        each.start()
        begun.acquire(timeout=60)
    with pytest.raises(TooManyLogins):
        checking.check("Ada", PASSWORD)
    go_on.set()
    for each in threads:
        each.join(60)
    assert not checking.check("Ada", PASSWORD)


def test_a_file_of_passwords(tmp_path: Path) -> None:
    path = tmp_path / "passwords"
    path.write_text("# who\n\n" + "\n".join(f"{name}:{hash_}" for name, hash_ in HASHES.items()))
    assert passwords.read(path) == HASHES
    name, _, made = passwords.line("Ada", PASSWORD).rpartition(":")
    assert name == "Ada"
    assert Hash.parse(made).cost == passwords.COST
    assert PASSWORD not in made


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "has no line with a name and a hash"),
        ("Ada", "line 1 of"),
        ("Ada:secret", "line 1 of"),
        (f":{SAME}", "line 1 of"),
        ("\nAda:scrypt$3$1$1$AA==$AA==", "line 2 of"),
        ("Ada:scrypt$1073741824$8$1$AA==$AA==", "line 1 of"),
        ("Ada:scrypt$16$1$1$!$AA==", "line 1 of"),
        ("Ada:scrypt$16$1$1$AA==$", "line 1 of"),
        (f"Ada:{SAME}\n" * 2, "has two passwords for 'Ada'"),
    ],
)
def test_what_is_no_file_of_passwords(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "passwords"
    path.write_text(content)
    with pytest.raises(PasswordsRefused, match=told) as refused:
        passwords.read(path)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "password"),
    [("Ada", "short"), ("#Ada", PASSWORD), ("A\nda", PASSWORD), (" ", PASSWORD)],
)
def test_what_is_no_name_or_password(name: str, password: str) -> None:
    with pytest.raises((PasswordsRefused, ValueError), match=r"name|password"):
        passwords.line(name, password)
