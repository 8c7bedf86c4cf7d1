"""Where a database is, as people write it: Postgres' URLs and connection strings, and SQLAlchemy's.

What is shown has neither a password nor a driver.
"""

from __future__ import annotations

import re
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from pgvoice.store.errors import DatabaseError

URL_VARIABLE = "PGVOICE_DATABASE_URL"
_SHAPE = (
    f"{URL_VARIABLE} looks like postgresql://user:password@host:5432/database, or like"
    " host=... port=5432 dbname=... user=..."
)
_DRIVER = "postgresql+psycopg"
#: Parts of a URL's query that are never shown.
_SECRETS = ("password", "sslpassword")
_SCHEME = re.compile(r"\s*([a-zA-Z][\w+.-]*)://")


def psycopg_url(given: str) -> URL:
    """The database as SQLAlchemy wants it, with the driver spelled out.

    Without that driver it is read as libpq does, so a password in the query replaces the one before
    the host. SQLAlchemy hides the password wherever it shows the URL. Raises `DatabaseError` if it
    is not a Postgres database.
    """
    scheme = _SCHEME.match(given)
    kind = scheme[1] if scheme else ""
    if kind not in ("", "postgres", "postgresql", _DRIVER):
        raise DatabaseError(f"{kind!r} is not a Postgres URL that pgvoice can use; {_SHAPE}")
    try:
        return _of_sqlalchemy(make_url(given)) if kind == _DRIVER else _of_libpq(given)
    except (ArgumentError, ValueError, psycopg.Error):  # their messages may contain the password
        raise DatabaseError(f"not a database URL; {_SHAPE}") from None


def _of_sqlalchemy(url: URL) -> URL:
    if "password" not in url.query:
        return url
    named = url.set(username=url.username or "", password=str(url.query["password"]))
    return named.difference_update_query(["password"])


def _of_libpq(given: str) -> URL:
    parts = {name: str(value) for name, value in conninfo_to_dict(given).items()}
    if not parts and "://" not in given:
        raise ValueError("it names nothing")
    if not re.fullmatch(r"[\d,]*", parts.get("port", "")):
        raise ValueError("a port is a number")
    user, password = parts.pop("user", None), parts.pop("password", None)
    name, host, port = parts.pop("dbname", None), parts.get("host", ""), parts.get("port", "")
    if "," in host and port.isdigit():  # of all of them, which SQLAlchemy wants one by one
        parts["port"] = ",".join([port] * (host.count(",") + 1))
    url = URL.create(_DRIVER, user if password is None else user or "", password, database=name)
    if re.fullmatch(r"[\w.:-]+", host) and port.isdigit() | (port == ""):
        url = url.set(host=host, port=int(port or 0) or None)
        parts = {name: value for name, value in parts.items() if name not in ("host", "port")}
    return url.set(query=parts)


def libpq_url(url: URL, *, hide_password: bool = True) -> str:
    """The URL for people and for other programs, without a driver; passwords only if asked for."""
    if hide_password:
        url = url.difference_update_query(_SECRETS)
    shown = url.set(drivername="postgresql").render_as_string(hide_password=hide_password)
    place, mark, query = shown.partition("?")
    shown = place + mark + query.replace("+", " ")  # a space; libpq would read a plus
    return "".join(c if c.isprintable() and c != " " else quote(c, errors="replace") for c in shown)


def without_password(url: URL) -> URL:
    """The URL without its password and without that of a key for TLS."""
    bare = url.difference_update_query(_SECRETS)
    return URL.create(
        bare.drivername, bare.username, None, bare.host, bare.port, bare.database, bare.query
    )


def password_of(url: URL) -> str | None:
    """The password in a URL, in its query or before the host."""
    found = url.query.get("password") or url.password
    return None if found is None else str(found)
