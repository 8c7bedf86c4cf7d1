"""The samples of other tools' JSON, see tests/hooks/formats/samples/json/README.md."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[3] / "hooks" / "formats" / "samples" / "json"
_OTHER_NAMES = {"whisper": "whisperx", "openai": "whisperx", "faster": "whisperx"}

#: The format of each sample.
SAMPLES = {
    path.stem: _OTHER_NAMES.get(kind := path.stem.partition("_")[0], kind)
    for path in sorted(FOLDER.glob("*.json"))
}


def sample(name: str) -> str:
    """The text of a sample."""
    return (FOLDER / f"{name}.json").read_text(encoding="utf-8")
