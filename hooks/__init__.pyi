"""The public API of the hooks: from audio and segments to named speakers, and for plugins."""

from .encoders.encoder import Embeddings, Encoder, Waveform
from .encoders.registry import make_encoder
from .enroll.enroll import Recording, enroll_recordings, enroll_video
from .errors import (
    AudioError,
    AudioNotFound,
    AudioSourceFailed,
    AudioTruncated,
    AudioUnreadable,
    ClusterUnavailable,
    EncoderUnavailable,
    ExtraMissing,
    FormatError,
    InvalidSegments,
    MetricsRefused,
    NotEnrollable,
    NotEvaluable,
    NothingToHear,
    NotLabelled,
    NotPlayable,
    NotTheDefaultEncoder,
    PluginError,
    ProfileRefused,
    SegmenterFailed,
    SegmenterUnavailable,
    SwitchRefused,
    SwitchStopped,
    TimesBeyondAudio,
)
from .fill.embedding_pass import extract_embeddings_batch
from .fill.fill import fill
from .fill.recompute import Recomputed, recompute
from .formats.format import Format, RegisterFormat
from .formats.reading import (
    SegmentsDocument,
    read_document,
    read_recordings,
    read_segments,
    registered_formats,
)
from .formats.times import parse_span, parse_time
from .formats.writing import save_labels, write_labels
from .identify import identify
from .labels_export import stored_labels
from .labels_import import LabelsImport, NameChange, import_labels
from .pipeline import Pipeline, PipelineResult
from .plugins.calls import segments_ready
from .plugins.specs import (
    EncoderFactory,
    FindAudio,
    RegisterAudioSource,
    RegisterCommand,
    RegisterEncoder,
    RegisterPage,
    RegisterSegmenter,
    SegmenterFactory,
    hookimpl,
)
from .profiles.exported import export_profiles
from .profiles.importing import Imported, import_profiles
from .results import FillReport, IdentifyResult, Labelled
from .segmenters.registry import make_segmenter
from .segmenters.segmenter import Segmenter, SegmenterAudio, SegmenterIdentity
from .sources import inside_folder, resolve_audio
from .switch.report import SwitchReport
from .switch.switch import switch_encoder
from .turns import Turn
from .vectors.exporting import VectorsExported, export_vectors
from .vectors.importing import import_vectors

__all__ = [
    "AudioError",
    "AudioNotFound",
    "AudioSourceFailed",
    "AudioTruncated",
    "AudioUnreadable",
    "ClusterUnavailable",
    "Embeddings",
    "Encoder",
    "EncoderFactory",
    "EncoderUnavailable",
    "ExtraMissing",
    "FillReport",
    "FindAudio",
    "Format",
    "FormatError",
    "IdentifyResult",
    "Imported",
    "InvalidSegments",
    "Labelled",
    "LabelsImport",
    "MetricsRefused",
    "NameChange",
    "NotEnrollable",
    "NotEvaluable",
    "NotLabelled",
    "NotPlayable",
    "NotTheDefaultEncoder",
    "NothingToHear",
    "Pipeline",
    "PipelineResult",
    "PluginError",
    "ProfileRefused",
    "Recomputed",
    "Recording",
    "RegisterAudioSource",
    "RegisterCommand",
    "RegisterEncoder",
    "RegisterFormat",
    "RegisterPage",
    "RegisterSegmenter",
    "Segmenter",
    "SegmenterAudio",
    "SegmenterFactory",
    "SegmenterFailed",
    "SegmenterIdentity",
    "SegmenterUnavailable",
    "SegmentsDocument",
    "SwitchRefused",
    "SwitchReport",
    "SwitchStopped",
    "TimesBeyondAudio",
    "Turn",
    "VectorsExported",
    "Waveform",
    "enroll_recordings",
    "enroll_video",
    "export_profiles",
    "export_vectors",
    "extract_embeddings_batch",
    "fill",
    "hookimpl",
    "identify",
    "import_labels",
    "import_profiles",
    "import_vectors",
    "inside_folder",
    "make_encoder",
    "make_segmenter",
    "parse_span",
    "parse_time",
    "read_document",
    "read_recordings",
    "read_segments",
    "recompute",
    "registered_formats",
    "resolve_audio",
    "save_labels",
    "segments_ready",
    "stored_labels",
    "switch_encoder",
    "write_labels",
]
