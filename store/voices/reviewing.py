"""The queue of unknown voices to listen to and name, and what helps to decide about one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from sqlalchemy import Connection, text

from pgvoice.store.errors import UnknownVoiceNumber
from pgvoice.store.recordings.encoders import ASKED, ENCODER_LABEL
from pgvoice.store.voices import unknown
from pgvoice.store.voices.unknown import Clip, UnknownVoice, VoiceAppearance

#: What a card has of where a voice is heard, and of clips.
HEARD, CLIPS = 30, 5


@dataclass(frozen=True, slots=True)
class QueuedVoice(UnknownVoice):
    """An unknown voice or a suggestion that waits for an answer."""

    #: Who comes second; None if nobody else is enrolled.
    rival: str | None
    rival_similarity: float | None
    #: How open it is who that is, from 0.5 to 1; 1 if nobody is suggested (`pgvoice.uncertainty`).
    uncertainty: float
    #: All speech that an answer would name, overlapped or not, in seconds.
    speech_seconds: float


@dataclass(frozen=True, slots=True)
class QueueSize:
    """What is in the queue."""

    voices: int
    #: All their speech.
    speech_seconds: float


@dataclass(frozen=True, slots=True)
class NearPerson:
    """An enrolled person whose profile is like an unknown voice."""

    speaker: str
    #: In [-1, 1].
    similarity: float
    #: Whether `Voices.accept` takes this person.
    suggested: bool
    #: Of a recording that the person was enrolled with; None if the store has no such recording.
    sample: Clip | None


@dataclass(frozen=True, slots=True)
class NearVoice:
    """Another unknown voice that may be the same person."""

    number: int
    #: In [-1, 1].
    similarity: float
    recordings: int
    #: Of clean speech, and of all speech.
    seconds: float
    speech_seconds: float
    #: A part to listen to; None if there is none.
    clip: Clip | None


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """A turn of a recording with an unknown voice, with its text."""

    video: str
    #: In seconds.
    start: float
    end: float
    #: The diarizer's.
    label: str | None
    #: Whether the unknown voice speaks, or somebody else near the clip.
    is_voice: bool
    #: Whether it is within 10 s of the first clip; else it is one of the longest.
    near_clip: bool
    text: str


@dataclass(frozen=True, slots=True)
class VoiceCard:
    """What there is to hear, read and compare of an unknown voice."""

    voice: QueuedVoice
    #: Where it is heard, the most typical first; at most `HEARD`.
    heard: tuple[VoiceAppearance, ...]
    #: Their clips, one of each recording; at most `CLIPS`.
    clips: tuple[Clip, ...]
    people: tuple[NearPerson, ...]
    others: tuple[NearVoice, ...]
    #: Those near the first clip in time order, then the longest; none unless the store keeps text.
    turns: tuple[SpokenTurn, ...]


def queue(
    connection: Connection, limit: int | None, skip: Iterable[int], encoder_id: int | None
) -> list[QueuedVoice]:
    """The unknown voices to decide next."""
    rows = connection.execute(_QUEUE, {"limit": limit, "skip": list(skip), "encoder": encoder_id})
    return [QueuedVoice(*row) for row in rows]


def size(connection: Connection, skip: Iterable[int], encoder_id: int | None) -> QueueSize:
    """How much is in the queue."""
    asked = {"skip": list(skip), "encoder": encoder_id}
    return QueueSize(*connection.execute(_SIZE, asked).one())


def card(connection: Connection, number: int, limit: int, encoder_id: int | None) -> VoiceCard:
    """All about one unknown voice; at most `limit` people, voices and turns beside the clip's."""
    asked = {"number": number, "limit": limit, "encoder": encoder_id}
    row = connection.execute(_VOICE, asked).one_or_none()
    if row is None:
        raise UnknownVoiceNumber(f"this encoder has not heard voice {number}", ended=False)
    voice = QueuedVoice(*row)
    heard = unknown.typical(connection, number, encoder_id, HEARD)
    return VoiceCard(
        voice,
        tuple(heard),
        tuple(_clips_of(heard)[:CLIPS]),
        tuple(
            NearPerson(name, similarity, voice.suggested and name == voice.nearest, _clip(*part))
            for name, similarity, *part in connection.execute(_PEOPLE, asked)
        ),
        tuple(
            NearVoice(other, similarity, recordings, seconds, speech, _clip(*part))
            for other, similarity, recordings, seconds, speech, *part in connection.execute(
                _OTHERS, asked
            )
        ),
        tuple(SpokenTurn(*row) for row in connection.execute(_TURNS, asked)),
    )


def clips(
    connection: Connection, number: int, limit: int | None, encoder_id: int | None
) -> list[Clip]:
    """Parts of an unknown voice to listen to, the most typical first."""
    asked = {"number": number, "limit": limit, "encoder": encoder_id}
    return [Clip(*row) for row in connection.execute(_CLIPS, asked)]


def _clips_of(heard: Iterable[VoiceAppearance]) -> list[Clip]:
    best: dict[str, Clip] = {}
    for each in heard:
        if each.clip is not None:
            best.setdefault(each.video, Clip(each.video, each.source, *each.clip))
    return list(best.values())


def _clip(
    video: str | None, source: str | None, start: float | None, end: float | None
) -> Clip | None:
    if video is None or start is None or end is None:
        return None
    return Clip(video, source, start, end)


_COLUMNS = ", ".join(
    ENCODER_LABEL if field.name == "encoder" else field.name for field in fields(QueuedVoice)
)
_QUEUE = text(
    f"SELECT {_COLUMNS} FROM pgvoice.review_queue("  # noqa: S608 - of constants
    f":limit, CAST(:skip AS bigint[]), {ASKED})"
)
_SIZE = text(
    "SELECT voices, speech_seconds FROM pgvoice.review_left("  # noqa: S608
    f"CAST(:skip AS bigint[]), {ASKED})"
)
_VOICE = text(
    f"SELECT {_COLUMNS} FROM pgvoice.review_voice(:number, {ASKED})"  # noqa: S608 - of constants
)
_CLIPS = text(
    f"SELECT video, source, start_s, end_s FROM pgvoice.voice_clips(:number, :limit, {ASKED})"  # noqa: S608
)
_PEOPLE = text(
    "SELECT speaker, similarity, video, source, start_s, end_s"  # noqa: S608
    f" FROM pgvoice.voice_people(:number, :limit, {ASKED})"
)
_OTHERS = text(
    "SELECT number, similarity, recordings, seconds, speech_seconds, video, source, start_s, end_s"  # noqa: S608
    f" FROM pgvoice.similar_voices(:number, :limit, {ASKED})"
)
_TURNS = text(
    "SELECT video, start_s, end_s, label, is_voice, near_clip, text"  # noqa: S608
    f" FROM pgvoice.voice_turns(:number, :limit, {ASKED})"
)
