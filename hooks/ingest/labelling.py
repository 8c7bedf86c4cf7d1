"""``Labelling``: keeps who speaks in the recordings that an ingest filled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pgvoice.store.errors import PrivilegeMissing, UnknownEncoder, UnknownVideo
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.voice_store import VoiceStore

#: Recordings that are labelled together, as a run that can be reverted.
BATCH = 50


class Labelling:
    """Keeps labels, a run per batch; what is not labelled yet is in the store."""

    def __init__(self, store: VoiceStore, name: str, encoder: EncoderIdentity) -> None:
        self._store, self._name, self._encoder = store, name, encoder
        #: Recordings that were filled since labels were kept last.
        self._filled: list[str] = []
        #: Recordings that were labelled, and the people who were named in them.
        self.labelled, self.people = 0, set[str]()
        #: Why labels may not be kept, if they may not.
        self.refused: str | None = None

    def add(self, videos: Iterable[str]) -> None:
        """Label these recordings with the next batch."""
        self._filled += videos
        if len(self._filled) >= BATCH:
            self.keep()

    def keep(self) -> None:
        """Label what is filled and not labelled, other machines' recordings of this ingest too."""
        while self.refused is None:
            if waiting := self._store.ingests.unlabelled(self._name):
                self._label(waiting[:BATCH])
            else:
                # Those without any speech may be unknown to the store.
                self._store.ingests.finish(self._name, self._filled)
                self._filled = []
                return

    def _label(self, videos: Sequence[str]) -> None:
        try:
            kept = self._store.labels.label(videos, encoder=self._encoder)
            self.people |= {move.to_speaker for move in kept.moves if move.to_speaker}
        except PrivilegeMissing as error:
            self.refused = str(error)
            return
        except UnknownVideo:
            return  # It was erased meanwhile, and is no longer among those that wait.
        except UnknownEncoder:
            pass  # None of them has speech.
        self._store.ingests.finish(self._name, videos)
        self.labelled += len(videos)
