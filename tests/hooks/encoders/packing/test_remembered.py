"""A finding is made once, and read by all others."""

from __future__ import annotations

import itertools
import platform
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pgvoice.hooks.encoders.packing.remembered import Remembered, processor, usual_folder

Found = dict[str, object]


def number(found: Found) -> int:
    return int(str(found["number"]))


def remembered(folder: Path, **conditions: object) -> Remembered[int]:
    return Remembered(folder, conditions, number)


def never() -> Found:
    raise AssertionError("found twice")


def test_a_finding_is_made_once_for_its_conditions(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "trials"
    assert remembered(folder, threads=1).get(lambda: {"number": 7}) == 7
    assert remembered(folder, threads=1).get(never) == 7
    assert remembered(folder, threads=2).get(lambda: {"number": 8}) == 8
    assert remembered(folder, threads=1).get(never) == 7


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "7", '{"found": {}}', '{"found": {"number": "x"}}', "\udcff"]
)
def test_a_damaged_file_is_replaced(tmp_path: Path, content: str) -> None:
    kept = remembered(tmp_path)
    kept.path.write_bytes(content.encode(errors="surrogateescape"))
    assert kept.get(lambda: {"number": 7}) == 7
    assert remembered(tmp_path).get(never) == 7


def test_nothing_is_tried_if_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert remembered(tmp_path / "file" / "trials").get(never) is None
    assert remembered(Path("~/trials")).get(never) is None


def test_a_finding_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="found twice"):
        remembered(tmp_path).get(never)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_all_that_ask_at_once_get_the_same(tmp_path: Path) -> None:
    """A lock is one of an open file, so that threads are to each other as processes are."""
    made = itertools.count()

    def ask(_place: int) -> int | None:
        return remembered(tmp_path).get(lambda: {"number": next(made)})

    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(ask, range(8))]
    assert answers == [0] * 8
    assert next(made) == 1


def test_the_usual_folder_is_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert usual_folder().is_relative_to(tmp_path)
    assert usual_folder().name == "trials"


def test_a_processor_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processor()

    def unreadable(_path: Path) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", unreadable)
    monkeypatch.setattr(platform, "processor", lambda: "arm")
    assert processor() == "arm"
