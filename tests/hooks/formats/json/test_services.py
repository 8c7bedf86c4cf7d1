"""The JSON of services and tools: every sample is recognised, read, named and read again."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pgvoice_testkit.documents.samples import FOLDER, SAMPLES, sample
from pgvoice_testkit.stores.labelled_turns import labels, unasked

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats.json.recognition import MATCHES
from pgvoice.hooks.formats.reading import SegmentsDocument, read_document, registered_formats
from pgvoice.hooks.formats.writing import write_labels
from pgvoice.store.turns import Turn

EXPECTED: dict[str, list[tuple[float, float, str | None, str]]] = {
    "assemblyai": [
        (0.25, 2.001, "A", "Smoke is drifting south."),
        (1.95, 2.777, "B", "Since when?"),
    ],
    "assemblyai_words": [
        (0.25, 1.38, None, "Smoke is drifting."),
        (4.1, 5.0, None, "Since when?"),
    ],
    "aws": [(4.87, 6.88, "spk_0", "I've been waiting."), (6.49, 7.24, "spk_1", "Sorry.")],
    "aws_segments": [(4.87, 6.45, "spk_0", "I've been waiting."), (6.49, 7.24, "spk_1", "Sorry.")],
    "azure": [(0.07, 1.66, "1", "Hello world."), (61.5, 62.14, "2", "Hi.")],
    "azure_fast": [(0.96, 1.6, "0", "Good afternoon."), (1.6, 1.605, "1", "This is Sam.")],
    "deepgram": [(0.4191, 1.5, "0", "Hello, who is it?"), (2.0, 2.4, "1", "Me.")],
    "deepgram_channels": [(0.4, 1.1, "channel 0", "hello who"), (0.7, 1.0, "channel 1", "me")],
    "faster_whisper": [(0.0, 1.56, None, " Where is it?"), (1.56, 2.2, None, " Here.")],
    "google_v1": [(0.0, 2.0, "1", "okay, why here?"), (2.1, 2.9, "2", "for you")],
    "google_v2": [
        (0.0, 1.6, "1", "okay why"),
        (1.6, 2.0, "2", "here"),
        (2.1, 2.9, "2", "for you"),
    ],
    "ibm": [
        (0.28, 0.79, "2", "hello"),
        (1.07, 1.66, "1", "yeah"),
        (1.84, 2.15, "2", "yeah"),
        (3.42, 4.08, "2", "how's Billy"),
    ],
    "openai_diarized": [
        (0.0, 1.7, "agent", "Thanks for calling."),
        (1.55, 5.2, "A", "Hi, it's about the door."),
    ],
    "openai_verbose": [
        (0.0, 1.919999957084656, None, " The beach was full."),
        (2.0999999046325684, 3.319999933242798, None, " We left."),
    ],
    "openai_words": [(0.0, 1.92, None, "The beach was full"), (3.1, 4.5, None, "We left")],
    "podcast": [(0.5, 2.0, "Darth Vader", "I am your father."), (4.05, 5.0, "Luke", "Nooooo.")],
    "podcast_phrases": [
        (0.5, 2.75, "Ann", "Welcome to the show."),
        (2.8, 4.1, "Ann", "Who is with us today?"),
        (4.05, 5.0, None, "[music]"),
    ],
    "rev": [(0.5, 2.85, "1", "Hello World."), (3.0, 3.5, "2", "monologues <inaudible>?")],
    "speechmatics": [
        (2.04, 2.31, "S1", "Yeah."),
        (2.4, 2.9, "S2", "He has"),
        (2.9, 3.2, None, "left"),
    ],
    "whisper": [(0.0, 1.84, None, " Good evening."), (2.2, 3.1, None, " Thank you.")],
    "whispercpp": [
        (0.0, 3.3, "0", " Shall we go now?"),
        (3.3, 4.12, "1", " Not yet."),
        (4.12, 5.0, None, " All right then."),
    ],
    "whispercpp_turns": [
        (0.0, 3.8, None, " Okay, we are ready to begin."),
        (3.8, 61.05, None, " So are we."),
    ],
    "whisperx": [
        (0.009, 2.41, "SPEAKER_00", " We met in 1998, I think."),
        (2.35, 3.02, "SPEAKER_01", " No, later."),
        (3.4, 3.9, None, " Hm."),
    ],
}
every = pytest.mark.parametrize("name", SAMPLES)


def read(text: str, name: str | None = None) -> SegmentsDocument:
    return read_document(io.StringIO(text), name)


def test_every_sample_has_an_owner_and_is_expected() -> None:
    owners = (FOLDER / "README.md").read_text()
    assert set(SAMPLES) == set(EXPECTED)
    assert [name for name in SAMPLES if f"`{name}.json`" not in owners] == []
    assert {SAMPLES[name] for name in SAMPLES} == set(MATCHES)


@every
def test_the_content_alone_tells_the_format(name: str) -> None:
    text = sample(name)
    assert [kind for kind, matches in MATCHES.items() if matches(json.loads(text))] == [
        SAMPLES[name]
    ]
    claimed = [each.name for each in registered_formats().values() if each.matches(text)]
    assert claimed == [SAMPLES[name]]
    assert read(text).format.name == SAMPLES[name]


@every
def test_turns(name: str) -> None:
    expected = [Turn(*turn) for turn in EXPECTED[name]]
    assert list(read(sample(name)).segments) == expected
    assert list(read(sample(name), SAMPLES[name]).segments) == expected


@every
def test_names_come_back_with_the_same_times(name: str) -> None:
    document = read(sample(name))
    people = [f"Person {index}" for index, _ in enumerate(document.segments)]
    written = write_labels(labels(document.segments, *people), source=document)
    again = read(written)
    assert again.format.name == document.format.name
    expected = zip(document.segments, people, strict=True)
    assert list(again.segments) == [replace(turn, label=person) for turn, person in expected]
    assert without_names(json.loads(written)) == without_names(json.loads(sample(name)))


def test_words_that_get_one_name_are_one_turn() -> None:
    document = read(sample("google_v2"))
    named = read(write_labels(labels(document.segments, "Ada", "Ada", "Bob"), source=document))
    assert [(one.start, one.end, one.label) for one in named.segments] == [
        (0.0, 2.0, "Ada"),
        (2.1, 2.9, "Bob"),
    ]


@every
def test_nothing_is_lost_without_names(name: str) -> None:
    document = read(sample(name))
    same = write_labels(unasked(document.segments), source=document)
    assert same == json.dumps(json.loads(sample(name)), ensure_ascii=False, indent=indent(name)) + (
        "\n"
    )


@pytest.mark.parametrize(
    "name", [name for name in SAMPLES if all(label for _, _, label, _ in EXPECTED[name])]
)
def test_a_name_that_is_taken_back_leaves_no_trace(name: str) -> None:
    document = read(sample(name))
    people = [f"Person {index}" for index, _ in enumerate(document.segments)]
    named = read(write_labels(labels(document.segments, *people), source=document))
    nobody = write_labels(labels(named.segments, *[None] * len(people)), source=named)
    assert json.loads(nobody) == json.loads(sample(name))


def indent(name: str) -> str:
    return sample(name).splitlines()[1].partition('"')[0]


NAMED = {"speaker", "speaker_name", "speaker_label", "speakerLabel", "diarizer_label"}


def without_names(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: without_names(item) for key, item in found.items() if key not in NAMED}
    return [without_names(item) for item in found] if isinstance(found, list) else found


def named(name: str, *people: str) -> Any:
    document = read(sample(name))
    return json.loads(write_labels(labels(document.segments, *people), source=document))


def test_a_label_stays_beside_the_name_and_words_follow() -> None:
    found = named("assemblyai", "Ada", "Bob")
    first = found["utterances"][0]
    assert (first["speaker"], first["diarizer_label"]) == ("Ada", "A")
    assert {word["speaker"] for word in first["words"]} == {"Ada"}
    assert [word["speaker"] for word in found["words"]] == ["Ada"] * 4 + ["Bob"] * 2


def test_a_number_stays_and_the_name_goes_beside_it() -> None:
    results = named("deepgram", "Ada", "Bob")["results"]
    best = results["channels"][0]["alternatives"][0]
    for objects in (results["utterances"], best["paragraphs"]["paragraphs"], best["words"]):
        assert {(one["speaker"], one["speaker_name"]) for one in objects} == {
            (0, "Ada"),
            (1, "Bob"),
        }
    assert "diarizer_label" not in json.dumps(results)


def test_punctuation_follows_its_word() -> None:
    results = named("aws", "Ada", "Bob")["results"]
    assert [item["speaker_label"] for item in results["items"]] == ["Ada"] * 4 + ["Bob"] * 2
    labelled = results["speaker_labels"]["segments"]
    assert [one["speaker_label"] for one in labelled] == ["Ada", "Bob"]
    assert {item["speaker_label"] for item in labelled[0]["items"]} == {"Ada"}


def test_words_of_verbose_json_get_names() -> None:
    found = named("openai_verbose", "Ada", "Bob")
    assert [word["speaker"] for word in found["words"]] == ["Ada"] * 4 + ["Bob"] * 2


def test_a_document_without_a_place_for_names() -> None:
    found = json.loads(sample("ibm"))
    del found["speaker_labels"]
    document = read(json.dumps(found))
    assert [one.text for one in document.segments] == ["hello yeah yeah", "how's Billy"]
    with pytest.raises(FormatError, match=r"no place for a speaker at 0\.28 s: write json"):
        write_labels(labels(document.segments, "Ada", "Bob"), source=document)


def test_new_documents() -> None:
    turns = [Turn(0.5, 2, "S0", "Hi there."), Turn(3, 4.5)]
    podcast = read(write_labels(labels(turns, "Ada", None), "podcast"))
    assert podcast.format.name == "podcast"
    assert [(one.label, one.text) for one in podcast.segments] == [
        ("Ada", "Hi there."),
        (None, ""),
    ]
    for service in sorted(set(MATCHES) - {"whisperx", "podcast"}):
        with pytest.raises(FormatError, match=f"only a document of {service} itself"):
            write_labels(labels(turns, "Ada", None), service)


@pytest.mark.parametrize("name", ["json", "whisperx"])
def test_new_documents_have_text(name: str) -> None:
    found = json.loads(write_labels(unasked([Turn(0.5, 2, "S0", "Hi.")]), name))
    segments = found if name == "json" else found["segments"]
    assert segments == [{"start": 0.5, "end": 2, "text": "Hi.", "speaker": "S0"}]


def test_a_name_that_is_nobody_elsewhere() -> None:
    document = read(sample("google_v1"))
    written = write_labels(labels(document.segments, "0", "Ada"), source=document)
    assert [one.label for one in read(written).segments] == ["0", "Ada"]


def test_results_without_speakers_stay_beside_others() -> None:
    found = json.loads(sample("google_v2"))
    for word in found["results"][0]["alternatives"][0]["words"]:
        del word["speakerLabel"]
    assert [(one.start, one.label) for one in read(json.dumps(found)).segments] == [
        (0.0, None),
        (2.1, "2"),
    ]


def test_channels_with_numbered_speakers() -> None:
    found = json.loads(sample("deepgram_channels"))
    for channel in found["results"]["channels"]:
        for word in channel["alternatives"][0]["words"]:
            word["speaker"] = 0
    assert [one.label for one in read(json.dumps(found)).segments] == [
        "channel 0, speaker 0",
        "channel 1, speaker 0",
    ]


@pytest.mark.parametrize(
    ("name", "path", "value", "message"),
    [
        ("assemblyai", ("utterances", 0, "end"), 2.5, r"segment 0: found 2\.5, expected a whole"),
        ("assemblyai", ("utterances", 1), 7, "segment 1: found 7, expected an object with times"),
        ("whispercpp", ("transcription", 1, "offsets"), {}, 'segment 1: .*a time as "offsets"'),
        ("aws", ("results", "audio_segments", 0, "end_time"), "x", "found 'x', expected seconds"),
        ("google_v2", ("results", 0, "alternatives", 0, "words", 0, "endOffset"), "1", "1.300s"),
        ("azure", ("recognizedPhrases", 1, "offset"), "soon", "a duration such as PT1M4.12S"),
        ("rev", ("monologues", 0, "speaker"), [], r"segment 0: found \[\], expected text"),
        ("podcast_phrases", ("segments", 1, "endTime"), None, 'segment 1: .* a time as "endTime"'),
    ],
)
def test_what_is_malformed(name: str, path: tuple[Any, ...], value: object, message: str) -> None:
    document = json.loads(sample(name))
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(FormatError, match=message):
        read(json.dumps(document))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            {"results": [{"alternatives": [{"transcript": "hi"}], "languageCode": "en-us"}]},
            "text without times: ask for enableWordTimeOffsets",
        ),
        (
            {"result_index": 0, "results": [{"alternatives": [{"transcript": "hi "}]}]},
            "text without times: ask for timestamps",
        ),
        ({"results": {"transcripts": [{"transcript": "hi"}], "items": []}}, "text without times"),
    ],
)
def test_text_without_times(found: object, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read(json.dumps(found))


@pytest.mark.parametrize(
    "found",
    [
        {"results": {"channels": [{"alternatives": [{"transcript": "", "words": []}]}]}},
        {"audio_url": "x", "text": "", "words": [], "utterances": []},
        {"results": {"transcripts": [{"transcript": ""}], "items": []}},
        {"systeminfo": "x", "transcription": []},
        {"result_index": 0, "results": []},
    ],
)
def test_nothing_was_said(found: object) -> None:
    assert read(json.dumps(found)).segments == ()


def test_lists_that_are_missing() -> None:
    with pytest.raises(FormatError, match="expected a list as utterances or words"):
        read('{"audio_url": "x", "status": "queued", "utterances": null}')


def test_an_unknown_shape_lists_the_known(tmp_path: Path) -> None:
    text = '{"speech": [], "version": 7}'
    path = tmp_path / "talk.json"
    path.write_text(text)
    for source in (path, io.StringIO(text)):
        with pytest.raises(
            FormatError, match=r"object with the keys 'speech', 'version'"
        ) as caught:
            read_document(source)
        assert all(name in str(caught.value) for name in MATCHES)


def test_another_format_than_was_said() -> None:
    with pytest.raises(FormatError, match="'monologues', expected the JSON of deepgram"):
        read(sample("rev"), "deepgram")
    with pytest.raises(
        FormatError, match="found the JSON of rev, expected a list of segments: name that"
    ):
        read(sample("rev"), "json")
