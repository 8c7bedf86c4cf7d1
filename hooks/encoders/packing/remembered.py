"""``Remembered``: one finding about this machine, in a small file that all processes share."""

from __future__ import annotations

import fcntl
import hashlib
import json
import platform
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Generic, TypeVar

import platformdirs

T = TypeVar("T")


class Remembered(Generic[T]):
    """What was found under given conditions; under others there is another file."""

    def __init__(
        self,
        folder: Path,
        conditions: dict[str, object],
        read: Callable[[dict[str, object]], T],
    ) -> None:
        """`read` makes the finding from its fields; raises `ValueError` for damaged ones."""
        self.folder, self._conditions, self._read = folder, conditions, read
        text = json.dumps(conditions, sort_keys=True)
        self.path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"

    def get(self, find: Callable[[], dict[str, object]]) -> T | None:
        """The finding of the first process that asked; None if no file can be kept.

        The others wait for it, so that they neither find another one nor disturb it.
        """
        if not self.folder.is_absolute():
            return None  # there is no home
        try:
            found = self._kept()
            if found is not None:
                return found
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                found = self._kept()
                return self._keep(find) if found is None else found
        except OSError:
            return None

    def _kept(self) -> T | None:
        """None if there is no file, or a damaged one."""
        try:
            content = json.loads(self.path.read_text())
            return self._read(content["found"])
        except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def _keep(self, find: Callable[[], dict[str, object]]) -> T:
        """A file that cannot be written is an error before anything is tried."""
        with NamedTemporaryFile("w", dir=self.folder, delete=False) as file:
            try:
                found = find()
                json.dump({"found": found, "conditions": self._conditions}, file, indent=1)
                file.flush()
                Path(file.name).replace(self.path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
        return self._read(found)


def usual_folder() -> Path:
    """In the user's cache; a relative path if the user has no home."""
    return platformdirs.user_cache_path("pgvoice", appauthor=False) / "trials"


def processor() -> str:
    """The name of the processor, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, None) or platform.processor() or platform.machine()
