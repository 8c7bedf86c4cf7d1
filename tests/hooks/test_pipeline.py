"""The pipeline: any shape of segments in, named speakers out, from several threads at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pgvoice_testkit.audio.sounds import silence, voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.segmenters.counting_segmenter import CountingSegmenter
from pyannote.core import Annotation, Segment

from pgvoice.hooks import AudioNotFound, Labelled, Pipeline
from pgvoice.store import VoiceStore
from pgvoice.store.turns import Turn

ADA, BOB = (0.0, 2.0), (4.0, 6.0)


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    ada, bob = voice(110, 4), voice(310, 4, seed=1)
    return write(tmp_path / "talk.wav", ada, bob, ada, silence(4))


@pytest.fixture
def encoder() -> CountingEncoder:
    return CountingEncoder()


@pytest.fixture
def pipeline(store_url: str, encoder: CountingEncoder, talk: Path) -> Iterator[Pipeline]:
    """A pipeline in whose store Ada and Bob are enrolled."""
    with Pipeline(store_url, encoder) as opened:
        opened.label("talk", talk, [ADA, BOB])
        opened.store.people.enroll_segments("Ada", "talk", [ADA])
        opened.store.people.enroll_segments("Bob", "talk", [BOB])
        yield opened


def test_every_shape_of_segments(pipeline: Pipeline, talk: Path) -> None:
    segments = [
        (0.0, 2.0),
        (4.0, 6.0, "S1"),
        Turn(8.0, 10.0, "S0"),
        {"start": 4.0, "end": 6.0, "speaker": "S1", "text": "hi"},
        Segment(8.0, 10.0),
    ]
    labels = pipeline.label("talk", talk, segments)
    assert [each.speaker for each in labels] == ["Ada", "Bob", "Ada", "Bob", "Ada"]
    assert [each.segment.label for each in labels] == [None, "S1", "S0", "S1", None]
    assert labels[3].segment.text == "hi"


def test_an_annotation_gives_its_tracks(pipeline: Pipeline, talk: Path) -> None:
    annotation = Annotation(uri="talk")
    annotation[Segment(0.0, 2.0)] = "S0"
    annotation[Segment(4.0, 6.0)] = "S1"
    labels = pipeline.label("talk", talk, annotation)
    assert [(each.segment.label, each.speaker) for each in labels] == [("S0", "Ada"), ("S1", "Bob")]


def test_a_diarization_gives_the_tracks_of_its_annotation(pipeline: Pipeline, talk: Path) -> None:
    theirs: Any = import_module("pyannote.audio.pipelines.speaker_diarization")
    annotation = Annotation(uri="talk")
    annotation[Segment(4.0, 6.0)] = "S1"
    output = theirs.DiarizeOutput(annotation, annotation, None)
    (label,) = pipeline.label("talk", talk, output)
    assert (label.segment.label, label.speaker) == ("S1", "Bob")


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        (5, "segments must be a list with one item each, not 5"),
        ("talk.rttm", "not 'talk.rttm'; pgvoice.hooks.read_segments reads a file"),
        ({"start": 0}, "with one item each, not {'start': 0}"),
        ({"segments": [], "language": "en"}, 'pass the "segments" of this dict'),
    ],
)
def test_what_is_no_list(pipeline: Pipeline, segments: Any, message: str) -> None:
    with pytest.raises(TypeError, match=re.escape(message)):
        pipeline.label("talk", None, segments)


def test_a_key_that_is_none(pipeline: Pipeline) -> None:
    with pytest.raises(ValueError, match="a video's key must be text, and None is of type None"):
        pipeline.label(None, None, [ADA])  # type: ignore[arg-type]


def test_what_is_no_span_of_time_does_not_lose_the_others(pipeline: Pipeline, talk: Path) -> None:
    result = pipeline.run("talk", talk, [ADA, (3.0, 1.0), {"text": "no times"}, BOB])
    assert [each.reason for each in result.labels] == ["matched", "invalid", "invalid", "matched"]
    assert result.labels[1] == Labelled(Turn(3.0, 1.0), None)
    assert [error.index for error in result.invalid] == [1, 2]
    assert pipeline.label("new", None, [(3.0, 1.0)])[0].reason == "invalid"


def test_a_second_call_needs_no_audio_and_no_model(
    pipeline: Pipeline, encoder: CountingEncoder
) -> None:
    calls, loads = list(encoder.calls), encoder.loads
    result = pipeline.run("talk", None, [ADA, BOB])
    assert [each.speaker for each in result.labels] == ["Ada", "Bob"]
    assert (result.report.run.hits, result.report.missing, result.report.decoded) == (2, 0, False)
    assert (encoder.calls, encoder.loads) == (calls, loads)


def test_an_error_is_no_label(pipeline: Pipeline) -> None:
    with pytest.raises(AudioNotFound):
        pipeline.label("talk", None, [(1.0, 3.0)])


def test_the_audio_is_asked_of_the_sources(
    pipeline: Pipeline, talk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGVOICE_AUDIO", str(talk.parent))
    assert pipeline.label("talk", None, [(8.0, 10.0)])[0].speaker == "Ada"


def test_threads_have_the_answers_of_their_own_videos(
    pipeline: Pipeline, talk: Path, encoder: CountingEncoder
) -> None:
    """Several calls per video, with overlapping lists of segments."""
    batches = list(encoder.calls)
    asked = [(f"video {n % 3}", [ADA, BOB, (8.0, 10.0)][n % 2 :]) for n in range(12)]
    with ThreadPoolExecutor(12) as threads:
        results = list(threads.map(lambda each: pipeline.run(each[0], talk, each[1]), asked))
    names = [[label.speaker for label in result.labels] for result in results]
    assert names == [["Ada", "Bob", "Ada"], ["Bob", "Ada"]] * 6
    assert [result.report.video for result in results] == [video for video, _ in asked]
    assert sum(result.report.run.filled for result in results) == 9
    assert sum(encoder.calls) - sum(batches) == 9


def test_threads_share_one_model(store_url: str, encoder: CountingEncoder, talk: Path) -> None:
    videos = ["a", "b", "a", "b", "c", "a"]
    with Pipeline(store_url, encoder) as pipeline, ThreadPoolExecutor(6) as threads:
        results = list(threads.map(lambda each: pipeline.run(each, talk, [ADA, BOB]), videos))
    assert encoder.loads == 1
    assert sum(encoder.calls) == 6
    assert sum(result.report.missing for result in results) == 6
    assert {each.reason for result in results for each in result.labels} == {"no_profiles"}


def test_progress_in_the_shape_of_pyannote(pipeline: Pipeline, talk: Path) -> None:
    # Here, because collecting tests with speechbrain's lazy modules loaded fails.
    from pyannote.audio.pipelines.utils.hook import ProgressHook

    seen: list[tuple[str, int | None, int | None]] = []

    class Seeing(ProgressHook):  # type: ignore[misc, unused-ignore]
        def __call__(self, step_name, step_artifact, file=None, total=None, completed=None):  # type: ignore[no-untyped-def]
            super().__call__(step_name, step_artifact, file, total, completed)
            seen.append((step_name, completed, total))
            assert file["uri"] == "talk"

    with Seeing() as hook:
        pipeline.label("talk", talk, [(0.5, 2.5), (4.5, 6.5)], hook=hook)
    starts_and_ends = [("fill", 0, 2), ("fill", 2, 2), ("fill", None, None)]
    assert seen == [*starts_and_ends, ("identify", None, None)]


def test_the_hooks_of_pyannote_as_they_are(pipeline: Pipeline, talk: Path) -> None:
    theirs: Any = import_module("pyannote.audio.pipelines.utils.hook")
    every = theirs.ProgressHook(transient=True), theirs.TimingHook(), theirs.ArtifactHook()
    seen: list[Mapping[str, Any]] = []

    def seeing(*given: Any, file: Mapping[str, Any], **_: Any) -> None:
        seen.append(file)

    with theirs.Hooks(*every, seeing) as hook:
        labels = pipeline.label("talk", talk, [(0.7, 2.7), ADA], hook=hook)
    assert seen[0]["timing"].keys() == {"total", "fill"}
    assert seen[0]["artifact"]["fill"].missing == 1
    assert seen[0]["artifact"]["identify"] == labels
    with theirs.ProgressHook() as alone:
        assert pipeline.label("talk", None, [ADA], hook=alone) == labels[1:]


def test_the_store_of_somebody_else_stays_open(store: VoiceStore, encoder: CountingEncoder) -> None:
    with Pipeline(store, encoder):
        pass
    assert store.people.speakers() == []


def test_clusters_where_there_are_labels(
    store_url: str, encoder: CountingEncoder, talk: Path, pipeline: Pipeline
) -> None:
    named = [(0.0, 1.0, "S0"), (1.0, 2.0, "S0"), (2.0, 3.0, "S0")]
    segments = [*named, (8.0, 8.3, "S0"), (9.0, 8.0, "S0"), (4.0, 6.0, "S1")]
    with Pipeline(store_url, encoder, clusters=True) as clustered:
        result = clustered.run("talk", talk, segments)
    assert [label.reason for label in result.labels] == [
        "matched", "matched", "matched", "by_cluster", "invalid", "matched",
    ]  # fmt: skip
    assert [str(cluster) for cluster in result.clusters] == [
        "cluster S0: 4 Ada",
        "cluster S1: 1 Bob",
    ]
    assert pipeline.run("talk", talk, segments).labels == result.labels
    assert pipeline.run("talk", talk, segments, clusters=False).clusters == ()
    assert pipeline.run("talk", talk, [each[:2] for each in segments]).clusters == ()


# From audio alone


@pytest.fixture
def segmenter() -> CountingSegmenter:
    return CountingSegmenter()


@pytest.fixture
def hearing(pipeline: Pipeline, segmenter: CountingSegmenter) -> Iterator[Pipeline]:
    """The same store and encoder, with a segmenter."""
    with Pipeline(pipeline.store, pipeline.encoder, segmenter=segmenter) as opened:
        yield opened


def test_the_turns_that_are_found_are_answered(
    hearing: Pipeline, talk: Path, segmenter: CountingSegmenter
) -> None:
    result = hearing.run("new", talk)
    found = [Turn(0.0, 4.0, "110"), Turn(4.0, 8.0, "310"), Turn(8.0, 12.0, "110")]
    assert [label.segment for label in result.labels] == found
    assert [label.speaker for label in result.labels] == ["Ada", "Bob", "Ada"]
    assert result.report.segmenter == str(segmenter.identity)
    assert hearing.label("new", None) == list(result.labels)
    assert (segmenter.calls, segmenter.loads) == (1, 1)


def test_turns_that_were_given_are_answered_without_the_segmenter(
    hearing: Pipeline, talk: Path, segmenter: CountingSegmenter
) -> None:
    assert [label.speaker for label in hearing.label("talk", talk)] == ["Ada", "Bob"]
    assert (segmenter.calls, segmenter.loads) == (0, 0)


def test_nobody_speaks(hearing: Pipeline, tmp_path: Path) -> None:
    assert hearing.label("quiet", write(tmp_path / "quiet.wav", silence(12))) == []


def test_a_segmenter_by_name(
    pipeline: Pipeline, talk: Path, segmenter: CountingSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = list[str | None]()

    def make(name: str | None, *, device: str | None) -> CountingSegmenter:
        made.append(name)
        return segmenter

    monkeypatch.setattr("pgvoice.hooks.pipeline.make_segmenter", make)
    with Pipeline(pipeline.store, pipeline.encoder, segmenter="mine") as named:
        for video in ("one", "two"):
            assert len(named.run(video, talk).labels) == 3
        assert len(named.run("three", talk, segmenter="other").labels) == 3
    assert made == ["mine", "other"]


def test_progress_of_segmenting(hearing: Pipeline, talk: Path) -> None:
    seen = list[tuple[str, int | None, int | None]]()

    def hook(
        step: str, artifact: Any, /, file: Any = None, total: Any = None, completed: Any = None
    ) -> None:
        seen.append((step, completed, total))

    hearing.label("new", talk, hook=hook)
    steps = list(dict.fromkeys(step for step, *_ in seen))
    assert steps == ["segmentation", "fill", "identify"]
    assert ("segmentation", 16_000, 16_000) in seen
    assert ("fill", 3, 3) in seen


def test_threads_share_one_segmenter(
    hearing: Pipeline, talk: Path, segmenter: CountingSegmenter
) -> None:
    videos = ["a", "b", "a", "b", "c"]
    with ThreadPoolExecutor(5) as threads:
        results = list(threads.map(lambda video: hearing.run(video, talk), videos))
    assert (segmenter.loads, segmenter.calls) == (1, 3)
    names = {tuple(label.speaker for label in result.labels) for result in results}
    assert names == {("Ada", "Bob", "Ada")}
