"""Sounds made for tests, and real recordings where they are."""
