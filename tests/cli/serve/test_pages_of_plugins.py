"""Pages and panels of plugins: in the bar, in their place, and failing without harm."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from pgvoice_testkit.serving import client
from pgvoice_testkit.stores.unknown_voices import record_all
from starlette.testclient import TestClient

from pgvoice.cli.serve.pages import builtin
from pgvoice.cli.serve.site import Site
from pgvoice.hooks import PluginError, hookimpl
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.plugins.pages import registered_pages
from pgvoice.hooks.plugins.specs import RegisterPage
from pgvoice.store import VoiceStore

NOTES = Path(__file__).parents[2] / "plugins" / "notes"


@pytest.fixture
def plugins() -> Iterator[installed.Plugins]:
    installed.manager.cache_clear()
    yield installed.manager()
    installed.manager.cache_clear()


@pytest.fixture
def notes(plugins: installed.Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which the plugin of tests/plugins keeps its notes."""
    monkeypatch.syspath_prepend(str(NOTES))
    monkeypatch.setenv("VOICE_NOTES", str(tmp_path / "notes"))
    import pgvoice_notes

    plugins.register(pgvoice_notes, "notes")
    return tmp_path / "notes"


class Plugin:
    """Registers one page."""

    def __init__(self, make: Callable[[Any], Any] | None, **options: Any) -> None:
        self.make, self.options = make, options

    @hookimpl
    def register_pages(self, register: RegisterPage) -> None:
        register("odd", self.make, **self.options)


def _site(store: VoiceStore) -> TestClient:
    return client(store)


def test_it_is_in_the_bar_after_the_built_in_ones(store: VoiceStore, notes: Path) -> None:
    page = _site(store).get("/notes").text
    assert not notes.exists()
    assert page.index(">Acts</a>") < page.index('<a href="/notes" aria-current="page">Notes</a>')


def test_its_forms_work(store: VoiceStore, notes: Path) -> None:
    site = _site(store)
    answer = site.post("/notes/add", data={"about": "Ada", "text": "<b>tall</b>"})
    assert "A note was added" in answer.text
    assert "<b>Ada</b>: &lt;b&gt;tall&lt;/b&gt;" in answer.text
    assert notes.read_text() == '["Ada", "<b>tall</b>"]\n'


def test_its_forms_are_protected_like_ours(store: VoiceStore, notes: Path) -> None:
    site, note = _site(store), {"about": "Ada", "text": "forged"}
    for headers in ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert site.post("/notes/add", data=note, headers=headers).status_code == 403
    site.cookies.clear()
    assert site.post("/notes/add", data=note).status_code in (401, 403)
    assert site.get("/notes").status_code in (401, 403)
    assert not notes.exists()


def _panels(store: VoiceStore) -> list[str]:
    installed.add_builtin("builtin-pages", builtin)
    return [str(panel.html) for panel in Site(store, registered_pages()).panels("person", "Ada")]


def test_its_panel_is_beside_what_it_is_about(store: VoiceStore, notes: Path) -> None:
    notes.write_text('["Ada", "<b>tall</b>"]\n["Bob", "short"]\n')
    (panel,) = _panels(store)
    assert "<p>&lt;b&gt;tall&lt;/b&gt;</p>" in panel
    assert "short" not in panel
    assert '<a href="/notes?about=Ada">' in panel


def test_its_panel_is_on_the_page_of_each_recording_person_and_voice(
    store: VoiceStore, notes: Path
) -> None:
    record_all(store)
    store.voices.enable()
    first, second = (each.number for each in store.voices.unknown()[:2])
    store.voices.name(first, "Ada")
    about = {"monday": "/recording?video=monday", "Ada": "/person?name=Ada"}
    about[str(second)] = f"/review/{second}"
    notes.write_text("".join(f'["{subject}", "about {subject}"]\n' for subject in about))
    site = _site(store)
    for subject, address in about.items():
        shown = site.get(address).text
        assert shown.count("<h2>Notes</h2>") == 1
        assert [each for each in about if f"<p>about {each}</p>" in shown] == [subject]


def _fail(*_: object) -> str:
    raise ZeroDivisionError("secret")


def test_a_panel_that_fails_says_so_and_the_others_are_there(
    store: VoiceStore, notes: Path, plugins: installed.Plugins, caplog: pytest.LogCaptureFixture
) -> None:
    assert not notes.exists()
    plugins.register(Plugin(None, panels={"person": _fail}), "failing")
    found = _panels(store)
    assert "The plugin failing failed: ZeroDivisionError. The log says more." in found
    assert any("Write a note" in panel for panel in found)
    assert "the plugin failing failed in its panel for a person" in caplog.text
    assert "secret" in caplog.text


def test_text_of_a_panel_is_escaped(store: VoiceStore, plugins: installed.Plugins) -> None:
    plugins.register(Plugin(None, panels={"person": lambda *_: "<script>"}), "careless")
    assert _panels(store) == ["&lt;script&gt;"]


def _router(path: str, answer: Callable[[], object]) -> Callable[[Site], APIRouter]:
    router = APIRouter()
    router.get(path)(answer)
    return lambda _site: router


def test_a_page_that_fails_says_so_and_the_others_are_there(
    store: VoiceStore, plugins: installed.Plugins, caplog: pytest.LogCaptureFixture
) -> None:
    plugins.register(Plugin(_router("/odd", lambda: _fail())), "failing")
    site = _site(store)
    answer = site.get("/odd")
    assert answer.status_code == 500
    assert "The plugin failing failed: ZeroDivisionError. The log says more." in answer.text
    assert "secret" not in answer.text
    assert [record.levelno for record in caplog.records if "failing" in record.getMessage()] == [
        logging.ERROR
    ]
    assert site.get("/acts").status_code == 200


@pytest.mark.parametrize("path", ["/review", "/oddly", "/", "/{anything}", "/api/v1/turns"])
def test_a_path_of_others_is_refused(
    store: VoiceStore, plugins: installed.Plugins, path: str
) -> None:
    plugins.register(Plugin(_router(path, lambda: "mine")), "greedy")
    with pytest.raises(PluginError, match=rf"'odd', .* {re.escape(path)} is not below /odd"):
        _site(store)


def test_a_path_of_others_is_not_reached_through_a_router_of_the_router(
    store: VoiceStore, plugins: installed.Plugins
) -> None:
    """Some versions of FastAPI do not list the paths of a router that another one includes."""
    outer = APIRouter()
    outer.include_router(_router("/acts", lambda: "mine")(Site(store, {})))
    plugins.register(Plugin(lambda _site: outer), "greedy")
    try:
        site = _site(store)
    except PluginError:
        return
    assert "What people did" in site.get("/acts").text


def test_a_page_that_cannot_be_made(store: VoiceStore, plugins: installed.Plugins) -> None:
    plugins.register(Plugin(_fail), "broken")
    with pytest.raises(PluginError, match=r"broken .* refused: ZeroDivisionError: secret;"):
        _site(store)


def test_a_name_of_a_built_in_page(store: VoiceStore, plugins: installed.Plugins) -> None:
    class Greedy:
        @hookimpl
        def register_pages(self, register: RegisterPage) -> None:
            register("review", None)

    plugins.register(Greedy(), "greedy")
    with pytest.raises(PluginError, match=r"greedy .*'review', which builtin-pages has already"):
        _site(store)
