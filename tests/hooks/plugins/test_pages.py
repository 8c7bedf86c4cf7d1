"""Which pages of plugins are refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pgvoice.hooks import PluginError, hookimpl
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.plugins.pages import TAKEN, registered_pages
from pgvoice.hooks.plugins.specs import RegisterPage


class Odd:
    """Registers one page the way it was told."""

    def __init__(self, call: Callable[[RegisterPage], None]) -> None:
        self.call = call

    @hookimpl
    def register_pages(self, register: RegisterPage) -> None:
        self.call(register)


@pytest.mark.parametrize("name", ["", "Notes", "a/b", "../x", "a b", "1", "é", "notes?", "-a"])
def test_a_name_that_is_no_path(loaded: installed.Plugins, name: str) -> None:
    loaded.register(Odd(lambda register: register(name, None)), "odd")
    with pytest.raises(PluginError, match=r"odd registers a page .* refused: .*PGVOICE_PLUGINS="):
        registered_pages()


@pytest.mark.parametrize("name", sorted(TAKEN))
def test_a_name_at_which_pgvoice_answers(loaded: installed.Plugins, name: str) -> None:
    loaded.register(Odd(lambda register: register(name, None)), "odd")
    with pytest.raises(PluginError, match="pgvoice itself answers there"):
        registered_pages()


def test_a_name_of_another_page(loaded: installed.Plugins) -> None:
    for plugin in ("one", "two"):
        loaded.register(Odd(lambda register: register("notes", None)), plugin)
    with pytest.raises(PluginError, match="two registers a page named 'notes', which one has"):
        registered_pages()


def test_a_panel_beside_nothing(loaded: installed.Plugins) -> None:
    panels = {"everything": lambda *_: "x"}
    loaded.register(Odd(lambda register: register("notes", None, panels=panels)), "odd")  # type: ignore[arg-type]
    with pytest.raises(PluginError, match="beside a 'everything', only recording, person, voice"):
        registered_pages()
