"""Stores with known contents."""
