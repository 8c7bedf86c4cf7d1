"""Speakers, their exemplars and profiles, and the quality of these."""
