"""The hooks: from audio and segments to rows in the store, and the plugins that take part."""

from pgvoice.hooks.answers import IdentifyResult, Labelled
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.enroll.enroll import Recording, enroll_recordings, enroll_video
from pgvoice.hooks.errors import (
    AudioError,
    AudioNotFound,
    AudioSourceFailed,
    AudioTruncated,
    AudioUnreadable,
    EncoderUnavailable,
    FormatError,
    InvalidSegments,
    NotEnrollable,
    PluginError,
    ProfileRefused,
    TooLittleSpeech,
)
from pgvoice.hooks.fill.extraction import extract_embeddings_batch
from pgvoice.hooks.fill.fill import fill
from pgvoice.hooks.fill.recompute import Recomputed, recompute
from pgvoice.hooks.fill.report import FillReport
from pgvoice.hooks.formats.format import Format
from pgvoice.hooks.formats.reading import SegmentsDocument, read_document, read_segments
from pgvoice.hooks.formats.writing import save_labels, write_labels
from pgvoice.hooks.identify import identify
from pgvoice.hooks.pipeline import Pipeline, PipelineResult
from pgvoice.hooks.plugins.calls import segments_ready
from pgvoice.hooks.plugins.specs import hookimpl
from pgvoice.hooks.profiles.exported import export_profiles
from pgvoice.hooks.profiles.importing import Imported, import_profiles
from pgvoice.hooks.sources.resolve import resolve_audio
from pgvoice.store.turns import Turn

__all__ = [
    "AudioError",
    "AudioNotFound",
    "AudioSourceFailed",
    "AudioTruncated",
    "AudioUnreadable",
    "Encoder",
    "EncoderUnavailable",
    "FillReport",
    "Format",
    "FormatError",
    "IdentifyResult",
    "Imported",
    "InvalidSegments",
    "Labelled",
    "NotEnrollable",
    "Pipeline",
    "PipelineResult",
    "PluginError",
    "ProfileRefused",
    "Recomputed",
    "Recording",
    "SegmentsDocument",
    "TooLittleSpeech",
    "Turn",
    "enroll_recordings",
    "enroll_video",
    "export_profiles",
    "extract_embeddings_batch",
    "fill",
    "hookimpl",
    "identify",
    "import_profiles",
    "make_encoder",
    "read_document",
    "read_segments",
    "recompute",
    "resolve_audio",
    "save_labels",
    "segments_ready",
    "write_labels",
]
