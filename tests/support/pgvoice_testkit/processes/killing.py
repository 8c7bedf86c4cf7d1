"""Kills fills, so that they can be resumed."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from pgvoice.store import SegmentKey, VoiceStore
from pgvoice_testkit.processes.fill_process import encoder_of, run
from pgvoice_testkit.processes.modules import command, environment
from pgvoice_testkit.stores.exact_rows import Bits, every_row


@dataclass(frozen=True, slots=True)
class FillCommand:
    """A fill that can be run several times."""

    store: VoiceStore
    encoder: str
    audio: Path
    #: None: a `CountingSegmenter` finds them.
    segments: list[tuple[float, float]] | None = None

    def run(self, video: str) -> None:
        """Run it in this process to the end."""
        run(self.store, self.encoder, video, self.audio, self.segments)

    def kill_after_seconds(self, video: str, seconds: float) -> int:
        """Run it and kill it after some seconds; returns the number of stored rows."""
        process = self.start(video)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
        return len(self.rows(video))

    def kill_after_rows(self, video: str, rows: int) -> int:
        """Run it and kill it once it stored so many rows; returns the number of stored rows."""
        process = self.start(video)
        while process.poll() is None and len(self.rows(video)) < rows:
            time.sleep(0.005)
        process.kill()
        process.wait()
        return len(self.rows(video))

    def rows(self, video: str) -> dict[SegmentKey, Bits]:
        """All stored rows of the video, bit for bit."""
        return every_row(self.store, video, encoder_of(self.encoder).identity)

    def start(self, video: str) -> subprocess.Popen[bytes]:
        """Run it in a process of its own."""
        url = self.store.database.url.render_as_string(hide_password=False)
        arguments = (url, self.encoder, video, str(self.audio), json.dumps(self.segments))
        fill = command("pgvoice_testkit.processes.fill_process", *arguments)
        return subprocess.Popen(fill, env=environment())
