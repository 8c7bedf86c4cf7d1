"""An encoder that counts the connections to a database while it encodes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psycopg

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder


class WatchingEncoder(CountingEncoder):
    """Writes the number of connections to the file `notes`, a line per call."""

    def __init__(self, url: str, notes: str) -> None:
        super().__init__()
        self._url, self._notes = url, notes

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        with (
            psycopg.connect(self._url, application_name="watching") as connection,
            Path(self._notes).open("a") as file,
        ):
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND backend_type = 'client backend' AND application_name <> 'watching'"
            ).fetchone()
            file.write(f"{row[0] if row else None}\n")
        return super().encode(waveforms)
