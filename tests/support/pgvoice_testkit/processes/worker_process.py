"""A program with an idle worker of an engine: prints that it is there, and waits."""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import cast

from pgvoice.hooks.ingest import engine
from pgvoice.hooks.ingest.worker import Worker


def main() -> None:
    idle = cast("Worker", None)
    with ProcessPoolExecutor(1, get_context("spawn"), engine._begin, (idle, 1)) as pool:
        print(pool.submit(os.getpid).result(), flush=True)  # noqa: T201 - for the caller
        time.sleep(600)


if __name__ == "__main__":
    main()
