"""``Enabling``: links the voices of a library for the first time, while pages are served."""

from __future__ import annotations

import contextvars
import logging
import threading

from pgvoice.store.errors import PgvoiceError
from pgvoice.store.voice_store import VoiceStore

#: Seconds that a browser waits, so that a small library is linked when it gets its answer.
PATIENCE = 2.0
_log = logging.getLogger(__name__)


class Enabling:
    """Links voices in a thread of its own; one at a time."""

    def __init__(self, store: VoiceStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        #: Recordings that were linked, and all.
        self.progress = (0, 0)
        #: Why linking ended before its end.
        self.failure: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether voices are being linked."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin, as whoever asks for it, unless it goes on already; wait a little for the end."""
        with self._lock:
            if not self.is_running:
                self.progress, self.failure = (0, 0), None
                context = contextvars.copy_context()
                self._thread = threading.Thread(target=context.run, args=(self._link,), daemon=True)
                self._thread.start()
        if self._thread is not None:
            self._thread.join(PATIENCE)

    def _link(self) -> None:
        try:
            self._store.voices.enable(progress=self._tell)
        except PgvoiceError as error:
            self.failure = str(error)
        except Exception:
            self.failure = "linking failed; the server's log says why"
            _log.exception("linking voices failed")

    def _tell(self, done: int, total: int) -> None:
        self.progress = (done, total)
