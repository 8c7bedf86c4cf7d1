"""Every command that writes a file replaces a link with it and leaves the link's target alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.stores.filled import X, Y, put

from pgvoice.store import VoiceStore
from pgvoice.store.upkeep.ingests import Outcome

WRITING = {
    "picture": ["identify", "talk", "--plot", "link.svg"],
    "page": ["identify", "talk", "--plot", "link.html"],
    "pixels": ["evaluate", "talk=talk.rttm", "--plot", "link.png"],
    "labels": ["identify", "talk", "talk.rttm", "--output", "link.rttm", "--overwrite"],
    "manifest": ["ingest", "failed", "--output", "link.jsonl"],
}


@pytest.fixture
def library(store: VoiceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VoiceStore:
    """Ada and Bob, a reference, a failed recording, and a file that must stay."""
    put(store, "talk", {(0, 1): X, (1, 2): Y})
    store.people.enroll_segments("Ada", "talk", [(0, 1)], min_speech=1)
    store.people.enroll_segments("Bob", "talk", [(1, 2)], min_speech=1)
    store.ingests.expect("library", {"lost": {"video": "lost"}})
    store.ingests.settle("library", [Outcome("lost", "no file")])
    monkeypatch.chdir(tmp_path)
    Path("precious").write_text("precious")
    Path("talk.rttm").write_text("SPEAKER talk 1 0 1 <NA> <NA> Ada <NA> <NA>\n")
    return store


@pytest.mark.parametrize("target", ["precious", "absent"])
@pytest.mark.parametrize("kind", WRITING)
def test_a_link_is_replaced(
    library: VoiceStore, pgvoice: Callable[..., Result], kind: str, target: str
) -> None:
    assert library.people.speakers()
    link = next(Path(each) for each in WRITING[kind] if each.startswith("link"))
    link.symlink_to(target)
    done = pgvoice(*WRITING[kind])
    assert done.exit_code == 0, done.output
    assert (link.is_symlink(), link.stat().st_size > 10) == (False, True)
    assert Path("precious").read_text() == "precious"
    assert not Path("absent").exists()
    assert not list(Path.cwd().glob(".pgvoice-*"))


@pytest.mark.parametrize("target", ["precious", "absent"])
def test_an_export_is_a_new_file_of_its_owner(
    library: VoiceStore, pgvoice: Callable[..., Result], target: str
) -> None:
    assert library.people.speakers()
    link = Path("people.json")
    link.symlink_to(target)
    refused = pgvoice("enroll", "export", "--all", link)
    assert (refused.exit_code, "File exists" in refused.stderr) == (1, True)
    assert Path("precious").read_text() == "precious"
    assert not Path("absent").exists()
    assert pgvoice("enroll", "export", "--all", "new.json").exit_code == 0
    assert Path("new.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", WRITING)
def test_a_file_that_cannot_be_written(
    library: VoiceStore, pgvoice: Callable[..., Result], kind: str
) -> None:
    assert library.people.speakers()
    arguments = WRITING[kind]
    name = next(each for each in arguments if each.startswith("link"))
    Path(name).mkdir()
    done = pgvoice(*arguments)
    assert (done.exit_code in (1, 2), isinstance(done.exception, SystemExit)) == (True, True)
    assert name in done.stderr
