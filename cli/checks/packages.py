"""Which packages are installed, by extra."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires, version

from pgvoice.cli.checks.check import Check
from pgvoice.cli.db import place
from pgvoice.hooks.encoders import registry
from pgvoice.store.errors import PgvoiceError

#: What each extra is needed for.
PURPOSES = {
    "audio": "to decode audio",
    "extract": "to fill and to enroll from audio",
    "campplus": "for the encoder campplus and the segmenter pyannote-3.0",
    "embedded": "for an embedded database server",
    "demo": "for `pgvoice demo`",
    "evaluate": "for `pgvoice evaluate`",
    "mcp": "for `pgvoice mcp`",
    "metrics": "for Prometheus metrics",
    "onnx": "for the encoder onnx",
    "page": "for `pgvoice serve`",
    "parquet": "to import and export vectors in Parquet",
    "plot": "for pictures (`--plot`)",
    "pyannote": "for the segmenter pyannote, with any pipeline of pyannote.audio",
    "ray": "to ingest on a Ray cluster",
    "redimnet2": "for the encoder redimnet2",
}
_REQUIREMENT = re.compile(r"""([A-Za-z0-9._-]+).*extra == ['"](\w+)['"]""")


def check_extra(name: str, url: str | None) -> Check:
    """Whether an extra is installed; a warning if most people need it."""
    missing = missing_packages(name)
    if not missing:
        return Check(f"extra {name}", "ok", "installed")
    needed = name == _encoders_extra() or (
        name == "embedded" and place.embedded_folder(url) is not None
    )
    return Check(
        f"extra {name}",
        "warn" if needed else "ok",
        f"{', '.join(missing)} not installed; {PURPOSES[name]}: {install_command(name)}",
    )


def _encoders_extra() -> str | None:
    """The extra of the encoder that a fill uses if none is named."""
    try:
        used = registry.registered_encoders().get(registry.default_name())
    except PgvoiceError:  # another check tells
        return "extract"
    return used.extra if used else "extract"


def install_command(extra: str | None) -> str | None:
    """The command that installs what is missing of an extra; None if nothing is."""
    return f'pip install "pgvoice[{extra}]"' if extra and missing_packages(extra) else None


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
