"""Enrollment from audio: whose speech it is, and windows of it as exemplars."""
