"""``same_recording``: opens the file that a recording was filled from, and no other."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pgvoice.hooks.audio.recording import OpenRecording, open_recording
from pgvoice.hooks.errors import AudioError
from pgvoice.hooks.sources import resolve_audio


@contextmanager
def same_recording(
    video: str, source: str | None, sha256: str | None, audio: str | Path | None = None
) -> Iterator[OpenRecording]:
    """The file `audio`, or else the one at `source`, or else the one that an audio source finds.

    Raises `AudioError`, also if it is not the file with this `sha256`.
    """
    path = Path(audio) if audio else _found(video, source)
    with open_recording(path) as recording:
        _check_same(recording, video, sha256)
        yield recording


class KeptOpen:
    """`same_recording` that keeps the files open which were used last; threads may share it.

    To open a file takes long: all of it is hashed, and the packets of an mp3 are counted. A file
    that was changed or replaced since is opened again.
    """

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._files: OrderedDict[Path, _KeptFile] = OrderedDict()

    @contextmanager
    def same_recording(
        self, video: str, source: str | None, sha256: str | None
    ) -> Iterator[OpenRecording]:
        """As the function; others who want the same file wait until the end."""
        path = _found(video, source)
        file = self._take(path)
        try:
            with file.lock:
                recording = file.current(path)
                _check_same(recording, video, sha256)
                yield recording
        finally:
            with self._lock:
                file.users -= 1

    def close(self) -> None:
        """Close the files that nobody uses."""
        self._close_beyond(0)

    def _take(self, path: Path) -> _KeptFile:
        with self._lock:
            file = self._files.setdefault(path, _KeptFile())
            file.users += 1
            self._files.move_to_end(path)
        self._close_beyond(self._most)
        return file

    def _close_beyond(self, most: int) -> None:
        """Close the files that were used longest ago."""
        with self._lock:
            idle = [path for path, file in self._files.items() if not file.users]
            closing = [self._files.pop(path) for path in idle[: max(0, len(self._files) - most)]]
        for file in closing:
            file.close()


class _KeptFile:
    """A file that may be open."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self._opened = ExitStack()
        self._recording: OpenRecording | None = None

    def current(self, path: Path) -> OpenRecording:
        """Raises `AudioError`."""
        if self._recording is None or not self._recording.is_unchanged:
            self.close()
            self._recording = self._opened.enter_context(open_recording(path))
        return self._recording

    def close(self) -> None:
        self._recording = None
        self._opened.close()


def _check_same(recording: OpenRecording, video: str, sha256: str | None) -> None:
    if recording.info.sha256 != sha256:
        raise AudioError(f"{recording.path} is not the audio that {video!r} was filled from")


def _found(video: str, source: str | None) -> Path:
    return Path(source) if source and Path(source).is_file() else resolve_audio(video)
