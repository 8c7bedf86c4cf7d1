"""``Passwords``: who may log in, from a file with a name and a hash in each line."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from pgvoice.store.errors import PgvoiceError
from pgvoice.store.names import checked

_SCHEME = "scrypt"
#: Characters of a password at least.
SHORTEST = 12
#: Passwords that are checked at a time; each takes 32 MiB.
PARALLEL = 4
_KEY_BYTES = 32
_EXAMPLE = "`pgvoice serve --hash NAME` makes one"


class PasswordsRefused(PgvoiceError):
    """A file of passwords cannot be used."""


class TooManyLogins(PgvoiceError):
    """Others log in at this moment."""


class Cost(NamedTuple):
    """The parameters of scrypt: how hard a password is to guess."""

    n: int
    r: int
    p: int

    @property
    def memory(self) -> int:
        """Bytes that one hash takes."""
        return 128 * self.r * (self.n + self.p + 2)

    @property
    def is_possible(self) -> bool:
        is_power = self.n > 1 and self.n & (self.n - 1) == 0
        return is_power and 1 <= self.r <= 64 and 1 <= self.p <= 64 and self.memory <= 2**30


#: As OWASP's Password Storage Cheat Sheet says for 32 MiB.
COST = Cost(2**15, 8, 3)


@dataclass(frozen=True, slots=True)
class Hash:
    """The hash of a password, as text ``scrypt$N$R$P$SALT$HASH``."""

    cost: Cost
    salt: bytes
    key: bytes

    @classmethod
    def of(cls, password: str, cost: Cost = COST) -> Self:
        salt = secrets.token_bytes(16)
        return cls(cost, salt, _scrypt(password, salt, cost))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises `ValueError`."""
        scheme, n, r, p, salt, key = text.split("$")
        cost = Cost(int(n), int(r), int(p))
        if scheme != _SCHEME or not cost.is_possible:
            raise ValueError("a hash of another kind")
        found = cls(cost, *(base64.b64decode(each, validate=True) for each in (salt, key)))
        if len(found.key) != _KEY_BYTES:
            raise ValueError("a hash of another length")
        return found

    def __str__(self) -> str:
        encoded = (base64.b64encode(each).decode() for each in (self.salt, self.key))
        return "$".join([_SCHEME, *map(str, self.cost), *encoded])

    def fits(self, password: str) -> bool:
        return secrets.compare_digest(_scrypt(password, self.salt, self.cost), self.key)


class Passwords:
    """Checks passwords, and takes as long for a name that nobody has."""

    def __init__(self, hashes: Mapping[str, str]) -> None:
        self._hashes = {name: Hash.parse(text) for name, text in hashes.items()}
        costs = [each.cost for each in self._hashes.values()]
        self._nobody = Hash(max(costs, default=COST), secrets.token_bytes(16), b"")
        self._free = threading.BoundedSemaphore(PARALLEL)

    def check(self, name: str, password: str) -> bool:
        """Whether this is the person's password. Raises `TooManyLogins`."""
        if not self._free.acquire(blocking=False):
            raise TooManyLogins("Others log in at this moment: try again.")
        try:
            fits = self._hashes.get(name, self._nobody).fits(password)
        finally:
            self._free.release()
        return fits and name in self._hashes


def read(path: Path) -> dict[str, str]:
    """The hashes of a file by name; raises `PasswordsRefused`, which shows no hash.

    A line is ``NAME:HASH``; empty lines, and those that begin with ``#``, say nothing.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, text = line.strip().rpartition(":")
        try:
            Hash.parse(text)
            checked(name, "a name")
        except (ValueError, binascii.Error):
            raise PasswordsRefused(
                f"line {number} of {path} is not a name, a colon, and a hash: {_EXAMPLE}"
            ) from None
        if name in found:
            raise PasswordsRefused(f"{path} has two passwords for {name!r}: leave one")
        found[name] = text
    if not found:
        raise PasswordsRefused(f"{path} has no line with a name and a hash: {_EXAMPLE}")
    return found


def line(name: str, password: str) -> str:
    """The line for a person in such a file. Raises `PasswordsRefused`."""
    name = checked(name, "a name").strip()
    if "\n" in name or name.startswith("#"):
        raise PasswordsRefused(f"{name!r} cannot be a name in a file of passwords: use another")
    if len(password) < SHORTEST:
        raise PasswordsRefused(f"a password has at least {SHORTEST} characters: use a longer one")
    return f"{name}:{Hash.of(password)}"


def _scrypt(password: str, salt: bytes, cost: Cost) -> bytes:
    return hashlib.scrypt(
        password.encode(errors="replace"),
        salt=salt,
        n=cost.n,
        r=cost.r,
        p=cost.p,
        maxmem=cost.memory + 2**20,
        dklen=_KEY_BYTES,
    )
