"""Stops the server of a folder unless it is in use; what a lingering server's watcher runs."""

from __future__ import annotations

import sys
from pathlib import Path

from pgvoice.store.database.server import running, watcher
from pgvoice.store.errors import EmbeddedServerError


def main(folder: str) -> int:
    """The exit status for the watcher."""
    try:
        running.stop(Path(folder))
    except EmbeddedServerError:
        return watcher.BUSY
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
