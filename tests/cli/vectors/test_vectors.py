"""``pgvoice vectors``: what it says, and what it does with other engines' files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

SEGMENTS = [
    {"start": 0, "end": 4, "embedding": [3, 0.3, 0], "speaker": "SPEAKER_00"},
    {"start": 4, "end": 8, "embedding": [0, 1, 0], "speaker": "SPEAKER_01"},
    {"start": 8, "end": 9, "embedding": [0, 0, 0], "speaker": "SPEAKER_01"},
]
Run = Callable[..., Result]


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store_url: str) -> Path:
    """A file of vectors in the current folder, and a store that commands use."""
    monkeypatch.setenv("PGVOICE_DATABASE_URL", store_url)
    monkeypatch.chdir(tmp_path)
    path = Path("talk.json")
    path.write_text(json.dumps(SEGMENTS))
    return path


def _lines(done: Result) -> list[str]:
    assert done.exit_code == 0, done.output
    return [line.rstrip() for line in done.stdout.splitlines()]


def test_an_import_from_its_preview_to_names(run: Run, talk: Path) -> None:
    guess = (
        "its threshold of 0.5 is a guess: import again with --threshold X, or `pgvoice calibrate`"
    )
    table = [
        "video  vectors  stored before  turns  without a vector",
        "talk         2              0      3  1 non_finite",
        "",
    ]
    preview = _lines(run("vectors", "import", talk, "--encoder", "titanet@2", "--dry-run"))
    name = "titanet@2/imported"
    assert preview == [*table, f"2 vectors of 3 numbers would be imported as {name}", guess]
    assert "no recording yet" in run("videos").stdout
    done = _lines(run("vectors", "import", talk, "--encoder", "titanet@2", "--threshold", "0.6"))
    assert done == [*table, f"2 vectors of 3 numbers imported as {name}"]
    enrolled = run(
        "enroll", "add", "Ada", "--video", "talk", "--span", "0-4", "--encoder", "titanet"
    )
    assert "1 exemplar added" in enrolled.stdout, enrolled.output
    answers = json.loads(run("identify", "talk", "--encoder", "titanet", "--json").stdout)
    assert [each["speaker"] for each in answers["segments"]] == ["Ada", None, None]
    assert "titanet/imported" in run("cache", "stats").stdout
    assert "imported from talk.json" in " ".join(run("cache", "stats", "--wide").stdout.split())
    again = json.loads(run("vectors", "import", talk, "--encoder", "titanet@2", "--json").stdout)
    (recording,) = again["recordings"]
    assert (recording["hits"], recording["added"], again["dry_run"]) == (3, 0, False)


def test_vectors_of_labels_are_told(run: Run, talk: Path) -> None:
    segments = [{name: each[name] for name in ("start", "end", "speaker")} for each in SEGMENTS]
    vectors = {"SPEAKER_00": [1, 2], "SPEAKER_01": [2, 1]}
    talk.write_text(json.dumps({"segments": segments, "speaker_embeddings": vectors}))
    said = _lines(run("vectors", "import", talk, "--encoder", "whisperx", "--threshold", ".5"))
    assert said[-2:] == [
        "3 vectors of 2 numbers imported as whisperx@unknown/imported-per-label",
        "each label has one vector, so these do not serve to calibrate thresholds",
    ]
    assert "whisperx/imported-per-label" in run("cache", "stats").stdout
    refused = run("calibrate", "--exemplars", "--encoder", "whisperx")
    assert (refused.exit_code, "one vector per label" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ('[{"start": 3, "end": 2, "embedding": [1]}]', [], "talk.json: segment 1: it ends before"),
        ('[{"start": 0, "end": 2}]', [], "talk.json: it has no vectors"),
        ("{", [], "talk.json: the file is not JSON"),
        ('[{"start": 0, "end": 2, "embedding": [1]}]', ["--segments", "talk.json"], "of its own"),
    ],
)
def test_a_refusal_names_the_place(
    run: Run, talk: Path, text: str, options: list[str], message: str
) -> None:
    talk.write_text(text)
    done = run("vectors", "import", talk, "--encoder", "titanet", *options)
    assert (done.exit_code, message in done.stderr) == (1, True), done.output


@pytest.mark.parametrize("encoder", ["", "a/b", "@1", "titanet@", "a:b"])
def test_an_encoder_needs_a_name(run: Run, talk: Path, encoder: str) -> None:
    done = run("vectors", "import", talk, "--encoder", encoder)
    assert (done.exit_code, "encoder's" in done.stderr) == (2, True), done.output


def test_an_export_says_what_it_wrote_and_overwrites_nothing(run: Run, talk: Path) -> None:
    _lines(run("vectors", "import", talk, "--encoder", "titanet"))
    said = _lines(run("vectors", "export", "x.npz"))
    assert said == ["2 vectors of titanet@unknown/imported in 1 recording written to x.npz"]
    refused = run("vectors", "export", "x.npz")
    assert (refused.exit_code, "File exists" in refused.stderr) == (1, True)
    found = json.loads(run("vectors", "export", "y", "--format", "jsonl", "--json").stdout)
    assert (found["path"], found["vectors"], found["recordings"]) == ("y", 2, 1)
    assert len(Path("y").read_text().splitlines()) == 2
    erased = run("erase", "video", "talk", "--yes").stdout
    assert str(Path("x.npz").absolute()) in "".join(erased.split())
