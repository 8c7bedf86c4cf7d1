"""What `gpu.py` needs on a machine that has PyTorch: a folder of 45 MB.

The machine also has torchaudio, SciPy, scikit-learn, Numba, Click, Rich, requests, sentencepiece,
huggingface_hub, and what these need.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import files, version
from pathlib import Path

from pgvoice_testkit.audio.shared_recordings import SPEECH

from pgvoice.hooks.encoders.campplus.campplus import PACKAGE, WEIGHTS_FILE

CHECKOUT = Path(__file__).resolve().parents[4]
#: Folders of the checkout.
SOURCES = (".src", "store", "hooks", "cli", "alembic", "tests/support", "tests/benchmarks")
#: What is imported and not expected there.
PACKAGES = (
    *("audioread", "cffi", "decorator", "hyperpyyaml", "lazy-loader", "librosa", "msgpack"),
    *("msgspec", "pgvector", "platformdirs", "pluggy", "pooch", "psycopg", "psycopg-binary"),
    *("pycparser", "ruamel.yaml", "soundfile", "soxr", "speechbrain", "sqlalchemy"),
)
#: Systems whose wheels run on any of today.
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")
#: What is brought along at most.
MOST_MIB = 60
#: Recordings that are taken along, if there are any.
RECORDINGS = 16
RUN = """\
#!/bin/sh
# Installs the wheels into a folder beside this file, and runs the benchmark with the arguments.
set -e
here=$(cd "$(dirname "$0")" && pwd)
python3 -m pip install -q --no-index --no-deps --upgrade --target "$here/site" "$here"/wheels/*.whl
export PYTHONPATH="$here/packages:$here/site:$here/checkout/.src"
exec python3 "$here/checkout/tests/benchmarks/gpu.py" "$@"
"""


def pack(folder: Path, python: str) -> Path:
    """Fill the folder for an x86-64 Linux with this version of Python; the script to run there.

    Wheels come from the package index. Raises `CalledProcessError` if one is missing.
    """
    ignored = shutil.ignore_patterns("__pycache__")
    for source in SOURCES:
        target = folder / "checkout" / source
        shutil.copytree(CHECKOUT / source, target, symlinks=True, ignore=ignored)
    for recording in sorted(SPEECH.glob("librispeech-test-other/**/*.flac"))[:RECORDINGS]:
        _copy(recording, folder / "shared" / "speech" / recording.relative_to(SPEECH))
    _copy_packages(folder / "packages")
    _download_wheels(folder / "wheels", python)
    script = folder / "run.sh"
    script.write_text(RUN)
    return script


def size_mib(folder: Path) -> float:
    """The files of a folder together."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def _copy_packages(folder: Path) -> None:
    """CAM++'s weights without their package, and what tells Python that both are installed."""
    for file in (*(files(PACKAGE) or []), *(files("pgvoice") or [])):
        name = file.as_posix()
        if name.endswith((WEIGHTS_FILE, ".dist-info/METADATA", ".dist-info/RECORD")):
            _copy(Path(str(file.locate())), folder / name)


def _download_wheels(folder: Path, python: str) -> None:
    """The installed versions of `PACKAGES` for that Python."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}"]
    command += [f"--platform={platform}_x86_64" for platform in PLATFORMS]
    command += [f"--dest={folder}", *(f"{package}=={version(package)}" for package in PACKAGES)]
    subprocess.run(command, check=True)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
