"""Profiles as files: our own between stores, and those and the source lists of other pipelines."""
