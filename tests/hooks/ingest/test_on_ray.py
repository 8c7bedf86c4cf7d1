"""Ingests on a real Ray cluster of this machine store the rows of fills, even if workers die."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.encoders.dying_encoder import DyingEncoder
from pgvoice_testkit.segmenters.counting_segmenter import CountingSegmenter

from pgvoice.hooks import fill
from pgvoice.hooks.errors import ClusterUnavailable
from pgvoice.hooks.ingest.manifest import ManifestRow
from pgvoice.hooks.ingest.on_ray import RayActors
from pgvoice.hooks.ingest.running import ingest
from pgvoice.store import SegmentKey, VoiceStore
from pgvoice.store.turns import Turn

SPANS = ((0.0, 1.0), (1.0, 2.5))
VIDEOS = 5


def _vectors(store: VoiceStore, video: str) -> list[bytes]:
    keys = [SegmentKey(round(start * 1000), round(end * 1000)) for start, end in SPANS]
    rows = store.recordings.read(video, CountingEncoder().identity, keys)
    return [vector.tobytes() for key in keys if (vector := rows[key].embedding) is not None]


def test_actors_fill_and_one_that_is_killed_is_replaced(
    store: VoiceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    rows = []
    for number in range(VIDEOS):
        audio = write(tmp_path / f"{number}.wav", voice(90 + 10 * number, 3, number))
        fill(store, CountingEncoder(), video=f"alone {number}", audio=audio, segments=SPANS)
        rows.append(ManifestRow(f"v{number}", str(audio), SPANS))
    alone = ManifestRow("alone", rows[2].audio)
    wrong = ManifestRow("wrong", str(tmp_path / "nowhere.wav"), SPANS)
    make = partial(DyingEncoder, str(tmp_path / "died"))
    with RayActors(store, make, "local", 2, segmenter=CountingSegmenter) as engine:
        report = ingest(engine, "library", [wrong, alone, *rows])
        again = ingest(engine, "library", [alone, *rows])
    assert {each.video: each.error for each in report.failed} == {
        "wrong": f"AudioNotFound: {wrong.audio} does not exist; check the path"
    }
    assert (tmp_path / "died").exists()
    assert (report.filled, again.complete) == (VIDEOS + 1, VIDEOS + 1)
    assert store.recordings.turns("alone") == [Turn(0.0, 3.0, "110")]
    for number in range(VIDEOS):
        assert len(_vectors(store, f"v{number}")) == len(SPANS)
        assert _vectors(store, f"v{number}") == _vectors(store, f"alone {number}")


def test_a_cluster_that_is_not_there(store: VoiceStore) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    rows = [ManifestRow("v", "v.wav", SPANS)]
    with (
        pytest.raises(ClusterUnavailable, match="no Ray cluster answers at auto"),
        RayActors(store, CountingEncoder, "auto") as engine,
    ):
        ingest(engine, "library", rows)


def _listening() -> list[tuple[str, int]]:
    """Addresses and ports at which this process and those it started listen."""
    psutil = pytest.importorskip("psutil", reason="psutil is not installed")
    here = psutil.Process()
    found = []
    for process in (here, *here.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            found += [
                (each.laddr.ip, each.laddr.port)
                for each in process.net_connections("inet")
                if each.status == psutil.CONN_LISTEN
            ]
    return found


ASK = """
import sys
from ray._raylet import GcsClient
client = GcsClient(address=sys.argv[1], cluster_id=None)
print(client.internal_kv_keys(b"", b"session", timeout=5))
"""


def _ask_from_outside(address: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Another process asks the cluster for its keys."""
    names = [name for name in os.environ if name.startswith("RAY_")]
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.run(
        [sys.executable, "-c", ASK, address],
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_local_cluster_is_private(
    store: VoiceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    others = set(_listening())
    audio = write(tmp_path / "v.wav", voice(90, 3))
    with RayActors(store, CountingEncoder, "local", workers=1) as engine:
        report = ingest(engine, "library", [ManifestRow("v", str(audio), SPANS)])
        assert report.filled == 1
        places = set(_listening()) - others
        assert len(places) >= 4
        assert {ip.removeprefix("::ffff:") for ip, _ in places} <= {"127.0.0.1", "::1"}
        if hasattr(ray._raylet, "AuthenticationTokenLoader"):
            address, token = ray.get_runtime_context().gcs_address, os.environ["RAY_AUTH_TOKEN"]
            inside = _ask_from_outside(address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=token)
            assert inside.returncode == 0, inside.stderr
            for environment in (
                {"RAY_AUTH_MODE": "disabled"},
                {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64},
            ):
                outside = _ask_from_outside(address, **environment)
                assert outside.returncode != 0
                assert "uthentic" in outside.stderr
    assert os.environ["RAY_AUTH_MODE"] == "disabled"
    assert "RAY_AUTH_TOKEN" not in os.environ
