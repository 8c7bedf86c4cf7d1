"""Linking voices of a large library."""
