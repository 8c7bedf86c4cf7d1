"""The store: voice embeddings, speakers and identities in Postgres, without audio or models."""

from pgvoice.store.encoders import EncoderIdentity, StoredEncoder, Threshold
from pgvoice.store.errors import (
    AudioChanged,
    DatabaseError,
    InvalidSegment,
    NoEmbedding,
    PgvoiceError,
    SpeakerExists,
    UnknownEncoder,
    UnknownSpeaker,
    UnknownVideo,
)
from pgvoice.store.fills import FillRun
from pgvoice.store.identify import Identification
from pgvoice.store.keys import SegmentKey
from pgvoice.store.pruning import PruneSelection
from pgvoice.store.search import Appearance
from pgvoice.store.segments import SegmentRow
from pgvoice.store.speakers import Enrollment, Exemplar, SpeakerSummary, StoredExemplar
from pgvoice.store.statistics import CacheStatistics
from pgvoice.store.videos import VideoAudio
from pgvoice.store.voice_store import VoiceStore

__all__ = [
    "Appearance",
    "AudioChanged",
    "CacheStatistics",
    "DatabaseError",
    "EncoderIdentity",
    "Enrollment",
    "Exemplar",
    "FillRun",
    "Identification",
    "InvalidSegment",
    "NoEmbedding",
    "PgvoiceError",
    "PruneSelection",
    "SegmentKey",
    "SegmentRow",
    "SpeakerExists",
    "SpeakerSummary",
    "StoredEncoder",
    "StoredExemplar",
    "Threshold",
    "UnknownEncoder",
    "UnknownSpeaker",
    "UnknownVideo",
    "VideoAudio",
    "VoiceStore",
]
