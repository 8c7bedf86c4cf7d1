"""Which site a request is for, and which site it comes from."""

from __future__ import annotations

import ipaddress

from starlette.datastructures import Headers

from pgvoice.cli.serve.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
#: Methods that change nothing.
SAFE = ("GET", "HEAD", "OPTIONS")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class Hosts:
    """The names by which browsers may call this server.

    A name of somebody else that leads to this machine (DNS rebinding) is none of them, so that the
    pages of that site are never of the same origin as ours.
    """

    def __init__(self, settings: Settings) -> None:
        self._scheme = settings.scheme
        self._behind_proxy = settings.behind_proxy
        host, port = settings.host, settings.port
        names = LOOPBACK if is_loopback(host) else ()
        own = [] if is_any(host) else [f"[{host}]" if ":" in host else host]
        given = (f"{name}:{port}" for name in (*names, *own, *settings.public_hosts))
        self._expected = {self._plain(each) for each in (*given, *settings.public_hosts)}

    def origin(self, headers: Headers) -> str | None:
        """The origin of this site as the browser calls it; None for a name that is not ours."""
        named = headers.get("host", "")
        if self._behind_proxy:
            named = last(headers, "x-forwarded-host") or named
        plain = self._plain(named)
        return f"{self._scheme}://{plain}" if plain in self._expected else None

    def is_encrypted(self, headers: Headers) -> bool:
        """Whether nobody between can read along, or it is known that the proxy sees to it."""
        return not self._behind_proxy or last(headers, "x-forwarded-proto").lower() == "https"

    def is_from(self, origin: str, headers: Headers) -> bool:
        """Whether the browser says that a page of this origin makes the request."""
        site, came_from = headers.get("sec-fetch-site"), headers.get("origin")
        if site is None:
            return came_from is not None and self._plain_origin(came_from) == origin
        # A form of a page that hides where it is says that its origin is "null".
        is_same = came_from in (None, "null") or self._plain_origin(came_from) == origin
        return site == "same-origin" and is_same

    def _plain(self, host: str) -> str:
        return host.strip().lower().removesuffix(_DEFAULT_PORTS[self._scheme])

    def _plain_origin(self, origin: str) -> str:
        return self._plain(origin)


def last(headers: Headers, name: str) -> str:
    """The last value of a header, which the nearest proxy has set; empty if there is none."""
    return ",".join(headers.getlist(name)).rpartition(",")[2].strip()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_any(host: str) -> bool:
    """Whether it is not an address but all of them."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
