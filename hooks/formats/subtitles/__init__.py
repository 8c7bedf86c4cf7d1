"""Subtitle formats: SRT and WebVTT."""
