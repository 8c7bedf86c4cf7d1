"""Ask the HTTP API everything that its description allows, and what it does not allow.

    python tests/fuzz/api.py --minutes 10

schemathesis makes up the requests, alone and in sequences, as an admin for two thirds of the time,
and to a server that may only read for the rest. The library is made up; its audio is noise.
Exits with 1 if an answer is not as described.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import uvicorn

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.servers.databases import migrate, new_database, plain, temporary_folder
from pgvoice_testkit.stores import served_library
from pgvoice_testkit.stores.unknown_voices import RECORDINGS

from pgvoice.cli.serve import running
from pgvoice.cli.serve.app import make_app
from pgvoice.cli.serve.settings import Settings
from pgvoice.hooks.encoders import registry
from pgvoice.hooks.encoders.registry import RegisteredEncoder
from pgvoice.store import VoiceStore
from pgvoice.store.database import embedded

TOKEN = "a token of the fuzzer"
#: After so many minutes there is a new library, as acts erase much of one.
MINUTES = 5
CONFIG = Path(__file__).with_suffix(".toml")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int)
    asked = parser.parse_args()
    rounds = max(1, round(asked.minutes / MINUTES))
    seconds, failed = 60 * asked.minutes / rounds, 0
    for number in range(rounds):
        seed = asked.seed + number if asked.seed is not None else None
        with _library() as url:
            failed |= _run(url, 2 * seconds / 3, seed, role=None)
            failed |= _run(url, seconds / 3, seed, role="pgvoice_reader")
    return failed


def _run(url: str, seconds: float, seed: int | None, *, role: str | None) -> int:
    """Let schemathesis ask for so long; whether something is not as described."""
    with _served(url, role) as address:
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"),
            *(f"{address}/api/v1/openapi.json", "--max-time", str(max(1, round(seconds)))),
            *("--header", f"Authorization: Bearer {TOKEN}", "--checks", "all"),
            *("--wait-for-schema", "60"),
        ]
        if seed is not None:
            command += ["--seed", str(seed)]
        return subprocess.run(command, check=False).returncode


@contextmanager
def _served(url: str, role: str | None) -> Iterator[str]:
    """The address of a server in a thread."""
    with (
        running.listen("127.0.0.1", 0) as listening,
        VoiceStore.open(url, role=role) as store,  # type: ignore[arg-type]
    ):
        port = listening.getsockname()[1]
        settings = Settings(port=port, read_only=role is not None, api_token=TOKEN)
        app = make_app(store, settings)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield settings.address
        finally:
            app.state.entrance.site.closing.set()
            server.should_exit = True
            thread.join()
            app.state.entrance.site.ending.close()


@contextmanager
def _library() -> Iterator[str]:
    """The URL of a made-up library, whose recordings have a second of noise."""
    os.environ["PGVOICE_PLUGINS"] = ""
    counting = RegisteredEncoder("counting", lambda _source, _device: CountingEncoder(), "a fake")
    registry.registered_encoders = lambda: {"counting": counting}  # type: ignore[assignment]
    os.environ[registry.ENCODER_VARIABLE] = "counting"
    with temporary_folder(in_memory=True) as folder, TemporaryDirectory() as audio:
        sound = np.random.default_rng(1).normal(0, 0.1, 16_000)
        for video in RECORDINGS:
            soundfile.write(Path(audio, f"{video}.wav"), sound, 16_000)
        os.environ["PGVOICE_AUDIO"] = audio
        with new_database(embedded.start(folder).url) as url:
            migrate(url, keep_text=True)
            with VoiceStore.open(plain(url)) as store:
                served_library.make(store)
            yield plain(url)


if __name__ == "__main__":
    raise SystemExit(main())
