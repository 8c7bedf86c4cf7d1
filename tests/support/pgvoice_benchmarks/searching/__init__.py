"""Queries over a library of vectors, in pgvoice and in other systems."""
