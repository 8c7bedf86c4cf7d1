"""Who may come in: the one-time link, its cookie, and the API's token."""

from __future__ import annotations

from pgvoice_testkit.serving import client, entrance_of, path_of, stranger

from pgvoice.cli.serve.access import browser_sessions
from pgvoice.cli.serve.access.browser_sessions import BrowserSessions
from pgvoice.cli.serve.access.passwords import Cost, Hash
from pgvoice.store import VoiceStore


def test_a_link_lets_one_browser_in_once(store: VoiceStore) -> None:
    told: list[str] = []
    first = stranger(store, tell=told.append)
    entrance = entrance_of(first)
    link = entrance.link
    assert first.get("/acts").status_code == 401
    entered = first.get(f"/acts{path_of(link)[1:]}&x=1", follow_redirects=False)
    assert (entered.status_code, entered.headers["location"]) == (303, "/acts?x=1")
    assert first.get("/acts").status_code == 200
    assert told == [f"For another browser: {entrance.link}"]
    assert entrance.link != link
    # A reload of the link in the browser that it let in leads on; another is told what to do.
    assert first.get(path_of(link), follow_redirects=False).status_code == 303
    first.cookies.clear()
    refused = first.get(path_of(link), follow_redirects=False)
    assert refused.status_code == 401
    assert "has been used" in refused.text
    assert "set-cookie" not in refused.headers
    assert first.get(path_of(entrance.link), follow_redirects=False).status_code == 303


def test_a_wrong_token_is_refused(store: VoiceStore) -> None:
    browser = stranger(store)
    link = entrance_of(browser).link
    for token in ("", "x", "ü", "\0", "a" * 10_000):
        refused = browser.get("/", params={"token": token})
        assert refused.status_code == 401
        assert "pgvoice serve" in refused.text
        assert entrance_of(browser).link == link
        assert not browser.cookies


def test_the_cookie_is_kept_from_scripts_and_other_sites(store: VoiceStore) -> None:
    browser = stranger(store)
    entered = browser.get(path_of(entrance_of(browser).link), follow_redirects=False)
    name, _, rest = entered.headers["set-cookie"].partition("=")
    assert name == "pgvoice-8642"
    flags = {each.strip().lower() for each in rest.split(";")[1:]}
    assert flags == {"httponly", "path=/", "samesite=strict"}


def test_the_cookie_of_a_server_with_tls_is_secure(store: VoiceStore) -> None:
    browser = stranger(store, behind_proxy=True, public_hosts=("voices.example.org",))
    headers = {"X-Forwarded-Proto": "https"}
    link = path_of(entrance_of(browser).link)
    entered = browser.get(link, headers=headers, follow_redirects=False)
    cookie = entered.headers["set-cookie"]
    assert cookie.startswith("__Host-pgvoice=")
    assert "; Secure" in cookie
    assert "strict-transport-security" in entered.headers


def test_a_link_on_another_site_lets_the_browser_in_by_a_page(store: VoiceStore) -> None:
    browser = stranger(store)
    link = path_of(entrance_of(browser).link)
    entered = browser.get(link, headers={"Sec-Fetch-Site": "cross-site"}, follow_redirects=False)
    assert entered.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=/">' in entered.text
    assert browser.get("/acts").status_code == 200


def test_a_link_on_another_site_to_a_page_leads_on(store: VoiceStore) -> None:
    """A browser sends no strict cookie with it, but does once a page of ours leads on."""
    browser = stranger(store, passwords={"Ada": str(Hash.of("a password", Cost(16, 1, 1)))})
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    led = browser.get("/acts?x=<1>", headers=elsewhere, follow_redirects=False)
    assert led.status_code == 401
    assert 'content="0; url=/acts?x=%3C1%3E"' in led.text
    here = {"Sec-Fetch-Site": "same-origin"}
    asked = browser.get("/acts?x=1", headers=here, follow_redirects=False)
    assert asked.headers["location"] == "/login?next=%2Facts%3Fx%3D1"
    assert browser.post("/acts/undo", headers=elsewhere).status_code == 403


def test_without_a_session_pages_and_the_api_say_what_to_do(store: VoiceStore) -> None:
    browser = stranger(store)
    page = browser.get("/review")
    assert page.status_code == 401
    assert "Open the link that the terminal" in page.text
    problem = browser.get("/api/v1/anything")
    assert problem.status_code == 401
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["status"] == 401
    assert browser.get("/static/page.css").status_code == 200
    assert browser.get("/loginx").status_code == 401


def test_without_passwords_nobody_logs_in(store: VoiceStore) -> None:
    browser = stranger(store)
    for method in ("GET", "POST"):
        given = {"name": "", "password": ""} if method == "POST" else None
        answer = browser.request(method, "/login", data=given, follow_redirects=False)
        assert answer.headers["location"] == "/"
        assert "set-cookie" not in answer.headers


def test_logging_out_ends_the_session(store: VoiceStore) -> None:
    browser = client(store)
    kept = dict(browser.cookies)
    assert browser.post("/logout", follow_redirects=False).status_code == 303
    browser.cookies.update(kept)
    assert browser.get("/acts").status_code == 401


def test_sessions_end_and_are_few() -> None:
    now = 0.0
    sessions = BrowserSessions(clock=lambda: now)
    first = sessions.begin("Ada")
    found = sessions.find(first)
    assert found is not None
    assert found.author == "Ada"
    assert first not in found.id
    now = browser_sessions.IDLE
    assert sessions.find(first) is not None
    now += browser_sessions.IDLE + 1
    assert sessions.find(first) is None
    used = sessions.begin("Ada")
    while now < 2 * browser_sessions.LONGEST:
        now += browser_sessions.IDLE
        if sessions.find(used) is None:
            break
    assert browser_sessions.LONGEST < now < 2 * browser_sessions.LONGEST
    oldest = sessions.begin("Bob")
    others = [sessions.begin("Bob") for _ in range(browser_sessions.MOST)]
    assert len(sessions) == browser_sessions.MOST
    assert sessions.find(oldest) is None
    assert sessions.find(others[-1]) is not None


TOKEN = "a token of some length"


def test_programs_come_in_by_a_token(store: VoiceStore) -> None:
    program = stranger(store, api_token=TOKEN)
    del program.headers["Origin"]
    headers = {
        f"Bearer {TOKEN}": 404,
        f"bearer {TOKEN}": 404,
        "Bearer another": 401,
        "Bearer ": 401,
        f"Basic {TOKEN}": 401,
        TOKEN: 401,
    }
    for header, status in headers.items():
        for method in ("GET", "POST"):
            answer = program.request(method, "/api/v1/none", headers={"Authorization": header})
            assert (answer.status_code, header) == (status, header)
            assert "set-cookie" not in answer.headers
        clip = program.get("/clips?video=none&start=0&end=1", headers={"Authorization": header})
        assert clip.status_code == status
        # It opens the API and clips alone.
        assert program.get("/acts", headers={"Authorization": header}).status_code == 401


def test_without_a_token_no_program_comes_in(store: VoiceStore) -> None:
    program = stranger(store)
    for header in ("Bearer ", "Bearer None", "Bearer"):
        answer = program.get("/api/v1/none", headers={"Authorization": header})
        assert answer.status_code == 401
        assert "set PGVOICE_TOKEN" in answer.json()["detail"]


def test_every_answer_tells_browsers_to_load_nothing_of_others(store: VoiceStore) -> None:
    browser = client(store)
    answers = [browser.get(path) for path in ("/acts", "/none", "/static/page.css", "/api/v1/none")]
    browser.cookies.clear()
    answers += [browser.get("/acts"), browser.get("/acts", headers={"Host": "evil.example"})]
    for answer in answers:
        assert answer.headers["content-security-policy"].startswith("default-src 'none';")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] in ("no-store", "no-cache")
