"""Enrollment from audio."""
