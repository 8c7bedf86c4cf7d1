"""Segments from the files of other tools: JSON, WhisperX, RTTM, SRT, WebVTT."""

from pgvoice.hooks.formats.format import Format, InputSegment
from pgvoice.hooks.formats.reading import read_segments
from pgvoice.hooks.formats.registry import registered_formats
from pgvoice.hooks.formats.times import parse_span, parse_time

__all__ = [
    "Format",
    "InputSegment",
    "parse_span",
    "parse_time",
    "read_segments",
    "registered_formats",
]
