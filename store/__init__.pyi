"""The store: voice embeddings, speakers and labels in Postgres; needs no audio and no model."""

from .answers.appearances import Appearance
from .answers.clusters import (
    ClusterIdentification,
    ClusterPart,
    ClusterSummary,
    summarize_clusters,
)
from .answers.identify import Identification, Suggestion
from .answers.index_building import BuildReport
from .answers.indexes import BuildMemory, BuildProgress, IndexStatus
from .answers.similar import SimilarFilter, SimilarSegment
from .answers.text_search import FoundTurn
from .encoders.exporting import RecordingVectors
from .encoders.given_vectors import GivenVector
from .encoders.importing import ImportedEncoder, VectorsImport, VectorsImported
from .errors import (
    ActNotUndoable,
    AmbiguousSpan,
    AudioChanged,
    CalibrationUnsupported,
    CancellingExemplars,
    ConsentMissing,
    CopyDiffers,
    DatabaseError,
    EncoderImported,
    EnrollmentRefused,
    IncoherentExemplars,
    IndexBusy,
    InvalidSegment,
    LabelIsNoName,
    LastExemplar,
    LinkingDisabled,
    NewName,
    NoEmbedding,
    NoSegment,
    NoSuggestion,
    NotHearable,
    NothingToSplit,
    OptedOut,
    OverlappedSpeech,
    PgvectorOutdated,
    PgvoiceError,
    SharedExemplars,
    SoundsLikeAnother,
    SpeakerExists,
    TargetInUse,
    TooLittleSpeech,
    UnknownAct,
    UnknownCalibration,
    UnknownEncoder,
    UnknownExemplar,
    UnknownLabel,
    UnknownRun,
    UnknownSpeaker,
    UnknownTurnLabel,
    UnknownVideo,
    UnknownVoiceNumber,
    VectorsRefused,
)
from .keys import SegmentKey
from .labels.current import Label, SpeakerTime
from .labels.runs import LabelMove, LabelRun, Relabelling
from .labels.words import Word
from .people.enrollments import Enrollment, Exemplar
from .people.quality import Outlier, ProfileQuality
from .people.resemblance import LeftOut
from .people.speakers import DroppedExemplar, SpeakerSummary, StoredExemplar
from .people.splitting import MovedExemplar, Split
from .privacy.audit import AuditEvent
from .privacy.consents import Consent, StoredConsent
from .privacy.erasing import ErasedRows, Erasure
from .privacy.privacy import OptOut
from .privacy.retention import Retention
from .recordings.encoders import EncoderIdentity, StoredEncoder, Threshold
from .recordings.fills import FillRun
from .recordings.listing import StoredVideo, VideoSummary
from .recordings.segment_rows import SegmentRow
from .recordings.segments import PruneSelection
from .recordings.statistics import CacheStatistics
from .recordings.turns import TurnsStored
from .recordings.typed_spans import ResolvedSpeech
from .recordings.videos import VideoAudio
from .thresholds.calibration import Calibration
from .thresholds.judging import Band, Figures
from .thresholds.library import LibraryTail
from .thresholds.requirement import BandThreshold, Requirement
from .turns import Turn
from .upkeep.events import Event, Listening
from .upkeep.store_copy import TableSum
from .upkeep.upkeep import SampledSegment, StoreCheck
from .voice_store import VoiceStore
from .voices.acts import Act, Undone
from .voices.linking import Linking, LinkingSettings
from .voices.naming import Change, Naming
from .voices.reviewing import (
    NearPerson,
    NearVoice,
    QueuedVoice,
    QueueSize,
    SpokenTurn,
    VoiceCard,
)
from .voices.unknown import Clip, UnknownVoice, VoiceAppearance, VoiceSuggestion

__all__ = [
    "Act",
    "ActNotUndoable",
    "AmbiguousSpan",
    "Appearance",
    "AudioChanged",
    "AuditEvent",
    "Band",
    "BandThreshold",
    "BuildMemory",
    "BuildProgress",
    "BuildReport",
    "CacheStatistics",
    "Calibration",
    "CalibrationUnsupported",
    "CancellingExemplars",
    "Change",
    "Clip",
    "ClusterIdentification",
    "ClusterPart",
    "ClusterSummary",
    "Consent",
    "ConsentMissing",
    "CopyDiffers",
    "DatabaseError",
    "DroppedExemplar",
    "EncoderIdentity",
    "EncoderImported",
    "Enrollment",
    "EnrollmentRefused",
    "ErasedRows",
    "Erasure",
    "Event",
    "Exemplar",
    "Figures",
    "FillRun",
    "FoundTurn",
    "GivenVector",
    "Identification",
    "ImportedEncoder",
    "IncoherentExemplars",
    "IndexBusy",
    "IndexStatus",
    "InvalidSegment",
    "Label",
    "LabelIsNoName",
    "LabelMove",
    "LabelRun",
    "LastExemplar",
    "LeftOut",
    "LibraryTail",
    "Linking",
    "LinkingDisabled",
    "LinkingSettings",
    "Listening",
    "MovedExemplar",
    "Naming",
    "NearPerson",
    "NearVoice",
    "NewName",
    "NoEmbedding",
    "NoSegment",
    "NoSuggestion",
    "NotHearable",
    "NothingToSplit",
    "OptOut",
    "OptedOut",
    "Outlier",
    "OverlappedSpeech",
    "PgvectorOutdated",
    "PgvoiceError",
    "ProfileQuality",
    "PruneSelection",
    "QueueSize",
    "QueuedVoice",
    "RecordingVectors",
    "Relabelling",
    "Requirement",
    "ResolvedSpeech",
    "Retention",
    "SampledSegment",
    "SegmentKey",
    "SegmentRow",
    "SharedExemplars",
    "SimilarFilter",
    "SimilarSegment",
    "SoundsLikeAnother",
    "SpeakerExists",
    "SpeakerSummary",
    "SpeakerTime",
    "Split",
    "SpokenTurn",
    "StoreCheck",
    "StoredConsent",
    "StoredEncoder",
    "StoredExemplar",
    "StoredVideo",
    "Suggestion",
    "TableSum",
    "TargetInUse",
    "Threshold",
    "TooLittleSpeech",
    "Turn",
    "TurnsStored",
    "Undone",
    "UnknownAct",
    "UnknownCalibration",
    "UnknownEncoder",
    "UnknownExemplar",
    "UnknownLabel",
    "UnknownRun",
    "UnknownSpeaker",
    "UnknownTurnLabel",
    "UnknownVideo",
    "UnknownVoice",
    "UnknownVoiceNumber",
    "VectorsImport",
    "VectorsImported",
    "VectorsRefused",
    "VideoAudio",
    "VideoSummary",
    "VoiceAppearance",
    "VoiceCard",
    "VoiceStore",
    "VoiceSuggestion",
    "Word",
    "summarize_clusters",
]
