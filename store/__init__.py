"""The store: voice embeddings, speakers and identities in Postgres, without audio or models."""

from pgvoice.store.attributions import LabelMove, LabelRun, Relabelling
from pgvoice.store.audit import AuditEvent
from pgvoice.store.calibration import Calibration
from pgvoice.store.clusters import (
    ClusterIdentification,
    ClusterPart,
    ClusterSummary,
    summarize_clusters,
)
from pgvoice.store.consents import Consent, StoredConsent
from pgvoice.store.encoders import EncoderIdentity, StoredEncoder, Threshold
from pgvoice.store.enrollments import Enrollment, Exemplar
from pgvoice.store.erasing import ErasedRows, Erasure
from pgvoice.store.errors import (
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
    NoEmbedding,
    OptedOut,
    PgvoiceError,
    SharedExemplars,
    SoundsLikeAnother,
    SpeakerExists,
    TargetInUse,
    UnknownCalibration,
    UnknownEncoder,
    UnknownLabel,
    UnknownRun,
    UnknownSpeaker,
    UnknownVideo,
)
from pgvoice.store.fills import FillRun
from pgvoice.store.hygiene import Outlier, ProfileQuality
from pgvoice.store.identify import Identification
from pgvoice.store.index_building import BuildReport
from pgvoice.store.indexes import BuildProgress, IndexStatus
from pgvoice.store.judging import Band, Figures
from pgvoice.store.keys import SegmentKey
from pgvoice.store.labels import Label, SpeakerTime
from pgvoice.store.opt_outs import OptOut
from pgvoice.store.privacy import Privacy
from pgvoice.store.pruning import PruneSelection
from pgvoice.store.references import Turn
from pgvoice.store.retention import Retention
from pgvoice.store.search import Appearance
from pgvoice.store.segments import SegmentRow
from pgvoice.store.similar import SimilarFilter, SimilarSegment
from pgvoice.store.speakers import SpeakerSummary, StoredExemplar
from pgvoice.store.statistics import CacheStatistics
from pgvoice.store.table_rows import TableSum
from pgvoice.store.verifying import SampledSegment, StoreCheck
from pgvoice.store.videos import VideoAudio
from pgvoice.store.voice_store import VoiceStore

__all__ = [
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
    "NoEmbedding",
    "OptOut",
    "OptedOut",
    "Outlier",
    "PgvoiceError",
    "Privacy",
    "ProfileQuality",
    "PruneSelection",
    "Relabelling",
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
    "TableSum",
    "TargetInUse",
    "Threshold",
    "Turn",
    "UnknownCalibration",
    "UnknownEncoder",
    "UnknownLabel",
    "UnknownRun",
    "UnknownSpeaker",
    "UnknownVideo",
    "VideoAudio",
    "VoiceStore",
    "summarize_clusters",
]
