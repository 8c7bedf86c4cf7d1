"""Fills of one recording: of all, some and no segments, and as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pgvoice_testkit.servers.databases import plain
from sqlalchemy import text

from pgvoice.hooks import Encoder, FillReport, fill
from pgvoice.store import VoiceStore
from pgvoice_benchmarks.material import Span
from pgvoice_benchmarks.timing import Progress, Timed, timed

VIDEO = "talk"
EVERY = 10
_DELETE = (
    "DELETE FROM pgvoice.segment_embedding WHERE (start_ms, end_ms) IN"
    " (SELECT start_ms, end_ms FROM (SELECT start_ms, end_ms, row_number()"
    " OVER (ORDER BY start_ms, end_ms) AS place FROM pgvoice.segment_embedding) numbered"
    f" WHERE place % {EVERY} = 0)"
)


class FillRuns:
    """Each run measures its own time, without its preparation."""

    def __init__(
        self,
        store: VoiceStore,
        encoder: Encoder,
        source: str,
        audio: Path,
        segments: Sequence[Span],
    ) -> None:
        """`source` is the encoder's name on the command line."""
        self._store = store
        self._encoder = encoder
        self._source = source
        self._audio = audio
        self._segments = segments

    def cold(self, progress: Progress) -> Timed[FillReport]:
        self._run("TRUNCATE pgvoice.video, pgvoice.encoder CASCADE")
        return self._fill(progress)

    def some_missing(self, progress: Progress) -> Timed[FillReport]:
        """Run after `cold`."""
        self._run(_DELETE)
        return self._fill(progress)

    def warm(self, progress: Progress) -> Timed[FillReport]:
        """Run after a complete fill."""
        return self._fill(progress)

    def process(self, _progress: Progress) -> Timed[None]:
        """The command with nothing missing, from start to end."""
        segments = self._audio.with_suffix(".json")
        segments.write_text(json.dumps(self._segments))
        command = [sys.executable, "-m", "pgvoice.cli", "fill", VIDEO]
        command += [str(self._audio), str(segments), "--encoder", self._source]
        command += ["--url", plain(self._store.database.url)]
        done = timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
        return Timed(done.seconds, None)

    def _fill(self, progress: Progress) -> Timed[FillReport]:
        return timed(
            lambda: fill(
                self._store,
                self._encoder,
                video=VIDEO,
                audio=self._audio,
                segments=self._segments,
                progress=progress,
            )
        )

    def _run(self, statement: str) -> None:
        with self._store.database.engine.begin() as connection:
            connection.execute(text(statement))
