"""Segments of any length packed end to end, so that one pass encodes many without padding."""
