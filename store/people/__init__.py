"""Speakers, their exemplars and profiles, and how well they are enrolled."""
