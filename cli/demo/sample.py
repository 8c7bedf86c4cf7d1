"""The recording that the demonstrations are made of, which comes with a package."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from pgvoice.hooks.errors import EncoderUnavailable

PACKAGE = "pyannote-audio"
CREDIT = "the sample of pyannote.audio (MIT License)"


def sample_file(name: str) -> Path:
    """A file of the sample; the package's code is not imported.

    Raises `EncoderUnavailable` if the package is not installed or lacks the file.
    """
    try:
        files = distribution(PACKAGE).files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if file.match(f"pyannote/audio/sample/{name}") and path.is_file():
            return path
    raise EncoderUnavailable(
        f'{name}, a file of {PACKAGE}, is not installed: `pip install "pgvoice[demo]"`'
    )
