"""Every table fits 80 columns, whatever long values are in it, and shows them with ``--wide``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.commands import leaf, leaves
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, X, Y, Z, put, unit
from rich.cells import cell_len

from pgvoice.store import FillRun, Turn, VoiceStore
from pgvoice.store.privacy.consents import Consent
from pgvoice.store.upkeep.ingests import Outcome

VIDEO = "2026-11-28-town-council-meeting-1st-floor"
ADA, BOB = "Alexandra Montgomery-Ainsworth", "Bartholomew Fitzgerald-Kennedy"
CLEO = "Cleopatra Featherstonehaugh-Montague"
ERROR = (
    "/srv/recordings/2026/11/2026-11-28-town-council-meeting-1st-floor.flac: the file ends at"
    " 1:02:03 of 2:03:04: copy it again from where it came from, or fill what there is"
)
#: The store has vectors of another version of it too.
OURS = str(ENCODER)
#: By command what it is called with.
CALLS = {
    "identify": ["--encoder", OURS, VIDEO],
    "relabel": ["--encoder", OURS, "--dry-run", "--threshold", "0.99"],
    "labels show": ["--encoder", OURS, VIDEO],
    "labels time": ["--encoder", OURS],
    "labels runs": [],
    "search": ["--encoder", OURS, ADA],
    "similar": ["--encoder", OURS, VIDEO, "--span", "0-2.5"],
    "index status": [],
    "enroll list": [],
    "enroll show": [ADA],
    "enroll check": [],
    "evaluate": ["--encoder", OURS, f"{VIDEO}=who.rttm"],
    "labels import": ["--encoder", OURS, f"{VIDEO}-3", "corrected.rttm", "--new", "--dry-run"],
    "labels words": [VIDEO],
    "acts": [],
    "voices list": [],
    "voices show": ["1"],
    "voices suggestions": [],
    "voices name": ["1", CLEO, "--force", "--dry-run"],
    "voices accept": ["1", "--force", "--dry-run"],
    "thresholds": ["--encoder", OURS],
    "calibrate": ["--list", "--encoder", OURS],
    "videos": ["--encoder", OURS],
    "ingest status": [],
    "ingest failed": [],
    "consent list": [],
    "erase speaker": [ADA, "--dry-run"],
    "erase video": [VIDEO, "--dry-run"],
    "erase opt-outs": [],
    "audit": [],
    "cache stats": [],
    "encoder list": [],
    "encoder switch": ["--drop", str(OTHER_ENCODER), "--dry-run"],
    "vectors import": ["--encoder", "titanet", "--dry-run", "vectors.json"],
    "segmenter list": [],
    "plugin list": [],
    "db roles": [],
    "db verify": [],
    "db checksums": [],
}
#: Of two recordings with long keys; one has no direction.
VECTORS = json.dumps(
    {
        f"{VIDEO}-of-{number}": [
            {"start": 0, "end": 2, "embedding": [1, number, 3]},
            {"start": 2, "end": 4, "embedding": [0, 0, 0]},
        ]
        for number in range(2)
    }
)
#: Tested in files of their own.
ELSEWHERE = {"db copy", "demo"}


@pytest.fixture(scope="module")
def library(
    server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Long keys and names, two encoders, and something in every table; only looked at."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        _fill(store)
        yield plain(url)


def _fill(store: VoiceStore) -> None:
    near = unit(1, 0.6, 0.2)
    put(store, VIDEO, {(0, 2.5): X, (10.1, 12): Y, (3600.5, 3605): near, (3650, 3652): near})
    put(store, VIDEO, {(3700, 3700.1): "too_short"})
    put(store, f"{VIDEO}-2", {(0, 2): X, (2, 4): Z})
    put(store, VIDEO, {(0, 2.5): X}, OTHER_ENCODER)
    for name, span in ((ADA, (0, 2.5)), (BOB, (10.1, 12))):
        agreed = Consent(name, "to be named in the minutes of meetings", f"form 7, {name}, signed")
        store.people.enroll_segments(name, VIDEO, [span], OURS, min_speech=1, consent=agreed)
    store.labels.label(None, encoder=OURS)
    store.labels.pin(VIDEO, (3600.5, 3605), BOB, encoder=OURS)
    _link(store)
    store.ingests.expect(VIDEO, {VIDEO: {"video": VIDEO}, "b": {"video": "b"}})
    store.ingests.settle(VIDEO, [Outcome(VIDEO, ERROR), Outcome("b", None, 10, 10, 5e5, 1e4)])


def _link(store: VoiceStore) -> None:
    """An unknown voice that may be somebody, in two recordings."""
    for video in (f"{VIDEO}-3", f"{VIDEO}-4"):
        put(store, video, {(3600, 3604): unit(0.48, 0, -0.87), (3610, 3613): unit(0.48, 0, -0.87)})
        label = "the third speaker of the recording, of four"
        store.recordings.store_turns(video, [Turn(3600, 3604, label), Turn(3610, 3613, label)])
        store.recordings.record_fill(video, ENCODER, FillRun(2, 0, 2))
    store.voices.enable()


def _rttm(path: Path, names: dict[tuple[float, float], str]) -> Path:
    path.write_text(
        "".join(
            f"SPEAKER x 1 {start} {end - start:.3f} <NA> <NA> {name.replace(' ', '_')} <NA> <NA>\n"
            for (start, end), name in names.items()
        )
    )
    return path


def _called(command: str) -> list[str]:
    return [*command.split(), *CALLS[command]]


def test_every_command_with_a_table_is_here() -> None:
    takes = {
        " ".join(path)
        for path in leaves()
        if any("--wide" in parameter.opts for parameter in leaf(path).params)
    }
    assert takes == CALLS.keys() | ELSEWHERE


@pytest.mark.parametrize("command", CALLS)
def test_it_fits(
    library: str,
    run: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    monkeypatch.setenv("PGVOICE_DATABASE_URL", library)
    monkeypatch.chdir(tmp_path)
    _rttm(tmp_path / "who.rttm", {(0.0, 2.5): ADA, (10.1, 12.0): BOB, (3600.5, 3605.0): ADA})
    _rttm(tmp_path / "corrected.rttm", {(3600.0, 3604.0): CLEO, (3610.0, 3613.0): ADA})
    (tmp_path / "vectors.json").write_text(VECTORS)
    tables, whole = (_tables(run(*_called(command), *more)) for more in ([], ["--wide"]))
    for narrow, wide in zip(tables, whole, strict=True):
        assert max(map(cell_len, narrow.splitlines())) <= 80
        assert "…" not in wide
        assert [word for word in narrow.split() if word not in wide and "…" not in word] == []


def _tables(done: Result) -> list[str]:
    """The blocks of lines in which two blanks separate columns."""
    assert done.exit_code == 0, done.output
    return [block for block in done.stdout.split("\n\n") if "  " in block.strip()]
