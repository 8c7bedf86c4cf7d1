"""The series of ``pgvoice demo --series``, filled and linked."""

from __future__ import annotations

from pathlib import Path

from pgvoice.cli.demo.episodes import make_episodes
from pgvoice.hooks import fill, make_encoder
from pgvoice.store import VoiceStore


def fill_series(store: VoiceStore, folder: Path) -> None:
    """Fill its episodes, whose files are kept in this folder, and link their voices."""
    encoder = make_encoder("campplus")
    for episode in make_episodes():
        audio, _ = episode.save(folder)
        fill(store, encoder, video=episode.name, audio=audio, segments=episode.turns)
    store.voices.enable()
