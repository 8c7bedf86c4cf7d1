"""The survey of plugins, some of which are broken."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pgvoice.hooks.plugins.survey import survey

pytestmark = pytest.mark.usefixtures("loaded")
Install = Callable[..., None]

WELL = "from pgvoice.hooks import hookimpl\n@hookimpl\ndef after_fill(report): ...\n"


def _found() -> dict[str, tuple[str, tuple[str, ...]]]:
    every = [each for each in survey().plugins if each.distribution != "pgvoice"]
    return {each.name: (each.state, each.hooks) for each in every}


def test_one_that_fails_hides_no_other(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("broken", "import no_such_module_here")
    install("misspelt", WELL.replace("after_fill", "after_fil"))
    install("unasked", WELL)
    install("well", WELL)
    monkeypatch.setenv("PGVOICE_PLUGINS", "broken,misspelt,well,nobody")
    assert _found() == {
        "broken": ("failed", ()),
        "misspelt": ("failed", ()),
        "unasked": ("left out", ()),
        "well": ("loaded", ("after_fill",)),
    }
    in_vain, broken, misspelt = survey().problems
    assert "names the plugin 'nobody', which is not installed (installed: broken, mis" in in_vain
    assert broken.startswith("the plugin broken of of-broken cannot be loaded: ModuleNotFoundError")
    assert "misspelt of of-misspelt does not fit this version of pgvoice: unknown hook" in misspelt
    assert misspelt.endswith("disable it with PGVOICE_PLUGINS='broken,well'")


def test_two_of_one_name(install: Install) -> None:
    install("twin", WELL, distribution="first")
    install("twin", WELL, distribution="second")
    states = [(each.distribution, each.state) for each in survey().plugins[-2:]]
    assert states == [("first", "loaded"), ("second", "failed")]
    assert survey().problems == ("first and second both have a plugin named 'twin': uninstall one",)


@pytest.mark.parametrize(
    "hook",
    [
        *("register_encoders", "register_segmenters", "register_audio_sources"),
        *("register_formats", "register_commands"),
    ],
)
def test_one_that_fails_to_register(install: Install, hook: str) -> None:
    install("late", f"from pgvoice.hooks import hookimpl\n@hookimpl\ndef {hook}(): 1 / 0\n")
    (problem,) = survey().problems
    assert problem.startswith(f"the plugin late failed in {hook}: ZeroDivisionError: division by")
    assert problem.endswith("uninstall it, or disable it with PGVOICE_PLUGINS=''")
