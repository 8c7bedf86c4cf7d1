"""The last step of a pipeline: names for the segments that a diarizer put into clusters.

Run it twice: ``python tests/examples/pipeline.py``. The second run loads no model and opens no
audio. Beside it, `the_old_way.py` does what the pipeline did before.
"""

from __future__ import annotations

import logging
import sys
import time

from recordings_to_name import PEOPLE, Video, recordings_of, videos

from pgvoice.hooks import Encoder, FillReport, Recording, enroll_recordings, fill, make_encoder
from pgvoice.store import VoiceStore, summarize_clusters

log = logging.getLogger("pipeline")


def main() -> None:
    library = videos()
    encoder = make_encoder("campplus")
    with VoiceStore.open() as store:
        enroll_once(store, encoder)
        start = time.perf_counter()
        reports = [name_speakers(store, encoder, video) for video in library]
        say_totals(reports, time.perf_counter() - start)


def enroll_once(store: VoiceStore, encoder: Encoder) -> None:
    """Enroll who is not yet."""
    known = {speaker.speaker for speaker in store.speakers()}
    for person in PEOPLE:
        if person not in known:
            enroll_recordings(
                store,
                encoder,
                person,
                [Recording(file) for file in recordings_of(person)],
                consent="LibriVox, read for everybody",
            )


def name_speakers(store: VoiceStore, encoder: Encoder, video: Video) -> FillReport:
    """Compute the vectors that are missing, and log who the clusters are of."""
    report = fill(store, encoder, video=video.key, audio=video.audio, segments=video.spans)
    log.info(
        "%s: %d segments, %d hits, %d misses",
        video.key, report.run.requested, report.run.hits, report.missing,
    )  # fmt: skip
    answers = store.identify_clusters(video.key, video.spans, video.clusters)
    for summary in summarize_clusters(answers):
        log.info("  %s", summary)
    return report


def say_totals(reports: list[FillReport], seconds: float) -> None:
    hits, misses = sum(r.run.hits for r in reports), sum(r.missing for r in reports)
    calls, loads = sum(r.encoder_calls for r in reports), sum(r.decoded for r in reports)
    log.info(
        "voice cache: %d hits, %d misses; %d model calls, %d audio files decoded, %.1f s",
        hits, misses, calls, loads, seconds,
    )  # fmt: skip


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(message)s")
    log.setLevel(logging.INFO)
    main()
