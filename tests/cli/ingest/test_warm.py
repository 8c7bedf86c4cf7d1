"""A second ingest is quick: it loads no model, and opens no audio."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pgvoice_testkit.stores.filled import put

from pgvoice.hooks import make_encoder
from pgvoice.hooks.segmenters.registry import make_segmenter
from pgvoice.store import Turn, VoiceStore

CODE = """
import sys
from pgvoice.cli.main import cli
try:
    cli(["ingest", sys.argv[1], "--encoder", "campplus", "--url", sys.argv[2]])
finally:
    heavy = {"av", "librosa", "matplotlib", "ray", "soundfile", "speechbrain", "torch"}
    print(sorted(heavy & set(sys.modules)))
"""


def test_a_second_ingest_imports_no_model_and_no_audio(
    store: VoiceStore, store_url: str, tmp_path: Path
) -> None:
    encoder, segmenter = make_encoder("campplus").identity, make_segmenter("pyannote-3.0").identity
    put(store, "talk", {(0, 2): "silent"}, encoder)
    store.recordings.store_turns("talk", [Turn(0, 2, "SPEAKER_00")], segmenter=str(segmenter))
    # That is no sound, and nobody notices.
    (tmp_path / "talk.mp3").write_text("")
    ran = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path), store_url],
        capture_output=True,
        text=True,
        check=True,
    )
    first, *_, imported = ran.stdout.splitlines()
    assert first == "1 recording: 1 already complete, 0 filled (0 vectors), 0 failed"
    assert (imported, ran.stderr) == ("[]", "")
