"""The services and tools whose JSON is read: what each calls its turns, times and speakers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pgvoice.hooks.formats.format import speaker_of
from pgvoice.hooks.formats.json.json_objects import DIARIZER_LABEL
from pgvoice.hooks.formats.json.layouts import Layout, Time, Times, times
from pgvoice.hooks.formats.json.paths import EACH
from pgvoice.hooks.formats.json.services import Service
from pgvoice.hooks.formats.json.units import (
    decimal,
    iso_8601,
    milliseconds,
    protobuf,
    seconds,
    ticks,
)
from pgvoice.hooks.results import Labelled

_MS = times(("start",), ("end",), milliseconds)
_SECONDS = times(("start",), ("end",), seconds)

ASSEMBLYAI = Service(
    "assemblyai",
    "AssemblyAI",
    marks=(("utterances",), ("words", EACH, "confidence"), ("audio_url",)),
    but_not=(("segments",), ("results",)),
    layouts=(
        Layout(("utterances",), _MS, within=("words", EACH)),
        Layout(("words",), _MS, words="always"),
    ),
)

_AWS_TIMES = times(("start_time",), ("end_time",), decimal)
_AWS_SPEAKER = ("speaker_label", "channel_label")
_AWS_WORDS = Layout(
    ("results", "items"),
    _AWS_TIMES,
    speaker=_AWS_SPEAKER,
    text=(("alternatives", 0, "content"),),
    words="always",
)
_AWS_SEGMENTS = Layout(
    ("results", "audio_segments"), _AWS_TIMES, speaker=_AWS_SPEAKER, text=(("transcript",),)
)
AWS = Service(
    "aws",
    "Amazon Transcribe",
    marks=(("results", "transcripts"), ("results", "items"), ("results", "speaker_labels")),
    layouts=(
        replace(_AWS_SEGMENTS, needs_speakers=True),
        Layout(
            ("results", "speaker_labels", "segments"),
            _AWS_TIMES,
            speaker=_AWS_SPEAKER,
            within=("items", EACH),
            spoken=_AWS_WORDS,
        ),
        _AWS_SEGMENTS,
        _AWS_WORDS,
    ),
    transcript=("results", "transcripts", EACH, "transcript"),
)

_AZURE_BATCH = Layout(
    ("recognizedPhrases",),
    Times(
        starts=(
            Time(("offsetInTicks",), ticks),
            Time(("offsetMilliseconds",), milliseconds),
            Time(("offset",), iso_8601),
        ),
        lengths=(
            Time(("durationInTicks",), ticks),
            Time(("durationMilliseconds",), milliseconds),
            Time(("duration",), iso_8601),
        ),
    ),
    text=(("nBest", 0, "display"),),
    channel="channel",
)
AZURE = Service(
    "azure",
    "Azure AI Speech, batch and fast transcription",
    marks=(("recognizedPhrases",), ("combinedPhrases",), ("phrases", EACH, "offsetMilliseconds")),
    layouts=(
        _AZURE_BATCH,
        replace(_AZURE_BATCH, lists=("phrases",), text=(("text",),)),
    ),
    is_numbered=True,
)

_DEEPGRAM_BEST = ("results", "channels", EACH, "alternatives", 0)
DEEPGRAM = Service(
    "deepgram",
    "Deepgram",
    marks=(("results", "channels"), ("results", "utterances")),
    layouts=(
        Layout(
            ("results", "utterances"),
            _SECONDS,
            text=(("transcript",),),
            within=("words", EACH),
            channel="channel",
        ),
        Layout(
            (*_DEEPGRAM_BEST, "paragraphs", "paragraphs"),
            _SECONDS,
            text=(("sentences", EACH, "text"),),
            channel="#",
        ),
        Layout(
            (*_DEEPGRAM_BEST, "words"),
            _SECONDS,
            text=(("punctuated_word",), ("word",)),
            channel="#",
            words="always",
        ),
    ),
    is_numbered=True,
    transcript=(*_DEEPGRAM_BEST, "transcript"),
)

_GOOGLE_BEST = ("results", EACH, "alternatives", 0)
GOOGLE = Service(
    "google",
    "Google Cloud Speech-to-Text, v1 and v2",
    marks=(
        *((*_GOOGLE_BEST, "words", EACH, key) for key in ("endTime", "endOffset", "end_time")),
        *(("results", EACH, key) for key in ("resultEndTime", "resultEndOffset", "languageCode")),
    ),
    layouts=(
        Layout(
            (*_GOOGLE_BEST, "words"),
            Times(
                tuple(Time((key,), protobuf) for key in ("startTime", "startOffset", "start_time")),
                tuple(Time((key,), protobuf) for key in ("endTime", "endOffset", "end_time")),
                omits_zero=True,
            ),
            text=(("word",),),
            speaker=("speakerLabel", "speakerTag", "speaker_label", "speaker_tag"),
            nobody=frozenset({"0", ""}),
            words="always",
            repeats=True,
        ),
    ),
    wrapper="response",
    transcript=(*_GOOGLE_BEST, "transcript"),
    remedy="ask for enableWordTimeOffsets, or for diarization",
)

_IBM_WORDS = Layout(
    ("results", EACH, "alternatives", 0, "timestamps"),
    times((1,), (2,), seconds),
    text=((0,),),
    words="always",
)
IBM = Service(
    "ibm",
    "IBM Watson Speech to Text",
    marks=(
        ("results", EACH, "alternatives", EACH, "timestamps"),
        ("speaker_labels", EACH, "from"),
        ("result_index",),
    ),
    layouts=(
        Layout(
            ("speaker_labels",),
            times(("from",), ("to",), seconds),
            words="always",
            spoken=_IBM_WORDS,
        ),
        _IBM_WORDS,
    ),
    is_numbered=True,
    transcript=("results", EACH, "alternatives", 0, "transcript"),
    remedy="ask for timestamps, or for speaker_labels",
)


def _new_podcast(labelled: Sequence[Labelled]) -> object:
    return {"version": "1.0.0", "segments": [_podcast_segment(each) for each in labelled]}


def _podcast_segment(labelled: Labelled) -> dict[str, Any]:
    segment, name = labelled.segment, speaker_of(labelled)
    made: dict[str, Any] = {} if name is None else {"speaker": name}
    made |= {"startTime": segment.start, "endTime": segment.end, "body": segment.text or ""}
    if segment.label not in (None, name):
        made[DIARIZER_LABEL] = segment.label
    return made


PODCAST = Service(
    "podcast",
    "the podcast namespace's transcripts",
    marks=(("segments", EACH, "startTime"),),
    layouts=(
        Layout(
            ("segments",),
            times(("startTime",), ("endTime",), seconds),
            text=(("body",),),
            words="short",
        ),
    ),
    plain_times=(("segments", EACH, "startTime"), ("segments", EACH, "endTime")),
    new=_new_podcast,
)

REV = Service(
    "rev",
    "Rev AI",
    marks=(("monologues", EACH, "elements"),),
    layouts=(
        Layout(
            ("monologues",),
            times(("elements", EACH, "ts"), ("elements", EACH, "end_ts"), seconds),
            text=(("elements", EACH, "value"),),
            spacing="",
            skips_untimed=True,
        ),
    ),
    is_numbered=True,
)

SPEECHMATICS = Service(
    "speechmatics",
    "Speechmatics",
    marks=(("results", EACH, "start_time"), ("metadata", "transcription_config")),
    layouts=(
        Layout(
            ("results",),
            times(("start_time",), ("end_time",), seconds),
            text=(("alternatives", 0, "content"),),
            holder=("alternatives", 0),
            nobody=frozenset({"UU"}),
            words="always",
        ),
    ),
)

WHISPERCPP = Service(
    "whispercpp",
    "whisper.cpp",
    marks=(("transcription", EACH, "offsets"), ("systeminfo",)),
    layouts=(
        Layout(
            ("transcription",),
            times(("offsets", "from"), ("offsets", "to"), milliseconds),
            nobody=frozenset({"?"}),
            words="short",
        ),
    ),
)

SERVICES = (
    ASSEMBLYAI,
    AWS,
    AZURE,
    DEEPGRAM,
    GOOGLE,
    IBM,
    PODCAST,
    REV,
    SPEECHMATICS,
    WHISPERCPP,
)
