"""Filling: one pass over the audio for the segments that the store is missing."""
