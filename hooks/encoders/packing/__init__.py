"""Segments of any length packed end to end, so that one pass serves many without padding."""
