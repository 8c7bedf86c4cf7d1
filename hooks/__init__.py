"""The hooks: from audio and segments to rows in the store, and the plugins that take part."""

from pgvoice.hooks.calls import segments_ready
from pgvoice.hooks.encoder import Encoder
from pgvoice.hooks.enrolling import Recording, enroll_recordings, enroll_video
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
from pgvoice.hooks.extraction import extract_embeddings_batch
from pgvoice.hooks.filling import FillReport, fill
from pgvoice.hooks.identifying import IdentifyResult, identify
from pgvoice.hooks.labelled import Labelled
from pgvoice.hooks.pipeline import Pipeline, PipelineResult
from pgvoice.hooks.profiles import Imported, export_profiles, import_profiles
from pgvoice.hooks.recomputing import Recomputed, recompute
from pgvoice.hooks.registry import make_encoder
from pgvoice.hooks.sources import resolve_audio
from pgvoice.hooks.specs import hookimpl

__all__ = [
    "AudioError",
    "AudioNotFound",
    "AudioSourceFailed",
    "AudioTruncated",
    "AudioUnreadable",
    "Encoder",
    "EncoderUnavailable",
    "FillReport",
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
    "TooLittleSpeech",
    "enroll_recordings",
    "enroll_video",
    "export_profiles",
    "extract_embeddings_batch",
    "fill",
    "hookimpl",
    "identify",
    "import_profiles",
    "make_encoder",
    "recompute",
    "resolve_audio",
    "segments_ready",
]
