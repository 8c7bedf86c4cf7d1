"""Segmenters for tests."""
