"""Segments from the files of other tools, and names into them: JSON, WhisperX, RTTM, SRT, VTT."""

from pgvoice.hooks.formats.format import Format, InputSegment
from pgvoice.hooks.formats.reading import SegmentsDocument, read_document, read_segments
from pgvoice.hooks.formats.recordings import read_recordings
from pgvoice.hooks.formats.registry import registered_formats
from pgvoice.hooks.formats.times import parse_span, parse_time
from pgvoice.hooks.formats.writing import save_labels, write_labels

__all__ = [
    "Format",
    "InputSegment",
    "SegmentsDocument",
    "parse_span",
    "parse_time",
    "read_document",
    "read_recordings",
    "read_segments",
    "registered_formats",
    "save_labels",
    "write_labels",
]
