"""Insert a large library part by part, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import time
from dataclasses import replace

from sqlalchemy import text

from pgvoice.store import VoiceStore
from pgvoice_benchmarks.large.figures import Figures
from pgvoice_benchmarks.large.server_load import processor_seconds
from pgvoice_benchmarks.library import Library
from pgvoice_benchmarks.timing import Progress
from pgvoice_benchmarks.writing import write_library

INSERT = "insert"
WRITING, CLIENT, SERVER = "write all segments", "processor, client", "processor, server"
#: Videos between two notes of the figures.
PART = 500


def insert(store: VoiceStore, library: Library, figures: Figures, progress: Progress) -> None:
    """Write the videos that are missing, by the store's own writing; adds to earlier figures."""
    videos = -(-library.segments // library.video_segments)
    for first in range(stored_videos(store), videos, PART):
        upto = min((first + PART) * library.video_segments, library.segments)
        used = time.process_time(), processor_seconds(store)
        seconds = write_library(store, replace(library, segments=upto), first=first)
        client, server = time.process_time() - used[0], processor_seconds(store) - used[1]
        for name, value in ((WRITING, seconds), (CLIENT, client), (SERVER, server)):
            figures.keep(INSERT, name, figures.value(INSERT, name) + value)
        progress(upto, library.segments)


def stored_videos(store: VoiceStore) -> int:
    with store.database.engine.connect() as connection:
        found: int = connection.scalar(text("SELECT count(*) FROM pgvoice.video"))
    return found
