"""Torch and torchaudio, which load together only if both have the same release."""

from __future__ import annotations

from importlib.metadata import version

from pgvoice.hooks.errors import EncoderUnavailable, needs_extra

#: The first and the last release that both have and that pgvoice works with.
OLDEST, NEWEST = (2, 8), (2, 11)


def load_torchaudio() -> None:
    """Import torchaudio; raises `EncoderUnavailable` with the remedy if it does not fit torch.

    pip can choose such a pair: torchaudio accepts any torch from 2.11 on, but loads with one.
    """
    with needs_extra("extract"):
        try:
            import torchaudio  # noqa: F401
        except ModuleNotFoundError:
            raise
        except (ImportError, OSError, RuntimeError, AttributeError) as error:
            reason = str(error).partition("\n")[0]
            raise EncoderUnavailable(
                f"torchaudio {version('torchaudio')} does not load with torch {version('torch')}"
                f" ({reason}): install the same release of both: {remedy()}"
            ) from error


def releases_differ() -> bool:
    """Whether torch and torchaudio are of different releases, by their metadata."""
    return _release("torch") != _release("torchaudio")


def remedy() -> str:
    """The command that installs a pair, of the release of torch if pgvoice works with it."""
    found = _release("torch")
    wanted = ".".join(map(str, found if OLDEST <= found <= NEWEST else NEWEST))
    return f"pip install torch=={wanted}.0 torchaudio=={wanted}.0"


def _release(package: str) -> tuple[int, int]:
    major, minor = version(package).split(".")[:2]
    return int(major), int(minor)
