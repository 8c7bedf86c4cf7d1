"""Turns that were found: by pgvoice from audio alone, or by others and read from RTTM files."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pgvoice.hooks import Encoder, fill
from pgvoice.hooks.formats.reading import read_segments
from pgvoice.hooks.segmenters.segmenter import Segmenter
from pgvoice.store import Turn, VoiceStore
from pgvoice_benchmarks.naming.recordings import Recording

#: Where the files are that are segmented, in the folder that is compared.
AUDIO = "audio"
SECONDS = "seconds.txt"


class Found(NamedTuple):
    """The turns of recordings by key, and the processor's seconds to find them, on all cores."""

    turns: Mapping[str, Sequence[Turn]]
    seconds: float


def from_audio(
    store: VoiceStore, encoder: Encoder, segmenter: Segmenter, recordings: Sequence[Recording]
) -> Found:
    """Fill each recording from its audio alone, and read its turns from the store."""
    turns, start = {}, time.process_time()
    for one in recordings:
        fill(store, encoder, video=one.key, audio=one.audio, segments=None, segmenter=segmenter)
        turns[one.key] = store.recordings.turns(one.key) or []
    return Found(turns, time.process_time() - start)


def write(folder: Path, name: str, recordings: Sequence[Recording], found: Found) -> None:
    """Keep audio and turns for a comparison: ``audio/*.flac`` and ``NAME/*.rttm``."""
    for part in (AUDIO, name):
        (folder / part).mkdir(parents=True, exist_ok=True)
    with (folder / name / SECONDS).open("a") as file:
        file.writelines(
            f"{one.audio.stem} {found.seconds / len(recordings)}\n" for one in recordings
        )
    for one in recordings:
        audio = folder / AUDIO / one.audio.name
        if audio.resolve() != one.audio.resolve():
            audio.unlink(missing_ok=True)
            audio.symlink_to(one.audio.resolve())
        lines = (_line(one.audio.stem, turn) for turn in found.turns[one.key])
        (folder / name / f"{one.audio.stem}.rttm").write_text("".join(lines))


def _line(uri: str, turn: Turn) -> str:
    length = turn.end - turn.start
    return f"SPEAKER {uri} 1 {turn.start:.3f} {length:.3f} <NA> <NA> {turn.label} <NA> <NA>\n"


def read(folder: Path, recordings: Sequence[Recording]) -> Found | None:
    """The turns in a diarizer's RTTM files; None if it has none of some recording."""
    files = {one.key: folder / f"{one.audio.stem}.rttm" for one in recordings}
    if not all(file.is_file() for file in files.values()):
        return None
    turns = {key: read_segments(file) if file.stat().st_size else [] for key, file in files.items()}
    return Found(turns, sum(_seconds(folder).get(one.audio.stem, 0.0) for one in recordings))


def diarizers(folder: Path) -> list[str]:
    """The diarizers that have turns in a folder, by name."""
    return sorted(
        one.name for one in folder.iterdir() if one.name != AUDIO and any(one.glob("*.rttm"))
    )


def _seconds(folder: Path) -> dict[str, float]:
    """The processor's seconds that a runner took for each file."""
    file = folder / SECONDS
    rows = file.read_text().splitlines() if file.is_file() else []
    return {name: float(taken) for name, taken in (row.split() for row in rows)}
