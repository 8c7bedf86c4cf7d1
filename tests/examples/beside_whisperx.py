"""Names for the speakers in WhisperX's own result and in pyannote's ``DiarizeOutput``."""

from whisperx_results import audio, diarization, result

from pgvoice.hooks import Pipeline, write_labels

with Pipeline(encoder="campplus", clusters=True) as pipeline:
    turns = [each.segment for each in pipeline.label("talk", audio, diarization)]
    for name, turn in (("Ada", turns[4]), ("Bob", turns[5])):
        pipeline.store.people.enroll_segments(name, "talk", [(turn.start, turn.end)], consent="MIT")
    named = write_labels(pipeline.label("talk", audio, diarization), source=diarization)
    labels = pipeline.label("talk", audio, result["segments"])
    segments = write_labels(labels, source=result["segments"])
print(named.speaker_diarization, segments, sep="\n")
