"""Malformed documents and requests, and the console sessions of the README."""
