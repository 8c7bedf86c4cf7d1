"""Measuring answers against references."""
