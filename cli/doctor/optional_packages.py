"""The extras, and which of their packages are installed; imports none of them."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires, version

#: What each extra is needed for.
PURPOSES = {
    "extract": "to fill and to enroll from audio",
    "campplus": "for the encoder campplus",
    "embedded": "for an embedded database server",
    "demo": "for `pgvoice demo`",
    "evaluate": "for `pgvoice evaluate`",
    "metrics": "for Prometheus metrics",
    "plot": "for pictures (`--plot`)",
    "ray": "to backfill on a Ray cluster",
}
_REQUIREMENT = re.compile(r"""([A-Za-z0-9._-]+).*extra == ['"](\w+)['"]""")


def packages(extra: str) -> list[str]:
    """The packages of an extra, from the metadata of pgvoice."""
    found = (_REQUIREMENT.match(line) for line in requires("pgvoice") or ())
    return sorted({match[1] for match in found if match and match[2] == extra})


def missing_packages(extra: str) -> list[str]:
    """The packages of an extra that are not installed."""
    return [package for package in packages(extra) if installed_version(package) is None]


def installed_version(package: str) -> str | None:
    """The version of a package; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
