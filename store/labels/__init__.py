"""Kept labels: runs, pins, and the current labels."""
