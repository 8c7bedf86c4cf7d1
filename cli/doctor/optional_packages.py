"""Optional packages: which extras there are, and what of them is installed; nothing is imported."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires, version

#: What an extra is for, in the words of one who lacks it.
PURPOSES = {
    "extract": "to fill and to enroll from audio",
    "campplus": "for the encoder campplus",
    "embedded": "for a database without a server of your own",
    "demo": "for `pgvoice demo`",
    "evaluate": "for `pgvoice evaluate`",
    "metrics": "for metrics for Prometheus",
    "plot": "for pictures (`--plot`)",
    "ray": "to backfill on a Ray cluster",
}
_REQUIREMENT = re.compile(r"""([A-Za-z0-9._-]+).*extra == ['"](\w+)['"]""")


def packages(extra: str) -> list[str]:
    """The packages that an extra brings, by this pgvoice's own metadata."""
    found = (_REQUIREMENT.match(line) for line in requires("pgvoice") or ())
    return sorted({match[1] for match in found if match and match[2] == extra})


def missing_packages(extra: str) -> list[str]:
    """Those of an extra that are not installed."""
    return [package for package in packages(extra) if installed_version(package) is None]


def installed_version(package: str) -> str | None:
    """The version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
