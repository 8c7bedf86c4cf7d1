"""A new virtual environment, a plugin's encoder, pyannote-audio, and ten lines of one's own."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
import venv
from pathlib import Path

from pgvoice_testkit.processes.installing import install_plugins

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "hooks" / "README.md"


def test_ten_lines_name_the_speakers(tmp_path: Path, store_url: str) -> None:
    (code,) = [block for block in _blocks() if 'Pipeline(encoder="ge2e"' in block]
    own = [line for line in code.splitlines() if line.strip() and not line.startswith("#")]
    assert len(own) <= 10
    environment = os.environ | {"PGVOICE_DATABASE_URL": store_url, "PGVOICE_PLUGINS": "ge2e"}
    done = subprocess.run(
        [_python(tmp_path), "-c", code], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    answers = [line.split() for line in done.stdout.splitlines()]
    named = {(label, speaker) for _, label, speaker, _ in answers if speaker != "None"}
    assert len(answers) == 10
    assert named == {("speaker90", "Ada"), ("speaker91", "Bob")}
    assert sum(speaker != "None" for _, _, speaker, _ in answers) >= 6


def _blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def _python(folder: Path) -> Path:
    """That of a new environment, which has the packages of this one and the plugin."""
    venv.create(folder / "venv", with_pip=False)
    site = next((folder / "venv").glob("lib/python*/site-packages"))
    paths = [str(ROOT / ".src"), sysconfig.get_paths()["purelib"]]
    (site / "packages.pth").write_text("\n".join(paths), encoding="utf-8")
    install_plugins(site, "ge2e")
    return folder / "venv" / "bin" / "python"
