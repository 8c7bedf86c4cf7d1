"""The last step of a pipeline: names for the clusters of a diarizer.

Run it twice: ``python tests/examples/pipeline.py``. The second run loads no model and opens no
audio. `the_old_way.py` shows what the pipeline did before.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter

from recordings_to_name import PEOPLE, Video, recordings_of, videos

from pgvoice.hooks import Pipeline, PipelineResult, Recording, enroll_recordings

log = logging.getLogger("pipeline")


def main() -> None:
    library = videos()
    with Pipeline(encoder="campplus", clusters=True) as pipeline:
        enroll_once(pipeline)
        start = time.perf_counter()
        results = [name_speakers(pipeline, video) for video in library]
        say_totals(results, time.perf_counter() - start)


def enroll_once(pipeline: Pipeline) -> None:
    """Enroll everyone who is not enrolled yet."""
    known = {speaker.speaker for speaker in pipeline.store.people.speakers()}
    for person, reader in PEOPLE.items():
        if person not in known:
            enroll_recordings(
                pipeline.store,
                pipeline.encoder,
                person,
                [Recording(file) for file in recordings_of(reader)],
                consent="LibriVox, read for everybody",
            )


def name_speakers(pipeline: Pipeline, video: Video) -> PipelineResult:
    """Compute the missing vectors, and log the names of the clusters."""
    result = pipeline.run(video.key, video.audio, video.segments)
    run, missing = result.report.run, result.report.missing
    twice = len(result.labels) - run.requested
    log.info(
        "%s: %d segments, %d hits, %d misses%s",
        video.key, len(result.labels), run.hits, missing, f", {twice} twice" if twice else "",
    )  # fmt: skip
    for summary in result.clusters:
        log.info("  %s%s", summary, "  <- split" if len(summary.parts) > 1 else "")
    return result


def say_totals(results: list[PipelineResult], seconds: float) -> None:
    """Log what was stored, what was computed, and the names."""
    reports = [result.report for result in results]
    hits, misses = sum(r.run.hits for r in reports), sum(r.missing for r in reports)
    calls, loads = sum(r.encoder_calls for r in reports), sum(r.decoded for r in reports)
    named = Counter(label.speaker for result in results for label in result.labels if label.speaker)
    clusters = [cluster for result in results for cluster in result.clusters]
    split = sum(len(cluster.parts) > 1 for cluster in clusters)
    log.info("named: %s", ", ".join(f"{person} {count}" for person, count in named.most_common()))
    log.info("clusters: %d, %d of them split", len(clusters), split)
    log.info(
        "voice cache: %d hits, %d misses; %d model calls, %d audio files decoded, %.1f s",
        hits, misses, calls, loads, seconds,
    )  # fmt: skip


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(message)s")
    log.setLevel(logging.INFO)
    main()
