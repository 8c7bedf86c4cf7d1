"""The store: voice embeddings, speakers and labels in Postgres; needs no audio and no model."""

from pgvoice.store.answers.appearances import Appearance
from pgvoice.store.answers.clusters import (
    ClusterIdentification,
    ClusterPart,
    ClusterSummary,
    summarize_clusters,
)
from pgvoice.store.answers.identify import Identification
from pgvoice.store.answers.index_building import BuildReport
from pgvoice.store.answers.indexes import BuildProgress, IndexStatus
from pgvoice.store.answers.similar import SimilarFilter, SimilarSegment
from pgvoice.store.errors import (
    AmbiguousSpan,
    AudioChanged,
    CalibrationUnsupported,
    CancellingExemplars,
    ConsentMissing,
    CopyDiffers,
    DatabaseError,
    EnrollmentRefused,
    IncoherentExemplars,
    IndexBusy,
    InvalidSegment,
    LabelIsNoName,
    LastExemplar,
    NoEmbedding,
    NoSegment,
    OptedOut,
    PgvectorOutdated,
    PgvoiceError,
    SharedExemplars,
    SoundsLikeAnother,
    SpeakerExists,
    TargetInUse,
    UnknownCalibration,
    UnknownEncoder,
    UnknownExemplar,
    UnknownLabel,
    UnknownRun,
    UnknownSpeaker,
    UnknownTurnLabel,
    UnknownVideo,
)
from pgvoice.store.keys import SegmentKey
from pgvoice.store.labels.current import Label, SpeakerTime
from pgvoice.store.labels.runs import LabelMove, LabelRun, Relabelling
from pgvoice.store.people.enrollments import Enrollment, Exemplar
from pgvoice.store.people.quality import Outlier, ProfileQuality
from pgvoice.store.people.speakers import DroppedExemplar, SpeakerSummary, StoredExemplar
from pgvoice.store.privacy.audit import AuditEvent
from pgvoice.store.privacy.consents import Consent, StoredConsent
from pgvoice.store.privacy.erasing import ErasedRows, Erasure
from pgvoice.store.privacy.privacy import OptOut, Retention
from pgvoice.store.recordings.encoders import EncoderIdentity, StoredEncoder, Threshold
from pgvoice.store.recordings.fills import FillRun
from pgvoice.store.recordings.listing import StoredVideo
from pgvoice.store.recordings.segment_rows import SegmentRow
from pgvoice.store.recordings.segments import PruneSelection
from pgvoice.store.recordings.statistics import CacheStatistics
from pgvoice.store.recordings.turns import TurnsStored
from pgvoice.store.recordings.typed_spans import ResolvedSpeech
from pgvoice.store.recordings.videos import VideoAudio
from pgvoice.store.thresholds.calibration import Calibration
from pgvoice.store.thresholds.judging import Band, Figures
from pgvoice.store.thresholds.requirement import Requirement
from pgvoice.store.turns import Turn
from pgvoice.store.upkeep.store_copy import TableSum
from pgvoice.store.upkeep.upkeep import SampledSegment, StoreCheck
from pgvoice.store.voice_store import VoiceStore

__all__ = [
    "AmbiguousSpan",
    "Appearance",
    "AudioChanged",
    "AuditEvent",
    "Band",
    "BuildProgress",
    "BuildReport",
    "CacheStatistics",
    "Calibration",
    "CalibrationUnsupported",
    "CancellingExemplars",
    "ClusterIdentification",
    "ClusterPart",
    "ClusterSummary",
    "Consent",
    "ConsentMissing",
    "CopyDiffers",
    "DatabaseError",
    "DroppedExemplar",
    "EncoderIdentity",
    "Enrollment",
    "EnrollmentRefused",
    "ErasedRows",
    "Erasure",
    "Exemplar",
    "Figures",
    "FillRun",
    "Identification",
    "IncoherentExemplars",
    "IndexBusy",
    "IndexStatus",
    "InvalidSegment",
    "Label",
    "LabelIsNoName",
    "LabelMove",
    "LabelRun",
    "LastExemplar",
    "NoEmbedding",
    "NoSegment",
    "OptOut",
    "OptedOut",
    "Outlier",
    "PgvectorOutdated",
    "PgvoiceError",
    "ProfileQuality",
    "PruneSelection",
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
    "StoreCheck",
    "StoredConsent",
    "StoredEncoder",
    "StoredExemplar",
    "StoredVideo",
    "TableSum",
    "TargetInUse",
    "Threshold",
    "Turn",
    "TurnsStored",
    "UnknownCalibration",
    "UnknownEncoder",
    "UnknownExemplar",
    "UnknownLabel",
    "UnknownRun",
    "UnknownSpeaker",
    "UnknownTurnLabel",
    "UnknownVideo",
    "VideoAudio",
    "VoiceStore",
    "summarize_clusters",
]
