"""ReDimNet2 by the code of its package, with small networks in files laid out as in its release."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from pgvoice_testkit.encoders.redimnet2_release import write_network, write_release

from pgvoice.hooks import Encoder, EncoderUnavailable, make_encoder
from pgvoice.hooks.encoders.redimnet2.redimnet2 import MAX_SAMPLES, Redimnet2Encoder, equal_parts
from pgvoice.hooks.encoders.redimnet2.release import DEFAULT_MODEL
from pgvoice.hooks.encoders.waveforms import unit_rows
from pgvoice.hooks.encoders.weights import digest
from pgvoice.hooks.testing import EncoderConformance, voice

RATE = 16_000
SMALL = "b0-vox2-lm"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models."""
    return write_release(tmp_path_factory.mktemp("release"), DEFAULT_MODEL, SMALL)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the package's downloads, which is empty; nothing can be downloaded."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("REDIMNET2_ONNX_RELEASE_BASE_URL", "http://127.0.0.1:9")
    return tmp_path / "redimnet2-onnx" / "models-v1"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_given: object) -> None:
        pass


@pytest.fixture
def served(release: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The cache, while the release can be downloaded."""
    handler = partial(_Quiet, directory=str(release))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("REDIMNET2_ONNX_RELEASE_BASE_URL", address)
        yield cache
        server.shutdown()
        thread.join()


def _download(message: str) -> None:
    """Run the command that an error names."""
    command = re.search("`(python .*)`", message)
    assert command, message
    python, *arguments = shlex.split(command[1])
    assert python == "python"
    subprocess.run([sys.executable, *arguments], check=True)


class TestConformance(EncoderConformance):
    @pytest.fixture(autouse=True)
    def _release(self, release: Path) -> None:
        self.folder = release

    def make_encoder(self) -> Encoder:
        return make_encoder(f"redimnet2:{self.folder}", device="cpu")


def test_the_error_names_the_command_that_downloads_it(release: Path, served: Path) -> None:
    with pytest.raises(EncoderUnavailable, match=f"{re.escape(DEFAULT_MODEL)} is not") as missing:
        _ = make_encoder("redimnet2").identity
    assert not served.exists(), "an identity is asked for without a network"
    _download(str(missing.value))
    encoder = make_encoder("redimnet2", device="cpu")
    assert encoder.identity == make_encoder(f"redimnet2:{release}").identity
    assert encoder.identity.revision == f"sha256:{digest(release / f'{DEFAULT_MODEL}.onnx')}"
    encoder.load()
    with pytest.raises(EncoderUnavailable, match=SMALL):
        _ = make_encoder(f"redimnet2:{SMALL}").identity


def test_a_damaged_download_is_downloaded_again(served: Path) -> None:
    served.mkdir(parents=True)
    folder = write_release(served, DEFAULT_MODEL)
    path = folder / f"{DEFAULT_MODEL}.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    encoder = make_encoder("redimnet2", device="cpu")
    encoder.load()
    assert encoder.identity.revision == f"sha256:{digest(path)}"


def test_a_damaged_download_without_a_network(cache: Path) -> None:
    cache.mkdir(parents=True)
    (write_release(cache, DEFAULT_MODEL) / f"{DEFAULT_MODEL}.onnx").write_bytes(b"")
    with pytest.raises(EncoderUnavailable, match="was changed, and cannot be downloaded again"):
        make_encoder("redimnet2", device="cpu").load()


@pytest.mark.usefixtures("cache")
def test_an_unknown_model() -> None:
    with pytest.raises(EncoderUnavailable, match=f"'b9'; choose one of: .*{SMALL}"):
        _ = make_encoder("redimnet2:b9").identity


def test_a_folder_has_the_default_model_or_one(release: Path, tmp_path: Path) -> None:
    default = make_encoder(f"redimnet2:{release}").identity
    small = make_encoder(f"redimnet2:{release}/{SMALL}.onnx").identity
    assert str(default) != str(small)
    write_release(tmp_path, "b2-vox2-lm")
    assert make_encoder(f"redimnet2:{tmp_path}").identity.name == "redimnet2"
    write_release(tmp_path, "b2-vox2-lm", "b3-vox2-lm")
    several = r"several models \(b2-vox2-lm, b3-vox2-lm\).*name a file, redimnet2:/"
    with pytest.raises(EncoderUnavailable, match=several):
        _ = make_encoder(f"redimnet2:{tmp_path}").identity


def test_the_models_differ(release: Path) -> None:
    sound = voice(2 * RATE, RATE, 120)
    rows = [
        make_encoder(f"redimnet2:{release}/{name}.onnx", device="cpu").encode([sound])[0]
        for name in (DEFAULT_MODEL, SMALL)
    ]
    assert abs(float(rows[0] @ rows[1])) < 0.9


def test_a_file_that_is_not_the_one_of_the_manifest(tmp_path: Path) -> None:
    path = write_release(tmp_path, DEFAULT_MODEL) / f"{DEFAULT_MODEL}.onnx"
    write_network(path, seed=7)
    with pytest.raises(EncoderUnavailable, match=r"not [0-9a-f]{64} as manifest\.json says"):
        make_encoder(f"redimnet2:{tmp_path}", device="cpu").load()


def test_a_folder_without_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailable, match=r"cannot read .*manifest\.json: No such file"):
        _ = make_encoder(f"redimnet2:{tmp_path}").identity


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("schema_version", 2, "is not the manifest of a release"),
        ("models", {}, "has no model that"),
        ("models", {SMALL: {"filename": f"{SMALL}.onnx", "sha256": "1"}}, r"sha256"),
        ("models", {SMALL: {"filename": f"../{SMALL}.onnx", "sha256": "0" * 64}}, "not list"),
    ],
)
def test_a_manifest_that_cannot_be_used(tmp_path: Path, key: str, value: object, said: str) -> None:
    manifest = write_release(tmp_path, SMALL) / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {key: value}))
    with pytest.raises(EncoderUnavailable, match=said):
        _ = make_encoder(f"redimnet2:{tmp_path}").identity


def test_a_model_that_is_listed_but_missing(tmp_path: Path) -> None:
    (write_release(tmp_path, SMALL) / f"{SMALL}.onnx").unlink()
    with pytest.raises(EncoderUnavailable, match="there is no file"):
        _ = make_encoder(f"redimnet2:{tmp_path}/{SMALL}.onnx").identity


def test_another_network(tmp_path: Path) -> None:
    write_release(tmp_path, SMALL)
    write_network(tmp_path / f"{SMALL}.onnx", shape=("batch", 1, 72, "frames"))
    manifest = tmp_path / "manifest.json"
    entry = {"filename": f"{SMALL}.onnx", "sha256": digest(tmp_path / f"{SMALL}.onnx")}
    manifest.write_text(json.dumps({"schema_version": 1, "models": {SMALL: entry}}))
    with pytest.raises(EncoderUnavailable, match=r"no network of ReDimNet2 .*use onnx:"):
        make_encoder(f"redimnet2:{tmp_path}", device="cpu").load()


def test_a_missing_extra_is_named(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redimnet2_onnx", None)
    monkeypatch.setitem(sys.modules, "redimnet2_onnx.frontend", None)
    with pytest.raises(EncoderUnavailable, match=r'pip install "pgvoice\[redimnet2\]"'):
        _ = make_encoder("redimnet2").identity
    with pytest.raises(EncoderUnavailable, match=r'pip install "pgvoice\[redimnet2\]"'):
        make_encoder(f"redimnet2:{release}", device="cpu").load()


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (RATE, [RATE]),
        (MAX_SAMPLES, [MAX_SAMPLES]),
        (MAX_SAMPLES + 1, [MAX_SAMPLES // 2 + 1, MAX_SAMPLES // 2]),
        (2 * MAX_SAMPLES, [MAX_SAMPLES] * 2),
        (60 * RATE + 1, [20 * RATE + 1, 20 * RATE, 20 * RATE]),
    ],
)
def test_parts_are_few_and_equal(samples: int, expected: list[int]) -> None:
    sound = np.arange(samples, dtype=np.float32)
    found = equal_parts(sound)
    assert [len(part) for part in found] == expected
    assert np.array_equal(np.concatenate(found), sound)


def test_a_long_segment_gets_the_mean_of_its_parts(release: Path) -> None:
    encoder = Redimnet2Encoder(str(release), "cpu")
    long = np.concatenate([voice(20 * RATE, RATE, 110), voice(21 * RATE, RATE, 190)])
    long, before = long[: 41 * RATE], voice(RATE, RATE, 150)
    parts = encoder.encode([long[: 41 * RATE // 2], long[41 * RATE // 2 :]])
    found = encoder.encode([before, long])
    np.testing.assert_allclose(found[1], unit_rows(parts.mean(axis=0)[None])[0], atol=1e-6)
    np.testing.assert_allclose(found[:1], encoder.encode([before]), atol=1e-6)


def test_half_a_minute_is_the_longest_at_once(release: Path) -> None:
    """The package refuses more, so these lengths are its own."""
    from redimnet2_onnx.frontend import MAX_SECONDS, MIN_SECONDS, SAMPLE_RATE

    assert (
        Redimnet2Encoder.min_samples,
        MAX_SAMPLES,
    ) == (MIN_SECONDS * SAMPLE_RATE, MAX_SECONDS * SAMPLE_RATE)
    rows = make_encoder(f"redimnet2:{release}", device="cpu").encode([voice(MAX_SAMPLES, RATE, 99)])
    assert np.isfinite(rows).all()


def test_the_package_s_own_class_gives_the_same_vectors(release: Path) -> None:
    from redimnet2_onnx import ReDimNet2

    sounds = [voice(round(seconds * RATE), RATE, 120) for seconds in (1, 2.345, 30)]
    expected = np.concatenate([ReDimNet2(release / f"{SMALL}.onnx").embed(s) for s in sounds])
    encoder = make_encoder(f"redimnet2:{release}/{SMALL}.onnx", device="cpu")
    np.testing.assert_allclose(encoder.encode(sounds), expected, atol=1e-6)
