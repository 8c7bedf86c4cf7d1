"""Coverage-guided fuzzing: ``python tests/fuzz/guided.py rttm --seconds 60``.

Needs `pip install -e '.[fuzz]'`. Stops at the first input that raises anything but an error of
pgvoice, or takes 20 s or 4 GB of memory, and keeps that input in the folder it prints.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris
import click

sys.path.append(str(Path(__file__).parents[1] / "support"))

with atheris.instrument_imports(include=["pgvoice"]):
    import io

    from pgvoice_testkit.audio.audio_files import LOSSLESS, LOSSY, speech_band, spread
    from pgvoice_testkit.audio.audio_files import write as write_audio
    from pgvoice_testkit.documents.samples import SAMPLES, sample

    from pgvoice.hooks import json_requests
    from pgvoice.hooks.audio.recording import open_recording
    from pgvoice.hooks.formats.json.catalog import SERVICES
    from pgvoice.hooks.formats.reading import read_document
    from pgvoice.hooks.profiles.importing import import_profiles
    from pgvoice.store.errors import PgvoiceError

FORMATS = ("json", "whisperx", "rttm", "srt", "vtt", *(each.name for each in SERVICES))
KINDS = {"wav": LOSSLESS["wav"], "flac": LOSSLESS["flac"], "mp3": LOSSY["mp3"], "m4a": LOSSY["m4a"]}
TARGETS = (*FORMATS, *KINDS, "profiles", "hook")
#: Valid documents to start from.
SEEDS = {
    **{its_format: sample(name) for name, its_format in SAMPLES.items()},
    "rttm": "SPEAKER talk 1 0.50 1.25 <NA> <NA> S0 <NA> <NA>\n",
    "json": '[[0, 1.5], {"start": 2, "end": 3, "speaker": "S0"}]',
    "whisperx": '{"segments": [{"start": 0, "end": 1, "text": "a", "speaker": "S0",'
    ' "words": [{"word": "a", "start": 0, "end": 1}]}]}',
    "srt": "1\n00:00:00,500 --> 00:00:02,000\n[S0]: Hello\n\n",
    "vtt": "WEBVTT\n\n00:00.500 --> 00:02.000\n<v S0>Hello\n\n",
    "profiles": '{"name": "Ada", "centroid": [1, 0], "embeddings": [[1, 0], [0.9, 0.1]],'
    ' "threshold": 0.5, "metadata": {"model": "x"}}',
    "hook": '{"version": 1, "video": "talk", "segments": [{"start": 0, "end": 1}]}',
}


class _Nothing:
    """An empty store and pipeline."""

    grid_ms = 100

    def __getattr__(self, name: str) -> object:
        raise PgvoiceError(name)


def target(what: str, folder: Path) -> Callable[[bytes], None]:
    """The function that is fuzzed."""
    path = folder / (f"input.{what}" if what in KINDS else "input.json")

    def read(data: bytes) -> None:
        read_document(io.StringIO(data.decode(errors="replace")), what)

    def profiles(data: bytes) -> None:
        path.write_bytes(data)
        import_profiles(_Nothing(), path, encoder=None, name="Ada")  # type: ignore[arg-type]

    def hook(data: bytes) -> None:
        json.loads(json_requests.reply(_Nothing(), data).document)  # type: ignore[arg-type]

    def hear(data: bytes) -> None:
        path.write_bytes(data)
        with open_recording(path) as recording:
            length = recording.info.duration_ms
            for _ in recording.cut([(0, 500), (max(0, length - 700), length)], 16_000):
                pass

    does = {"profiles": profiles, "hook": hook} | dict.fromkeys(KINDS, hear)
    return does.get(what, read)


def seed(what: str, folder: Path) -> None:
    """Write a valid input to start from."""
    if what in KINDS:
        samples = spread(speech_band(0.3, 16_000), 1)
        made = write_audio(folder / f"seed{KINDS[what].suffix}", samples, 16_000, KINDS[what])
        made.rename(folder / "seed")
    else:
        (folder / "seed").write_text(SEEDS[what], encoding="utf-8")


@click.command()
@click.argument("what", type=click.Choice(TARGETS))
@click.option("--seconds", default=60, show_default=True)
def main(what: str, seconds: int) -> None:
    """Try inputs of one kind, guided by coverage."""
    folder = Path(tempfile.mkdtemp(prefix="pgvoice-fuzz-"))
    corpus = folder / "corpus"
    corpus.mkdir()
    seed(what, corpus)
    does = target(what, folder)

    def once(data: bytes) -> None:
        try:
            does(data)
        except PgvoiceError as error:
            if "\n" in str(error):
                raise RuntimeError("a message of several lines") from error

    limits = [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=4096"]
    limits += ["-max_len=20000", f"-artifact_prefix={folder}{os.sep}", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], str(corpus), *limits], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
