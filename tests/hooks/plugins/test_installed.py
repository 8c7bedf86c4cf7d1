"""Finding and loading plugins, and the errors of broken ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pgvoice.hooks import PluginError, hookimpl
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.plugins.specs import RegisterEncoder

pytestmark = pytest.mark.usefixtures("loaded")

WELL = "from pgvoice.hooks import hookimpl\n@hookimpl\ndef after_fill(report): ...\n"
Install = Callable[..., None]


def _names() -> list[str]:
    return [each.name for each in installed.listed() if each.distribution != "pgvoice"]


def test_the_built_in_ones_are_listed_with_their_hooks() -> None:
    hooks = {each.name: each.hooks for each in installed.listed()}
    assert hooks["builtin-encoders"] == ("register_encoders",)
    assert hooks["builtin-formats"] == ("register_formats",)
    assert hooks["builtin-audio-sources"] == ("register_audio_sources",)
    assert {each.distribution for each in installed.listed()} == {"pgvoice"}


def test_an_installed_one_has_its_distribution(install: Install) -> None:
    install("well", WELL)
    assert installed.listed()[-1] == installed.Plugin("well", "of-well", "1.5", ("after_fill",))


def test_the_setting_restricts(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("well", WELL)
    install("other", WELL)
    assert _names() == ["other", "well"]
    for value, expected in (("well", ["well"]), (" well, other,", ["other", "well"]), ("", [])):
        monkeypatch.setenv("PGVOICE_PLUGINS", value)
        installed.manager.cache_clear()
        assert _names() == expected


def test_a_plugin_that_is_asked_for_in_vain(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("well", WELL)
    monkeypatch.setenv("PGVOICE_PLUGINS", "wel")
    with pytest.raises(PluginError, match=r"names the plugin 'wel', .* \(installed: well\)"):
        installed.manager()


def test_one_that_cannot_be_imported_is_named_with_the_way_out(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("well", WELL)
    install("broken", "import no_such_module_here")
    with pytest.raises(PluginError) as raised:
        installed.manager()
    assert str(raised.value) == (
        "the plugin broken of of-broken cannot be loaded: ModuleNotFoundError: No module named"
        " 'no_such_module_here'; uninstall it, or disable it with PGVOICE_PLUGINS='well'"
    )
    monkeypatch.setenv("PGVOICE_PLUGINS", "well")
    assert _names() == ["well"]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (WELL.replace("after_fill", "after_fil"), "unknown hook 'after_fil'"),
        (WELL.replace("report", "raport"), "raport"),
    ],
)
def test_one_that_does_not_keep_to_the_contract(install: Install, source: str, why: str) -> None:
    install("wrong", source)
    with pytest.raises(PluginError, match=f"plugin wrong of of-wrong .*{why}.*PGVOICE_PLUGINS=''"):
        installed.manager()


def test_two_of_one_name(install: Install) -> None:
    install("twin", WELL, distribution="first")
    install("twin", WELL, distribution="second")
    with pytest.raises(PluginError, match="first and second both have a plugin named 'twin'"):
        installed.manager()


def test_one_that_was_registered_by_hand() -> None:
    class ByHand:
        @hookimpl
        def register_encoders(self, register: RegisterEncoder) -> None: ...

    installed.manager().register(ByHand(), "by-hand")
    assert installed.listed()[-1] == installed.Plugin("by-hand", None, None, ("register_encoders",))
