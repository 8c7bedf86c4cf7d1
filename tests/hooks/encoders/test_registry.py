"""Encoders by name, from plugins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.hooks import Encoder, EncoderUnavailable, PluginError, hookimpl, make_encoder
from pgvoice.hooks.encoders.registry import registered_encoders
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.plugins.specs import RegisterEncoder


class Plugin:
    """Registers an encoder that takes a source."""

    def __init__(self, name: str) -> None:
        self.name = name

    @hookimpl
    def register_encoders(self, register: RegisterEncoder) -> None:
        register(self.name, self.build, summary="for a test")

    def build(self, source: str | None, device: str | None) -> Encoder:
        return CountingEncoder(f"{self.name} of {source} on {device}")


@pytest.fixture(autouse=True)
def _fresh_plugins() -> Iterator[None]:
    installed.manager.cache_clear()
    registered_encoders.cache_clear()
    yield
    installed.manager.cache_clear()
    registered_encoders.cache_clear()


def test_the_built_in_encoders_come_by_the_same_route() -> None:
    names = {"ecapa", "ecapa-bf16", "campplus", "campplus-bf16", "onnx", "redimnet2"}
    assert set(registered_encoders()) == names
    assert make_encoder("campplus").identity.name == "campplus"
    assert make_encoder().identity.name == "ecapa"


def test_the_setting_names_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGVOICE_ENCODER", "campplus")
    assert make_encoder().identity.name == "campplus"


def test_a_plugin_brings_an_encoder() -> None:
    installed.manager().register(Plugin("toy"))
    assert make_encoder("toy:here", device="cpu").identity.name == "toy of here on cpu"


def test_two_encoders_of_one_name() -> None:
    installed.manager().register(Plugin("ecapa"), "toy")
    with pytest.raises(
        PluginError,
        match=r"plugin toy .* named 'ecapa', which builtin-encoders has .*PGVOICE_PLUGINS",
    ):
        make_encoder("campplus")


def test_an_unknown_name_lists_the_known() -> None:
    known = "campplus, campplus-bf16, ecapa, ecapa-bf16, onnx, redimnet2"
    with pytest.raises(EncoderUnavailable, match=f"'titanet'; choose one of: {known}"):
        make_encoder("titanet")


def test_campplus_takes_no_source() -> None:
    with pytest.raises(EncoderUnavailable, match="takes no source"):
        make_encoder("campplus:/somewhere")


def test_onnx_needs_a_file() -> None:
    with pytest.raises(EncoderUnavailable, match="onnx:/folder/model"):
        make_encoder("onnx")
