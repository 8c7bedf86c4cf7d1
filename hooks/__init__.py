"""The public API of the hooks: from audio and segments to named speakers, and for plugins."""

from pgvoice.hooks.encoders.encoder import Embeddings, Encoder, Waveform
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.enroll import Recording, enroll_recordings, enroll_video
from pgvoice.hooks.errors import (
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
    NotLabelled,
    PluginError,
    ProfileRefused,
    TooLittleSpeech,
)
from pgvoice.hooks.fill.embedding_pass import extract_embeddings_batch
from pgvoice.hooks.fill.fill import fill
from pgvoice.hooks.fill.recompute import Recomputed, recompute
from pgvoice.hooks.formats.format import Format, RegisterFormat
from pgvoice.hooks.formats.reading import (
    SegmentsDocument,
    read_document,
    read_recordings,
    read_segments,
    registered_formats,
)
from pgvoice.hooks.formats.times import parse_span, parse_time
from pgvoice.hooks.formats.writing import save_labels, write_labels
from pgvoice.hooks.identify import identify
from pgvoice.hooks.labels_export import stored_labels
from pgvoice.hooks.pipeline import Pipeline, PipelineResult
from pgvoice.hooks.plugins.calls import segments_ready
from pgvoice.hooks.plugins.specs import (
    EncoderFactory,
    FindAudio,
    RegisterAudioSource,
    RegisterCommand,
    RegisterEncoder,
    hookimpl,
)
from pgvoice.hooks.profiles.exported import export_profiles
from pgvoice.hooks.profiles.importing import Imported, import_profiles
from pgvoice.hooks.results import FillReport, IdentifyResult, Labelled
from pgvoice.hooks.sources import inside_folder, resolve_audio
from pgvoice.store.turns import Turn

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
    "MetricsRefused",
    "NotEnrollable",
    "NotEvaluable",
    "NotLabelled",
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
    "SegmentsDocument",
    "TooLittleSpeech",
    "Turn",
    "Waveform",
    "enroll_recordings",
    "enroll_video",
    "export_profiles",
    "extract_embeddings_batch",
    "fill",
    "hookimpl",
    "identify",
    "import_profiles",
    "inside_folder",
    "make_encoder",
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
    "write_labels",
]
