"""Makes a context manager of a class that has a ``close``."""

from __future__ import annotations

from typing import Self


class Closing:
    """Calls `close` at the end of a ``with`` statement."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
