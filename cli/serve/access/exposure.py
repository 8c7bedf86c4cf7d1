"""``check_exposure``: a server that others reach needs passwords and encryption."""

from __future__ import annotations

from pgvoice.cli.serve.access import hosts
from pgvoice.cli.serve.settings import Settings
from pgvoice.store.errors import PgvoiceError

#: Characters of the API's token at least.
SHORTEST_TOKEN = 16


class ServingRefused(PgvoiceError):
    """A server would let in more than it should, or cannot start."""


def check_exposure(settings: Settings) -> None:
    """Raises `ServingRefused` for settings that are not safe, with what to add."""
    _check_token(settings.api_token)
    if (settings.certificate is None) != (settings.key is None):
        given, missing = (
            ("--certificate", "--key") if settings.certificate else ("--key", "--certificate")
        )
        raise ServingRefused(f"{given} needs {missing}: give both")
    if settings.certificate and settings.behind_proxy:
        raise ServingRefused("give --certificate or --behind-proxy: either speaks TLS")
    if added := _missing(settings):
        listed = added[0] if len(added) == 1 else f"{', '.join(added[:-1])} and {added[-1]}"
        raise ServingRefused(f"others can reach {_reached(settings)}: add {listed}")


def _missing(settings: Settings) -> list[str]:
    if hosts.is_loopback(settings.host) and not (settings.behind_proxy or settings.public_hosts):
        return []
    missing = []
    if not settings.passwords:
        missing.append("--passwords FILE (`--hash NAME` makes a line of it)")
    if not settings.is_secure:
        missing.append("--certificate and --key (or --behind-proxy, if a proxy speaks TLS)")
    if not settings.public_hosts and (settings.behind_proxy or hosts.is_any(settings.host)):
        missing.append("--public-host NAME (by which browsers call it)")
    return missing


def _reached(settings: Settings) -> str:
    if settings.behind_proxy:
        return "what a proxy passes on"
    return settings.public_hosts[0] if hosts.is_loopback(settings.host) else settings.host


def _check_token(token: str | None) -> None:
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise ServingRefused(
            f"PGVOICE_TOKEN has {len(token)} characters, which can be guessed: use at least"
            f" {SHORTEST_TOKEN}, for example from `openssl rand -hex 32`"
        )
