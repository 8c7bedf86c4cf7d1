"""Searching the library for the page ``/search``."""
