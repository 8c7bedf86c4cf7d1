"""Filling with one encoder what another one filled: the same segments of the same audio."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import AudioNotFound, OtherAudio
from pgvoice.hooks.fill.answering import is_meant
from pgvoice.hooks.fill.fill import fill
from pgvoice.hooks.fill.filling import Progress
from pgvoice.hooks.results import FillReport
from pgvoice.hooks.turns import as_turns
from pgvoice.store.errors import AudioChanged
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore


def turns_of(store: VoiceStore, video: str, like: EncoderIdentity) -> list[Turn]:
    """What is to be filled of a recording: its turns, or without any the segments of `like`.

    Raises `UnknownVideo`.
    """
    turns = store.recordings.turns(video)
    return as_turns(store.recordings.keys(video, encoder=like)) if turns is None else turns


def fill_likewise(
    store: VoiceStore,
    encoder: Encoder,
    video: str,
    turns: Sequence[Turn],
    source: str | None,
    progress: Progress | None = None,
) -> FillReport:
    """Fill `turns_of` a recording, whose stored turns stay as they are.

    The audio is at `source`, or if that is another file by now, where an audio source finds it.
    Raises what `fill` does, and `OtherAudio` if nobody has the file that was filled before.
    """
    is_meant(store, encoder.identity)
    path = source if source is not None and Path(source).is_file() else None

    def filled(audio: str | None) -> FillReport:
        return fill(
            store,
            encoder,
            video=video,
            audio=audio,
            segments=turns,
            on_turns="ignore",
            progress=progress,
        )

    try:
        return filled(path)
    except AudioChanged as error:
        if path is not None:
            with suppress(AudioNotFound, AudioChanged):
                return filled(None)
        raise OtherAudio(video, path) from error
    except AudioNotFound as error:
        if source is None:
            raise
        raise AudioNotFound(f"{source} is gone, and {error}") from error
